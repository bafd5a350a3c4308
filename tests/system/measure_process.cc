// SPDX-License-Identifier: GPL-2.0-only
// measure_process RUNS PROGRAM ARGS...: prints the median microseconds from start to exit, and the largest
// resident size in KiB. Its own size is far below what it measures, which matters: a child's peak starts at its
// parent's.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

extern char** environ;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int runs = std::atoi(argv[1]);
  std::vector<long> times_us;
  long peak_kib = 0;
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  for (int i = 0; i < runs; ++i) {
    const auto started = std::chrono::steady_clock::now();
    pid_t pid = 0;
    if (posix_spawnp(&pid, argv[2], &quiet, nullptr, argv + 2, environ) != 0) return 2;
    int status = 0;
    rusage usage{};
    if (wait4(pid, &status, 0, &usage) != pid) return 2;
    const auto ended = std::chrono::steady_clock::now();
    times_us.push_back(std::chrono::duration_cast<std::chrono::microseconds>(ended - started).count());
    peak_kib = std::max(peak_kib, usage.ru_maxrss);
  }
  if (times_us.empty()) return 2;
  std::sort(times_us.begin(), times_us.end());
  std::printf("%ld %ld\n", times_us[times_us.size() / 2], peak_kib);
  return 0;
}
