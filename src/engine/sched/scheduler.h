// SPDX-License-Identifier: GPL-2.0-only
// The scheduler: tasks on virtual CPUs, all on one OS thread, in an order that the seed fixes.
//
//   boot fiber ── run() ──► picks the virtual CPU whose clock is furthest behind and that has something to do ──► task
//        ▲                                                                                                      │
//        └────────── the task blocks, exits, yields, or its CPU got a quantum ahead of the others ◄─────────────┘
//
// Virtual time is a discrete-event simulation: each virtual CPU has a clock; the one furthest behind runs next, so that
// clocks never drift apart by more than a quantum while several CPUs are busy. When every task waits, all clocks jump to
// the next timer. Two rules (architecture, decision 2): a virtual CPU may be left anywhere in module text, but a task
// leaves its CPU only by schedule(), that is where the kernel allows it.
//
// Not thread-safe: one OS thread. Callbacks (timers) run on the stack of the task that their CPU happens to run, as
// interrupts do, or on the idle task's.
#pragma once

#include <deque>
#include <memory_resource>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/strong.h"
#include "engine/sched/task.h"
#include "host/crossing.h"

namespace koi::sched {

// What the scheduler needs of the world around it.
class TaskHost {
 public:
  virtual ~TaskHost() = default;
  // Makes `task` current on its virtual CPU, for the per-CPU variables that modules read.
  virtual void task_switched_in(Task& task) = 0;
  // Address of the task's __state word.
  [[nodiscard]] virtual u32 guest_state(const Task& task) const = 0;
  virtual void set_guest_state(Task& task, u32 state) = 0;
  // Stacks of a new task are mapped and its task_struct filled; dead ones given back.
  virtual void task_created(Task& task) = 0;
  virtual void task_released(Task& task) = 0;
};

struct SchedulerConfig {
  u32 vcpus = 1;
  u64 seed = 0;
  u64 quantum_ns = 100'000;  // how far a busy virtual CPU may get ahead of another busy one
};

using TimerId = u64;

class Scheduler {
 public:
  Scheduler(const SchedulerConfig& config, TaskHost& host, std::pmr::memory_resource* resource);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // GS base of each virtual CPU: set once, before the first task.
  void attach_vcpu(VcpuId cpu, u64 gs_base);

  // Makes a task, runnable at once on `cpu`. Errors: nullptr when kMaxTasks live.
  Task* create(std::string_view comm, TaskKind kind, VcpuId cpu, Task::Entry entry, void* argument);
  // The pid that the next task gets.
  void set_next_pid(s32 pid) { next_pid_ = pid; }

  // Runs tasks from the boot fiber until `done` is dead, or nothing can ever run again.
  // Returns false in the latter case: every task waits for something that no timer will bring.
  bool run_until_dead(const Task& done);
  // Runs what is runnable and due until `time`.
  void run_until_time(VirtualTime time);

  // ---- from tasks ----
  [[nodiscard]] Task* current() { return vcpus_[running_.value].current; }
  [[nodiscard]] VcpuId running_vcpu() const { return running_; }
  // The kernel's schedule(): leaves the CPU if the task's __state is not TASK_RUNNING, else goes to the queue's end.
  void schedule();
  // schedule() with a timer that wakes the task. Returns the virtual nanoseconds left (0: the time was used up).
  u64 schedule_timeout(u64 timeout_ns);
  // The virtual CPU spins: the others get a turn, the task keeps its CPU.
  void yield_vcpu();
  // Ends the running task; never returns.
  [[noreturn]] void exit_current(s32 exit_code);
  // Makes a blocked task runnable. False: it was not blocked.
  bool wake(Task& task);
  // The slow path of the way out of koi: timers that are due, other virtual CPUs that are behind.
  void border();

  // ---- time ----
  [[nodiscard]] VirtualTime now() const { return VirtualTime{vcpus_[running_.value].clock.now_ns}; }
  // The running virtual CPU stalls (udelay) for that long.
  void advance(u64 ns) { vcpus_[running_.value].clock.now_ns += ns; }
  [[nodiscard]] host::VcpuClock& clock(VcpuId cpu) { return vcpus_[cpu.value].clock; }
  // Calls `callback(argument)` at `time` on `cpu`. O(1); finding the next one is O(timers).
  TimerId add_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument);
  // False: it fired already.
  bool cancel_timer(TimerId id);
  [[nodiscard]] bool idle() const;

  [[nodiscard]] Task* find(s32 pid);
  [[nodiscard]] Task* find_guest(u64 task_struct);
  [[nodiscard]] const std::pmr::vector<Task*>& tasks() const { return tasks_; }
  [[nodiscard]] u32 vcpu_count() const { return static_cast<u32>(vcpus_.size()); }
  // Makes border() run at the next way out of koi.
  void request_border() { vcpus_[running_.value].clock.deadline_ns = 0; }

 private:
  struct Vcpu {
    explicit Vcpu(std::pmr::memory_resource* resource) : queue(resource) {}
    host::VcpuClock clock{};
    u64 gs_base = 0;
    Task* current = nullptr;  // a task that keeps the CPU while others run, or the idle task
    Task* idle_task = nullptr;
    std::pmr::deque<Task*> queue;
    u32 in_timer = 0;
  };
  struct Timer {
    u64 time_ns;
    u64 sequence;  // ties fire in the order of arming
    u32 cpu;
    void (*callback)(void*);
    void* argument;
  };
  struct Later {
    bool operator()(const Timer& a, const Timer& b) const {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.sequence > b.sequence;
    }
  };

  static void task_main(void* task);
  static void idle_main(Task& task, void* scheduler);
  [[nodiscard]] bool busy(const Vcpu& vcpu) const;
  [[nodiscard]] s32 pick_vcpu() const;
  void dispatch(u32 cpu);
  void leave();
  bool step();
  void run_due_timers(u32 cpu);
  [[nodiscard]] u64 next_timer_ns(u32 cpu) const;
  void set_deadline(u32 cpu);
  void release_dead();
  Task* make(std::string_view comm, TaskKind kind, VcpuId cpu, s32 pid, Task::Entry entry, void* argument);

  SchedulerConfig config_;
  TaskHost& host_;
  std::pmr::memory_resource* resource_;
  std::pmr::vector<Vcpu> vcpus_;
  std::pmr::vector<Task*> tasks_;  // alive, in order of creation; idle tasks are not listed
  std::pmr::vector<Timer> timers_;  // unordered; few are pending at a time
  std::pmr::vector<u32> free_stacks_;
  u32 stacks_used_ = 0;
  host::Fiber boot_;
  VcpuId running_{};
  s32 next_pid_ = 1;
  u64 next_timer_sequence_ = 1;
};

}  // namespace koi::sched
