// SPDX-License-Identifier: GPL-2.0-only
// measure_process [--own] RUNS PROGRAM ARGS...: prints the median microseconds from start to exit, and the largest
// resident size in KiB. Its own size is far below what it measures, which matters: a child's peak starts at its
// parent's. With --own a third number follows: the median of what is left of each run's time without the time in which the
// program, or this one after the program's end, could run and waited for a CPU that others had (/proc/PID/schedstat); and a
// fourth: the most page faults of a run.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

extern char** environ;

namespace {

// Microseconds that a process, which may have ended, waited for a CPU so far.
long waited_us(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/schedstat", static_cast<int>(pid));
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128] = {};
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  unsigned long long ran_ns = 0;
  unsigned long long waited_ns = 0;
  if (size <= 0 || std::sscanf(text, "%llu %llu", &ran_ns, &waited_ns) != 2) return 0;
  return static_cast<long>(waited_ns / 1000);
}

long median(std::vector<long>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const bool own = argc > 1 && std::strcmp(argv[1], "--own") == 0;
  if (own) {
    --argc;
    ++argv;
  }
  if (argc < 3) return 2;
  const int runs = std::atoi(argv[1]);
  std::vector<long> times_us;
  std::vector<long> own_us;
  long peak_kib = 0;
  long faults = 0;
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  for (int i = 0; i < runs; ++i) {
    const auto started = std::chrono::steady_clock::now();
    pid_t pid = 0;
    if (posix_spawnp(&pid, argv[2], &quiet, nullptr, argv + 2, environ) != 0) return 2;
    const long before_us = own ? waited_us(getpid()) : 0;
    siginfo_t ended_child{};
    if (waitid(P_PID, static_cast<id_t>(pid), &ended_child, WEXITED | WNOWAIT) != 0) return 2;
    const auto ended = std::chrono::steady_clock::now();
    const long took_us = std::chrono::duration_cast<std::chrono::microseconds>(ended - started).count();
    times_us.push_back(took_us);
    if (own) own_us.push_back(took_us - waited_us(pid) - (waited_us(getpid()) - before_us));
    int status = 0;
    rusage usage{};
    if (wait4(pid, &status, 0, &usage) != pid) return 2;
    peak_kib = std::max(peak_kib, usage.ru_maxrss);
    faults = std::max(faults, usage.ru_minflt);
  }
  if (times_us.empty()) return 2;
  std::printf("%ld %ld", median(times_us), peak_kib);
  if (own) std::printf(" %ld %ld", median(own_us), faults);
  std::printf("\n");
  return 0;
}
