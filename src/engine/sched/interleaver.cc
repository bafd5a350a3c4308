// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/interleaver.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace koi::sched {
namespace {

constexpr u64 kHighRank = 1ULL << 63;  // ranks that a change point has not lowered
constexpr u32 kTurnSteps = 10;         // stock turns: the quantum, or a half, a fourth ... of it
constexpr u32 kMostChanceShift = 5;
constexpr u64 kLongestRoundRobinTurn = 32;

// By place.
bool is_before(const Switch& a, const Switch& b) {
  return std::tie(a.pid, a.idle_cpu, a.point) < std::tie(b.pid, b.idle_cpu, b.point);
}

}  // namespace

Interleaver::Interleaver(const InterleaverConfig& config, u64 quantum_ns, std::pmr::memory_resource* resource)
    : strategy_(config.strategy),
      state_(config.seed * 0x9e3779b97f4a7c15ULL ^ 0x7363'6865'64ULL),
      quantum_ns_(quantum_ns),
      change_points_(resource),
      schedule_(config.schedule.begin(), config.schedule.end(), resource),
      taken_(resource) {
  switch (strategy_) {
    case Strategy::kStock:
      break;
    case Strategy::kSchedule:
      std::sort(schedule_.begin(), schedule_.end(), is_before);
      break;
    case Strategy::kRandom:
      chance_shift_ = 1 + static_cast<u32>(random() % kMostChanceShift);
      break;
    case Strategy::kRoundRobin:
      turn_points_ = 1 + random() % kLongestRoundRobinTurn;
      turn_left_ = 1 + random() % turn_points_;
      break;
    case Strategy::kPct:
      for (u32 i = 1; i < config.depth; ++i)
        change_points_.push_back(1 + random() % std::max<u64>(config.steps, 1));
      std::sort(change_points_.begin(), change_points_.end());
      next_low_rank_ = config.depth;
      break;
  }
}

// splitmix64.
u64 Interleaver::random() {
  u64 z = (state_ += 0x9e3779b97f4a7c15ULL);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

u64 Interleaver::draw_turn_ns() { return quantum_ns_ >> random() % kTurnSteps; }

u64 Interleaver::rank(Task& task) {
  if (task.rank == 0) task.rank = random() | kHighRank;
  return task.rank;
}

u32 Interleaver::pick_random(std::span<const Runner> runners, u32 stays) {
  if ((random() & ((1U << chance_shift_) - 1)) != 0) return stays;
  return static_cast<u32>(random() % runners.size());
}

u32 Interleaver::pick_by_priority(Task& from, std::span<const Runner> runners) {
  for (const u64 point : change_points_) {
    if (point == choices_) from.rank = --next_low_rank_;
  }
  u32 best = 0;
  for (u32 i = 1; i < runners.size(); ++i) {
    if (rank(*runners[i].task) > rank(*runners[best].task)) best = i;
  }
  return best;
}

u32 Interleaver::pick_in_turn(std::span<const Runner> runners, u32 stays) {
  if (--turn_left_ != 0) return stays;
  turn_left_ = turn_points_;
  return static_cast<u32>((stays + 1) % runners.size());
}

u32 Interleaver::pick_as_written(const Task& from, std::span<const Runner> runners, u32 stays) const {
  const Switch here{from.pid, from.pid == 0 ? from.cpu.value : 0, from.switch_points, 0};
  const auto at = std::lower_bound(schedule_.begin(), schedule_.end(), here, is_before);
  if (at == schedule_.end() || is_before(here, *at)) return stays;
  for (u32 i = 0; i < runners.size(); ++i) {
    if (runners[i].cpu == at->to_cpu) return i;
  }
  return stays;
}

u32 Interleaver::choose(Task& from, std::span<const Runner> runners, u32 stays) {
  DCHECK(explores() && stays < runners.size());
  ++from.switch_points;
  if (runners.size() == 1) return 0;
  ++choices_;
  u32 chosen = stays;
  switch (strategy_) {
    case Strategy::kStock:
      break;
    case Strategy::kRandom:
      chosen = pick_random(runners, stays);
      break;
    case Strategy::kPct:
      chosen = pick_by_priority(from, runners);
      break;
    case Strategy::kRoundRobin:
      chosen = pick_in_turn(runners, stays);
      break;
    case Strategy::kSchedule:
      chosen = pick_as_written(from, runners, stays);
      break;
  }
  if (chosen != stays)
    taken_.push_back({from.pid, from.pid == 0 ? from.cpu.value : 0, from.switch_points, runners[chosen].cpu});
  return chosen;
}

}  // namespace koi::sched
