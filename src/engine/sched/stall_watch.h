// SPDX-License-Identifier: GPL-2.0-only
// StallWatch: what the watchdogs of one virtual CPU know, and when they would speak.
//
//   soft lockup   a timer of 4 s looks whether the CPU has switched tasks within 20 of its seconds (kernel/watchdog.c)
//   hard lockup   with interrupts off that timer does not run; a counter of cycles looks every 10 s whether it did
//                 (kernel/watchdog_perf.c)
//   RCU stall     the CPU has passed no quiescent state for 21 s (Documentation/RCU/stallwarn.rst). A grace period is
//                 always wanted, as on every kernel that does something
//
// Pure: told of what happens with the time of the CPU, it answers what is to be printed. O(1).
#pragma once

#include <optional>

#include "base/strong.h"
#include "base/types.h"

namespace koi::sched {

enum class StallKind : u8 { kSoftLockup, kHardLockup, kRcuStall };

struct Stall {
  StallKind kind = StallKind::kSoftLockup;
  VcpuId cpu{};
  u64 seconds = 0;  // soft lockup: in units of 2^30 ns, as the kernel counts
  u64 age_ns = 0;   // RCU stall: of the grace period
};

enum class Interrupts : u8 { kOff, kOn };
enum class Reader : u8 {
  kNo,
  kYes
};  // does the CPU hold up a grace period: preemption off, or inside a reader?

class StallWatch {
 public:
  // The CPU switched tasks, could have, or is idle.
  void touch(u64 now_ns);
  // The way out of koi, at least once a tick while the CPU is busy.
  [[nodiscard]] std::optional<Stall> look(u64 now_ns, Interrupts interrupts, Reader reader);
  // When the soft-lockup timer looks next: its thread waits for the CPU then.
  [[nodiscard]] bool soft_watch_due(u64 now_ns) const { return now_ns >= soft_look_ns_; }
  // Fields of the RCU report.
  [[nodiscard]] u64 quiescent_ns() const { return quiescent_ns_; }

 private:
  std::optional<Stall> look_soft(u64 now_ns);
  std::optional<Stall> look_hard(u64 now_ns);

  u64 touched_ns_ = 0;         // the watchdog's period in which the CPU last scheduled
  u64 reported_ns_ = 0;        // the same, or its last report
  u64 soft_look_ns_ = 0;       // its next look; 0: not begun
  bool delay_report_ = false;  // its next look only starts the period anew
  u64 hard_look_ns_ = 0;
  u64 interrupt_ns_ = 0;  // when the CPU last took interrupts
  bool hard_reported_ = false;
  u64 quiescent_ns_ = 0;
  u64 rcu_report_ns_ = 0;  // its next report
};

}  // namespace koi::sched
