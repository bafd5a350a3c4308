// SPDX-License-Identifier: GPL-2.0-only
// step_count PID STEPS FROM TO: the instructions of one turn of the loop that a process's main thread is in, by single steps;
// the loop's own text lies between the two addresses (hexadecimal).
//
// The process is stopped in the middle of the loop and makes STEPS steps; then it is let go. Each instruction of the loop
// itself is passed once a turn: of the addresses in its text that were met often, the one met least counts the turns (inner
// loops are met more often, what is done now and then much less). What the loop calls may take another way each time. Only the
// steps between its first and its last visit count: the loop may begin or end meanwhile. Exact, and slow: some microseconds
// an instruction. valgrind cannot run koi, whose addresses are fixed, and virtual machines often have no hardware counters.
// Prints the quotient.
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

namespace {

struct Visit {
  std::uint64_t times = 0, first = 0, last = 0;  // the numbers of the steps that met it

  // Steps from one visit to the next.
  [[nodiscard]] double apart() const {
    return static_cast<double>(last - first) / static_cast<double>(times - 1);
  }
};
using Visits = std::unordered_map<std::uint64_t, Visit>;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// A group stop or an event of ptrace's own is not for the process.
int signal_to_pass(int status) {
  const int signal = WSTOPSIG(status);
  return signal == SIGTRAP || (status >> 16) != 0 ? 0 : signal;
}

Visits step(pid_t pid, std::uint64_t steps) {
  Visits visits;
  int signal = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    int status = 0;
    user_regs_struct registers{};
    if (ptrace(PTRACE_SINGLESTEP, pid, nullptr, signal) != 0) die("ptrace");
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) die("waitpid");
    signal = signal_to_pass(status);
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) die("ptrace");
    Visit& visit = visits[registers.rip];
    if (visit.times++ == 0) visit.first = i;
    visit.last = i;
  }
  if (ptrace(PTRACE_DETACH, pid, nullptr, signal) != 0) die("ptrace");
  return visits;
}

struct Text {
  std::uint64_t from, to;
  [[nodiscard]] bool holds(std::uint64_t address) const { return address >= from && address < to; }
};

// The visits of one address of the loop that is passed once a turn.
Visit turns(const Visits& visits, const Text& text) {
  Visit most;
  for (const auto& [address, visit] : visits) {
    if (text.holds(address) && visit.times > most.times) most = visit;
  }
  Visit least = most;
  for (const auto& [address, visit] : visits) {
    if (text.holds(address) && visit.times >= most.times / 48 && visit.times < least.times) least = visit;
  }
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: step_count PID STEPS FROM TO\n", stderr);
    return 2;
  }
  const pid_t pid = std::atoi(argv[1]);
  const std::uint64_t steps = std::strtoull(argv[2], nullptr, 10);
  const Text text{std::strtoull(argv[3], nullptr, 16), std::strtoull(argv[4], nullptr, 16)};
  int status = 0;
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) die("ptrace");
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) die("ptrace");
  if (waitpid(pid, &status, 0) != pid) die("waitpid");
  const Visit turn = turns(step(pid, steps), text);
  if (turn.times < 20) {
    std::fputs("step_count: the process is in no loop\n", stderr);
    return 1;
  }
  std::printf("%.1f\n", turn.apart());
  return 0;
}
