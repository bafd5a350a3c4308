// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/task_counts.h"

namespace koi::runtime {

TaskCounts counts_of(const sched::Task& task, bool has_cpu, VirtualTime now) {
  const sched::Entity& entity = task.entity;
  TaskCounts counts{};
  counts.now_ns = now.value;
  counts.ran_ns = entity.ran_ns;
  counts.vruntime = entity.vruntime;
  counts.deadline = entity.deadline;
  counts.lag = entity.lag;
  counts.weight = entity.priority.weight();
  counts.waits = task.waits;
  counts.preemptions = task.preemptions;
  counts.moves = task.moves;
  counts.on_queue = task.state == sched::RunState::kRunnable ? 1 : 0;
  counts.on_cpu = has_cpu ? 1 : 0;
  return counts;
}

}  // namespace koi::runtime
