// SPDX-License-Identifier: GPL-2.0-only
// What decides when a task runs: its policy and priority, and what the fair scheduler keeps of it.
#pragma once

#include "base/types.h"

namespace koi::sched {

// Numbers as in <uapi/linux/sched.h>. SCHED_DEADLINE is not among them: modules cannot ask for it.
enum class Policy : u8 { kNormal = 0, kFifo = 1, kRoundRobin = 2, kBatch = 3, kIdle = 5 };

inline constexpr s32 kMinNice = -20;
inline constexpr s32 kMaxNice = 19;

struct Priority {
  Policy policy = Policy::kNormal;
  s32 nice = 0;         // of fair policies
  u32 rt_priority = 0;  // 1 to 99 for kFifo and kRoundRobin, the highest first; 0 for the others

  [[nodiscard]] bool is_rt() const { return rt_priority != 0; }
  [[nodiscard]] bool is_idle() const { return policy == Policy::kIdle; }
  // Share of a CPU: 1024 at nice 0, a fourth more for each step down.
  [[nodiscard]] u64 weight() const;
};

// Run queue state of one task. Virtual times are CPU time scaled by 1024 / weight, and wrap.
struct Entity {
  Priority priority;
  u64 vruntime = 0;
  u64 deadline = 0;           // EEVDF: virtual time at which its slice ought to be done
  s64 lag = 0;                // EEVDF, off the queue: virtual time that it is owed
  u64 ran_ns = 0;             // CPU time so far
  u64 ran_at_pick_ns = 0;     // the same when it last was picked
  u64 slice_left_ns = 0;      // kRoundRobin
  u64 sequence = 0;           // of joining the queue: breaks ties
  bool is_protected = false;  // EEVDF: keeps the CPU until its deadline (RUN_TO_PARITY)
};

}  // namespace koi::sched
