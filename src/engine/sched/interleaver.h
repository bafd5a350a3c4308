// SPDX-License-Identifier: GPL-2.0-only
// The interleaver: which virtual CPU goes on at a switch point. A switch point is a way out of koi, that is the end of any
// call of a module into the kernel, or of a task's turn.
//
//   stock         the CPU furthest behind goes on, for a turn whose length the seed draws
//   random        another CPU goes on with a probability that is the run's own, 1/2 to 1/32
//   pct           each task has a random priority, the highest goes on; at depth-1 random points the running one falls to
//                 the lowest: finds any bug of that depth with probability 1/(tasks x steps^(depth-1)) at least (S. Burckhardt, P.
//                 Kothari, M. Musuvathi, S. Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of
//                 Finding Bugs", ASPLOS 2010)
//   round-robin   turns of so many switch points
//   schedule      the running one goes on, but where the schedule says otherwise
//
// Whatever the strategy, a task leaves its CPU only as the kernel's scheduler says, and nobody is held back for more than
// kMostHeldBackNs of virtual time while others run: a loop that waits for another CPU comes to its end.
//
// All but stock note where they left the order of an undisturbed run: that is the run's schedule. O(CPUs) a switch point.
#pragma once

#include <memory_resource>
#include <span>
#include <vector>

#include "base/types.h"
#include "engine/sched/schedule.h"
#include "engine/sched/task.h"

namespace koi::sched {

enum class Strategy : u8 { kStock, kRandom, kPct, kRoundRobin, kSchedule };

struct InterleaverConfig {
  Strategy strategy = Strategy::kStock;
  u64 seed = 1;
  u32 depth = 3;      // pct
  u64 steps = 1'000;  // pct: about how many switch points with a choice the run has
  Schedule schedule;  // kSchedule
};

// A virtual CPU that could go on, and who would run there.
struct Runner {
  u32 cpu = 0;
  Task* task = nullptr;
};

class Interleaver {
 public:
  static constexpr u64 kMostHeldBackNs = 10'000'000;

  Interleaver(const InterleaverConfig& config, u64 quantum_ns, std::pmr::memory_resource* resource);

  // Is every way out of koi a switch point?
  [[nodiscard]] bool explores() const { return strategy_ != Strategy::kStock; }
  // Stock: how far ahead of the others the CPU whose turn begins may get.
  [[nodiscard]] u64 draw_turn_ns();

  // At a switch point of `from`: the one of `runners` that goes on, by its index. `stays`: who goes on in an undisturbed
  // run. Requires: explores(), at least one runner. Counts the point.
  u32 choose(Task& from, std::span<const Runner> runners, u32 stays);
  // What choose() did other than it would have done undisturbed.
  [[nodiscard]] const std::pmr::vector<Switch>& taken() const { return taken_; }
  // Switch points so far at which there was a choice.
  [[nodiscard]] u64 choices() const { return choices_; }

 private:
  [[nodiscard]] u64 random();
  [[nodiscard]] u32 pick_random(std::span<const Runner> runners, u32 stays);
  [[nodiscard]] u32 pick_by_priority(Task& from, std::span<const Runner> runners);
  [[nodiscard]] u32 pick_in_turn(std::span<const Runner> runners, u32 stays);
  [[nodiscard]] u32 pick_as_written(const Task& from, std::span<const Runner> runners, u32 stays) const;
  u64 rank(Task& task);

  Strategy strategy_;
  u64 state_;  // of the random numbers
  u64 quantum_ns_;
  u32 chance_shift_ = 0;  // random: a switch with probability 2^-shift
  u64 turn_points_ = 0;   // round-robin
  u64 turn_left_ = 0;
  std::pmr::vector<u64> change_points_;  // pct, ascending
  u64 next_low_rank_ = 0;
  std::pmr::vector<Switch> schedule_;
  std::pmr::vector<Switch> taken_;
  u64 choices_ = 0;
};

}  // namespace koi::sched
