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
// The seed draws how long each turn is, up to the quantum. With another strategy than the stock one every way out of koi is
// a switch point, at which the interleaver says which virtual CPU goes on (interleaver.h).
//
// Not thread-safe: one OS thread. Callbacks (timers) run on the stack of the task that their CPU happens to run, as
// interrupts do, or on the idle task's.
#pragma once

#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/strong.h"
#include "engine/sched/interleaver.h"
#include "engine/sched/rt_limits.h"
#include "engine/sched/run_queue.h"
#include "engine/sched/stall_watch.h"
#include "engine/sched/task.h"
#include "host/crossing.h"

namespace koi::sched {

// What the scheduler needs of the world around it.
class TaskHost {
 public:
  virtual ~TaskHost() = default;
  // Makes `task` current on its virtual CPU, for the per-CPU variables that modules read.
  virtual void task_switched_in(Task& task) = 0;
  // The task's __state word.
  [[nodiscard]] virtual u32 guest_state(const Task& task) const = 0;
  virtual void set_guest_state(Task& task, u32 state) = 0;
  // TIF_NEED_RESCHED of the task: another one waits for its CPU.
  virtual void set_need_resched(Task& task) = 0;
  // Virtual time has reached `now`; called at least once a tick while something runs.
  virtual void time_passed(VirtualTime now) = 0;
  // The tick of a virtual CPU that runs a task, with interrupts on: runs as an interrupt on the task's stack.
  virtual void tick_interrupt() = 0;
  // Does the task, running on its virtual CPU, hold up an RCU grace period: preemption off, or inside a reader?
  [[nodiscard]] virtual bool holds_grace_period(const Task& /*task*/) const { return false; }
  // Nothing can ever run again but what add_background_timer() will bring: is there something for it to do?
  [[nodiscard]] virtual bool background_wanted() const { return false; }
  // For the first time real-time tasks have used up their share of a CPU (6.1).
  virtual void rt_throttled() {}
  // What the scheduler counts of the task has changed: CPU time, switches, where it is.
  virtual void task_counted(const Task& /*task*/, VirtualTime /*now*/) {}
  // Stacks of a new task are mapped and its task_struct filled; dead ones given back.
  virtual void task_created(Task& task) = 0;
  virtual void task_released(Task& task) = 0;
};

struct SchedulerConfig {
  u32 vcpus = 1;
  u64 quantum_ns = 100'000;  // how far a busy virtual CPU may get ahead of another busy one
  u64 tick_ns = 4'000'000;   // 1 s / HZ
  FairPolicy fair = FairPolicy::kCfs;
};

using TimerId = u64;

class Scheduler {
 public:
  Scheduler(const SchedulerConfig& config, TaskHost& host, std::pmr::memory_resource* resource);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // GS base of each virtual CPU: set once, before the first task.
  void attach_vcpu(VcpuId cpu, u64 gs_base);

  struct NewTask {
    std::string_view comm;
    TaskKind kind = TaskKind::kUser;
    VcpuId cpu{};
    s32 pid = 0;          // 0: the next one
    bool asleep = false;  // blocked until the first wake(), else runnable at once
    Task::Entry entry = nullptr;
    void* argument = nullptr;
  };
  // Errors: nullptr when kMaxTasks live.
  Task* create(const NewTask& wanted);
  // The pid that the next task gets.
  void set_next_pid(s32 pid) { next_pid_ = pid; }
  // How the virtual CPUs take turns from now on. Context: the boot fiber.
  void interleave(const InterleaverConfig& config);
  [[nodiscard]] const Interleaver& interleaver() const { return interleaver_; }

  // A held task outlives its death: someone reads how it ended. Each hold() needs a drop().
  void hold(Task& task) { ++task.holds; }
  void drop(Task& task);

  // Runs tasks from the boot fiber until `done` (held by the caller) is dead, or nothing can ever run again.
  // Returns false in the latter case: every task waits for something that no timer will bring.
  bool run_until_dead(const Task& done);
  // Runs what is runnable and due until `time`.
  void run_until_time(VirtualTime time);
  // The same until nothing is left to run or due; the clocks stay where they are then.
  void run_until_idle(VirtualTime limit);

  // ---- from tasks ----
  [[nodiscard]] Task* current() { return vcpus_[running_.value].current; }
  [[nodiscard]] VcpuId running_vcpu() const { return running_; }
  // The kernel's schedule(): leaves the CPU if the task's __state is not TASK_RUNNING, else goes to the queue's end.
  void schedule();
  // Preemption where the kernel allows it: the run queue decides who goes on, whatever the task's __state.
  void preempt();
  // The kernel's yield(): preempt(), after others.
  void yield_task();
  // The virtual CPU spins: the others get a turn, the task keeps its CPU.
  void yield_vcpu();
  // A switch point that is no way out of koi, for callbacks of instrumented code that stay on the module's side. Nothing in
  // the stock order. Context: as border(): nothing of an engine is open.
  void switch_point() {
    if (interleaver_.explores()) explore(MayStay::kYes);
  }
  // Ends the running task; never returns.
  [[noreturn]] void exit_current(s32 exit_code);
  // The machine stops: the boot fiber's run functions return, no task runs again. Never returns.
  [[noreturn]] void halt();
  // Makes a blocked task runnable, on its last virtual CPU, or on an idle one that it may use if that one is busy.
  // False: it was not blocked; then only its __state becomes TASK_RUNNING.
  bool wake(Task& task);
  // A blocked task's virtual CPU for the next time.
  void place(Task& task, VcpuId cpu);
  // Policy, nice, real-time priority: at once, wherever the task is.
  void set_priority(Task& task, const Priority& priority);
  // The idlest virtual CPU of a set, for a new task.
  [[nodiscard]] VcpuId idlest(u64 allowed_vcpus) const;
  // The slow path of the way out of koi: timers that are due, other virtual CPUs that are behind.
  void border();

  // ---- time ----
  [[nodiscard]] VirtualTime now() const { return VirtualTime{vcpus_[running_.value].clock.now_ns}; }
  // The clock that tasks read: never behind what any virtual CPU has read before.
  [[nodiscard]] VirtualTime read_clock();
  // The running virtual CPU stalls (udelay) for that long.
  void advance(u64 ns) { vcpus_[running_.value].clock.now_ns += ns; }
  // advance() in steps, so that what is due meanwhile happens at its time.
  void delay(u64 ns);
  [[nodiscard]] host::VcpuClock& clock(VcpuId cpu) { return vcpus_[cpu.value].clock; }
  // Calls `callback(argument)` at `time` on `cpu`. O(1); finding the next one is O(timers).
  TimerId add_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument);
  // The same for what the machine itself does now and then: it alone does not keep the machine going.
  TimerId add_background_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument);
  // False: it fired already.
  bool cancel_timer(TimerId id);
  // The one event of a virtual CPU's clock: a new one replaces the one that is pending.
  void set_clock_event(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument);
  void clear_clock_event(VcpuId cpu);
  [[nodiscard]] bool idle() const;
  // No other virtual CPU has anything to do, and no timer is pending but the machine's own.
  [[nodiscard]] bool alone() const;

  // What a watchdog has found of the running virtual CPU: taken by whoever prints the splat.
  [[nodiscard]] std::optional<Stall> take_stall();

  [[nodiscard]] Task* find(s32 pid);
  [[nodiscard]] Task* find_guest(u64 task_struct);
  [[nodiscard]] const std::pmr::vector<Task*>& tasks() const { return tasks_; }
  [[nodiscard]] u32 vcpu_count() const { return static_cast<u32>(vcpus_.size()); }
  [[nodiscard]] const Task* running_on(VcpuId cpu) const { return vcpus_[cpu.value].current; }
  [[nodiscard]] bool is_idle(VcpuId cpu) const { return !busy(vcpus_[cpu.value]); }
  // Makes border() run at the next way out of koi.
  void request_border() { vcpus_[running_.value].clock.deadline_ns = 0; }

 private:
  struct Vcpu {
    Vcpu(const RunQueueConfig& config, std::pmr::memory_resource* resource) : queue(config, resource) {}
    u64 gs_base = 0;
    Task* current = nullptr;  // a task that keeps the CPU while others run, or the idle task
    Task* idle_task = nullptr;
    RunQueue queue;
    bool switching = false;         // `current` was picked and has not run yet
    u64 charged_ns = 0;             // up to here the current task's CPU time is counted
    TimerId clock_event = 0;        // 0: none was set
    bool idle_interrupted = false;  // the idle task is in the middle of an interrupt
    StallWatch watch;
    u64 ticks = 0;  // up to this tick its interrupts have come
    u64 next_balance_ns = 0;
    u32 failed_balances = 0;  // in a row
    // Looked at on every call, in a cache line of its own. Not the first one of a page: live marks of slabs lie there, and some
    // processors confuse lines of one set whose addresses hash alike.
    alignas(64) host::VcpuClock clock{};
  };
  struct Timer {
    u64 time_ns;
    u64 sequence;  // ties fire in the order of arming
    u32 cpu;
    void (*callback)(void*);
    void* argument;
    bool background;
  };

  enum class MayStay : u8 { kYes, kNo };

  static void task_main(void* task);
  static void idle_main(Task& task, void* scheduler);
  [[nodiscard]] bool busy(const Vcpu& vcpu) const;
  [[nodiscard]] u64 next_event_ns(u32 cpu) const;
  [[nodiscard]] bool only_background() const;
  void dispatch(u32 cpu);
  void leave();
  void charge(Vcpu& vcpu);
  void leave_cpu(Task& task);
  void give_up_cpu(RunQueue::Join how);
  bool step();
  void find_runners();
  [[nodiscard]] u32 furthest_behind() const;
  void explore(MayStay stay);
  [[nodiscard]] std::optional<u32> next_in_time() const;
  [[nodiscard]] std::optional<u32> next_explored();
  void run_due_timers(u32 cpu);
  [[nodiscard]] u64 next_deadline_ns(u32 cpu) const;
  [[nodiscard]] u64 next_timer_ns(u32 cpu) const;
  void set_deadline(u32 cpu);
  void tick(Vcpu& vcpu);
  void interrupt_for_tick(Vcpu& vcpu);
  void release_dead();
  Task* make(const NewTask& wanted, s32 pid);
  void enqueue(Task& task, RunQueue::Join how);
  static VcpuId id_of(const Vcpu& vcpu) { return VcpuId{static_cast<u32>(vcpu.clock.cpu)}; }
  void move(Task& task, VcpuId cpu);
  void pull(Vcpu& vcpu);
  void balance(Vcpu& vcpu);
  void limit(Vcpu& vcpu, bool was_rt, u64 ran_ns);
  void bar_rt(Vcpu& vcpu, bool barred);
  [[nodiscard]] bool has_rt() const;
  void await_next_period();
  void begin_period();
  void fair_left(Vcpu& vcpu);

  SchedulerConfig config_;
  TaskHost& host_;
  std::pmr::memory_resource* resource_;
  std::pmr::vector<Vcpu> vcpus_;
  RtLimits rt_limits_;
  bool rt_throttled_ = false;       // and it was said
  TimerId next_period_timer_ = 0;   // 0: none
  std::pmr::vector<Task*> tasks_;   // alive, in order of creation; idle tasks are not listed
  std::pmr::vector<Timer> timers_;  // unordered; few are pending at a time: the core keeps one a virtual CPU
  std::pmr::vector<u32> free_stacks_;
  u32 stacks_used_ = 0;
  Interleaver interleaver_;
  u64 turn_ns_;                       // how far ahead of the others the running CPU may get in this turn
  std::pmr::vector<Runner> runners_;  // who could go on, at a switch point
  std::optional<u32> chosen_;         // the CPU that goes on, if a switch point has said so
  Task* last_ran_ = nullptr;          // not dead
  host::Fiber boot_;
  VcpuId running_{};
  bool halted_ = false;
  bool someone_died_ = false;
  s32 next_pid_ = 1;
  u64 next_timer_sequence_ = 1;
  u64 last_read_ns_ = 0;
  std::optional<Stall> stall_;
};

}  // namespace koi::sched
