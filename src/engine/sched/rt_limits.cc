// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/rt_limits.h"

#include <algorithm>

namespace koi::sched {
namespace {

constexpr u64 kPeriodNs = 1'000'000'000;
constexpr u64 kRtShareNs = 950'000'000;
constexpr u64 kFairShareNs = kPeriodNs - kRtShareNs;

}  // namespace

RtLimits::RtLimits(Kind kind, u32 vcpus, std::pmr::memory_resource* resource)
    : kind_(kind), cpus_(vcpus, resource) {}

// ---- bandwidth control ----

void RtLimits::rt_joined(u64 now_ns, bool others) {
  if (kind_ != Kind::kBandwidth) return;
  catch_up(now_ns, others);
  if (active_) return;
  active_ = true;
  next_ns_ = now_ns + kPeriodNs;
}

void RtLimits::catch_up(u64 now_ns, bool rt_runnable) {
  while (active_ && now_ns >= next_ns_) {
    next_ns_ += kPeriodNs;
    bool rests = !rt_runnable;
    for (Cpu& cpu : cpus_) {
      rests = rests && cpu.rt_ns == 0;
      cpu.rt_ns -= std::min(cpu.rt_ns, kRtShareNs);
      if (cpu.rt_ns < kRtShareNs) cpu.barred = false;
    }
    active_ = !rests;
  }
}

bool RtLimits::rt_ran(u32 cpu, u64 ns, u64 now_ns, bool fair_waits) {
  Cpu& mine = cpus_[cpu];
  if (mine.barred) return false;
  if (kind_ == Kind::kBandwidth) {
    mine.rt_ns += ns;
    mine.barred = mine.rt_ns > kRtShareNs;
  } else {
    mine.barred = fair_waits && now_ns + mine.left_ns >= mine.deadline_ns;
  }
  return mine.barred;
}

// ---- the fair server ----

void RtLimits::start_period(Cpu& cpu, u64 now_ns) {
  cpu.deadline_ns = now_ns + kPeriodNs;
  cpu.left_ns = kFairShareNs;
}

void RtLimits::fair_started(u32 cpu, u64 now_ns) {
  if (kind_ != Kind::kFairServer) return;
  Cpu& mine = cpus_[cpu];
  // What is left of an old period counts if that is no more than a share of the time that is left.
  const bool stale =
      now_ns >= mine.deadline_ns || mine.left_ns * kPeriodNs > (mine.deadline_ns - now_ns) * kFairShareNs;
  if (stale) start_period(mine, now_ns);
}

void RtLimits::fair_stopped(u32 cpu) {
  if (kind_ == Kind::kFairServer) cpus_[cpu].barred = false;
}

bool RtLimits::fair_ran(u32 cpu, u64 ns, u64 now_ns) {
  if (kind_ != Kind::kFairServer) return false;
  Cpu& mine = cpus_[cpu];
  mine.left_ns -= std::min(mine.left_ns, ns);
  if (mine.left_ns != 0) return false;
  start_period(mine, now_ns);
  const bool served = mine.barred;
  mine.barred = false;
  return served;
}

}  // namespace koi::sched
