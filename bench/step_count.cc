// SPDX-License-Identifier: GPL-2.0-only
// step_count PID STEPS FROM TO: the instructions of one turn of the loop that a process's main thread is in, by single steps;
// the loop's own text lies between the two addresses (hexadecimal).
//
// The process is stopped in the middle of the loop and makes STEPS steps; then it is let go. Each instruction of the loop
// itself is passed once a turn: of the addresses in its text that were met often, the one met least counts the turns (inner
// loops are met more often, what is done now and then much less). What the loop calls may take another way each time. Exact, and
// slow: some microseconds an instruction. valgrind cannot run koi, whose addresses are fixed, and virtual machines often have no
// hardware counters.
//
// Prints the median turn: a mean would count what comes by the clock as well (a timer's tick is dozens of turns long, and there
// are more of them in a turn the slower it is stepped through).
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
#include <vector>

namespace {

using Address = std::uint64_t;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// A group stop or an event of ptrace's own is not for the process.
int signal_to_pass(int status) {
  const int signal = WSTOPSIG(status);
  return signal == SIGTRAP || (status >> 16) != 0 ? 0 : signal;
}

// Where each step was.
std::vector<Address> step(pid_t pid, std::uint64_t steps) {
  std::vector<Address> way;
  way.reserve(steps);
  int signal = 0;
  for (std::uint64_t i = 0; i < steps; ++i) {
    int status = 0;
    user_regs_struct registers{};
    if (ptrace(PTRACE_SINGLESTEP, pid, nullptr, signal) != 0) die("ptrace");
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) die("waitpid");
    signal = signal_to_pass(status);
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) die("ptrace");
    way.push_back(registers.rip);
  }
  if (ptrace(PTRACE_DETACH, pid, nullptr, signal) != 0) die("ptrace");
  return way;
}

struct Text {
  Address from, to;
  [[nodiscard]] bool holds(Address address) const { return address >= from && address < to; }
};

// An address of the loop that is passed once a turn; 0: there is none.
Address turn_mark(const std::vector<Address>& way, const Text& text) {
  std::unordered_map<Address, std::uint64_t> visits;
  for (const Address address : way) {
    if (text.holds(address)) ++visits[address];
  }
  std::uint64_t most = 0;
  for (const auto& [address, times] : visits) most = std::max(most, times);
  std::uint64_t least = most + 1;
  Address mark = 0;
  for (const auto& [address, times] : visits) {
    if (times >= most / 48 && times < least) {
      least = times;
      mark = address;
    }
  }
  return mark;
}

// Steps from one visit of an address to the next, in ascending order.
std::vector<std::uint64_t> turns(const std::vector<Address>& way, Address mark) {
  std::vector<std::uint64_t> lengths;
  std::uint64_t last = way.size();
  for (std::uint64_t i = 0; i < way.size(); ++i) {
    if (way[i] != mark) continue;
    if (last != way.size()) lengths.push_back(i - last);
    last = i;
  }
  std::sort(lengths.begin(), lengths.end());
  return lengths;
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
  const std::vector<Address> way = step(pid, steps);
  const std::vector<std::uint64_t> lengths = turns(way, turn_mark(way, text));
  if (lengths.size() < 20) {
    std::fputs("step_count: the process is in no loop\n", stderr);
    return 1;
  }
  std::printf("%.1f\n", static_cast<double>(lengths[lengths.size() / 2]));
  return 0;
}
