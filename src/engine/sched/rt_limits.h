// SPDX-License-Identifier: GPL-2.0-only
// RtLimits: what keeps real-time tasks from having a virtual CPU for good.
//
//   6.1   bandwidth control: real-time tasks of a CPU run for at most 0.95 s of each period of a second; then none does until
//         the next period begins, even if nobody else wants the CPU (/proc/sys/kernel/sched_rt_runtime_us)
//   6.12  the fair server: fair tasks that wait behind real-time tasks are served for 50 ms when they have had less than that in a
//         second (/sys/kernel/debug/sched/fair_server)
//
// Source: Documentation/scheduler/sched-rt-group.rst, sched-deadline.rst; measured on both releases with a FIFO thread that never
// sleeps. Both are looked at when CPU time is charged, that is at ticks. Not thread-safe.
#pragma once

#include <memory_resource>
#include <vector>

#include "base/types.h"
#include "engine/sched/event_time.h"

namespace koi::sched {

class RtLimits {
 public:
  enum class Kind : u8 { kBandwidth, kFairServer };

  RtLimits(Kind kind, u32 vcpus, std::pmr::memory_resource* resource);

  // A real-time task wants a CPU. `others` were runnable already.
  void rt_joined(u64 now_ns, bool others);
  // The first fair task of a CPU wants it.
  void fair_started(u32 cpu, u64 now_ns);
  // The last one does no longer.
  void fair_stopped(u32 cpu);
  // CPU time of the current task. True: what bars() says changed.
  bool rt_ran(u32 cpu, u64 ns, u64 now_ns, bool fair_waits);
  bool fair_ran(u32 cpu, u64 ns, u64 now_ns);
  // The next period has begun: `rt_runnable` on any CPU.
  void catch_up(u64 now_ns, bool rt_runnable);

  // No real-time task may have the CPU now.
  [[nodiscard]] bool bars(u32 cpu) const { return cpus_[cpu].barred; }
  // When a barred CPU is free again without anybody running on it; kNever: when its fair tasks have been served.
  [[nodiscard]] u64 next_period_ns() const {
    return kind_ == Kind::kBandwidth && active_ ? next_ns_ : kNever;
  }

 private:
  struct Cpu {
    bool barred = false;
    u64 rt_ns = 0;        // kBandwidth: what real-time tasks ran in this period
    u64 deadline_ns = 0;  // kFairServer: by then the fair tasks are to have had their share,
    u64 left_ns = 0;      // of which this is still missing
  };

  static void start_period(Cpu& cpu, u64 now_ns);

  Kind kind_;
  bool active_ = false;  // kBandwidth: periods are counted
  u64 next_ns_ = 0;      // the end of the current one
  std::pmr::vector<Cpu> cpus_;
};

}  // namespace koi::sched
