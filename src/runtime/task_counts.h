// SPDX-License-Identifier: GPL-2.0-only
// What task_struct tells of how a task ran: CPU time, switches, where it stands in its run queue.
#pragma once

#include "base/strong.h"
#include "engine/sched/task.h"

namespace koi::runtime {

// struct koi_task_counts of kernel/task_counts.c.
struct TaskCounts {
  u64 now_ns;
  u64 ran_ns;
  u64 vruntime;
  u64 deadline;
  s64 lag;
  u64 weight;
  u64 waits;
  u64 preemptions;
  u64 moves;
  u64 on_queue;
  u64 on_cpu;
};

// koi_task_counted() of the core.
using TaskCountsWriter = void (*)(u64 task_struct, const TaskCounts* counts);

[[nodiscard]] TaskCounts counts_of(const sched::Task& task, bool has_cpu, VirtualTime now);

}  // namespace koi::runtime
