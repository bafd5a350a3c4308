// SPDX-License-Identifier: GPL-2.0-only
// RunQueue: the tasks that want one virtual CPU, and the kernel's rules for who gets it.
//
//   SCHED_FIFO, SCHED_RR     by priority, then in order; before all others
//   SCHED_NORMAL, _BATCH, _IDLE   6.1: CFS, the least virtual run time; 6.12: EEVDF, the earliest deadline of those that are
//                                 not ahead of the average
//
// Sources: Documentation/scheduler/sched-design-CFS.rst, sched-nice-design.rst, sched-eevdf.rst, and the tunables' defaults
// under /sys/kernel/debug/sched of both releases. Not modelled: group scheduling, cache buddies, deadline tasks. What real-time
// tasks leave to others is RtLimits' (rt_limits.h), which bars them from a queue.
//
// The running task is not on the queue but counts in its sums, as in the kernel. Not thread-safe.
#pragma once

#include <memory_resource>
#include <vector>

#include "base/types.h"
#include "engine/sched/entity.h"
#include "engine/sched/task.h"

namespace koi::sched {

enum class FairPolicy : u8 { kCfs, kEevdf };

struct RunQueueConfig {
  FairPolicy fair = FairPolicy::kCfs;
  u32 vcpus = 1;            // the kernel's tunables grow with the number of CPUs
  u64 tick_ns = 4'000'000;  // 1 s / HZ
};

class RunQueue {
 public:
  enum class Join : u8 {
    kNew,        // for the first time
    kWake,       // it was blocked
    kPreempted,  // it had the CPU and still wants it
    kYielded,    // the same, and lets others go first
    kMoved,      // from another CPU's queue
  };
  enum class Stop : u8 { kBlocks, kStaysRunnable };

  RunQueue(const RunQueueConfig& config, std::pmr::memory_resource* resource);

  // Requires: `task` is on no queue. After stop() for the two ways of a task that had the CPU.
  void join(Task& task, Join how);
  // Who gets the CPU; off the queue then, and current. nullptr: nobody wants it.
  Task* pick();
  // The current task ran for `ns`. True: the CPU is due to another one (EEVDF: its slice is used up).
  bool ran(u64 ns);
  // The current task leaves the CPU.
  void stop(Stop how);
  // At each tick of the CPU, after ran(). True: another task's turn has come.
  bool tick();
  // A task that just joined: does it take the CPU from the current one? After ran().
  [[nodiscard]] bool preempts(const Task& joined) const;
  // Takes a task that may run on one of `vcpus` off the queue, for another CPU; the one that has waited longest. nullptr: none.
  Task* take_for(u64 vcpus);
  // The same for balancing: a fair task whose weight is below `most`.
  Task* take_fair_for(u64 vcpus, u64 most);
  // No real-time task is picked until bar_rt(false).
  void bar_rt(bool barred) { rt_barred_ = barred; }
  [[nodiscard]] bool bars_rt() const { return rt_barred_; }
  // Policy, nice or priority of a task of this queue, current or waiting.
  void change(Task& task, const Priority& priority);
  // What a task of another queue brings along: virtual times count from each queue's own.
  void adopt(Task& task, const RunQueue& from) const;

  // Nobody waits who may have the CPU.
  [[nodiscard]] bool empty() const;
  [[nodiscard]] size_t size() const { return tasks_.size(); }
  // Of the current task and those that wait.
  [[nodiscard]] u32 fair_count() const;
  [[nodiscard]] bool has_rt() const;
  // The sum of the fair ones' weights.
  [[nodiscard]] u64 load() const;
  // The current task may not go on, whoever else wants the CPU.
  [[nodiscard]] bool current_is_barred() const {
    return rt_barred_ && current_ != nullptr && current_->entity.priority.is_rt();
  }
  [[nodiscard]] const Task* current() const { return current_; }

 private:
  struct Average {
    s64 weighted = 0;  // sum of weight x (vruntime - min_vruntime)
    s64 weight = 0;
  };

  [[nodiscard]] bool has_current_fair() const;
  [[nodiscard]] u64 slice_ns(const Entity& entity) const;
  [[nodiscard]] Average average() const;
  [[nodiscard]] u64 average_vruntime() const;
  [[nodiscard]] bool is_eligible(const Entity& entity, const Average& average) const;
  [[nodiscard]] Task* first_rt() const;
  [[nodiscard]] Task* least_vruntime() const;
  [[nodiscard]] Task* earliest_deadline(bool with_current) const;
  void place(Entity& entity, Join how);
  void place_cfs(Entity& entity, Join how);
  void place_eevdf(Entity& entity, Join how);
  void update_min_vruntime();
  void remove(const Task* task);
  template <typename May>
  Task* take_longest_waiting(const May& may);

  RunQueueConfig config_;
  u64 latency_ns_;
  u64 granularity_ns_;  // CFS: least slice; EEVDF: the slice
  u64 wakeup_granularity_ns_;
  u64 min_vruntime_ = 0;
  u64 next_sequence_ = 1;
  s64 before_others_ = 0;  // sequences of those that go to the head of their priority
  bool rt_barred_ = false;
  const Task* skip_ = nullptr;
  Task* current_ = nullptr;
  std::pmr::vector<Task*> tasks_;  // in no order: few wait at a time
};

}  // namespace koi::sched
