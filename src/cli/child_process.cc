// SPDX-License-Identifier: GPL-2.0-only
#include "cli/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

extern char** environ;

namespace koi::cli {

namespace {

constexpr std::size_t kMaxOutputBytes = 1 << 20;

// The child must not inherit that we ignore SIGPIPE: `make | head` would never end.
Result<pid_t> spawn(const std::vector<std::string>& argv, posix_spawn_file_actions_t* actions) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::fflush(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words[0], actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return make_errno(error, "cannot start {}: {}", argv[0], std::strerror(error));
  return pid;
}

Result<int> wait_for(pid_t pid, const std::string& name) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return make_errno(errno, "cannot wait for {}: {}", name, std::strerror(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    if (text.size() < kMaxOutputBytes) text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

Result<int> run_child(const std::vector<std::string>& argv) {
  const pid_t pid = TRY(spawn(argv, nullptr));
  return wait_for(pid, argv[0]);
}

Result<ChildOutput> read_child(const std::vector<std::string>& argv) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return make_errno(errno, "cannot make a pipe: {}", std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  Result<pid_t> pid = spawn(argv, &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  ChildOutput output;
  if (pid) output.text = read_all(ends[0]);
  close(ends[0]);
  if (!pid) return pid.error();
  output.exit_code = TRY(wait_for(*pid, argv[0]));
  return output;
}

}  // namespace koi::cli
