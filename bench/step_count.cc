// SPDX-License-Identifier: GPL-2.0-only
// step_count PID: counts the instructions that a process (its main thread) executes, by single steps, from "ready" until its
// own standard input ends; then prints the number and lets the process go.
//
// Exact, and slow: about 2 us an instruction. valgrind cannot run koi, whose addresses are fixed, and virtual machines
// often have no hardware counters. The benchmark runs a loop with n turns and with 2n: the difference is n turns, whatever
// surrounds them.
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// A group stop or an event of ptrace's own is not for the process.
int signal_to_pass(int status) {
  const int signal = WSTOPSIG(status);
  return signal == SIGTRAP || (status >> 16) != 0 ? 0 : signal;
}

bool input_ended() {
  pollfd in{0, POLLIN, 0};
  return poll(&in, 1, 0) > 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: step_count PID\n", stderr);
    return 2;
  }
  const pid_t pid = std::atoi(argv[1]);
  int status = 0;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) die("ptrace");
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) die("ptrace");
  if (waitpid(pid, &status, 0) != pid) die("waitpid");
  std::puts("ready");
  std::fflush(stdout);
  constexpr unsigned kLook = 0x3ff;  // at the input, every so many steps
  unsigned long long steps = 0;
  int signal = 0;
  while ((steps & kLook) != 0 || !input_ended()) {
    if (ptrace(PTRACE_SINGLESTEP, pid, nullptr, signal) != 0) die("ptrace");
    // The process may wait for input itself: then nobody counts, and the end of our input is what ends it.
    while (waitpid(pid, &status, WNOHANG) == 0) {
      if (!input_ended()) continue;
      ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
      if (waitpid(pid, &status, 0) != pid) die("waitpid");
      signal = signal_to_pass(status);
      ptrace(PTRACE_DETACH, pid, nullptr, signal);
      std::printf("%llu\n", steps);
      return 0;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) return 1;
    signal = signal_to_pass(status);
    ++steps;
  }
  ptrace(PTRACE_DETACH, pid, nullptr, signal);
  std::printf("%llu\n", steps);
  return 0;
}
