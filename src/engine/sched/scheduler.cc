// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/scheduler.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "engine/sched/event_time.h"
#include "host/address_map.h"

namespace koi::sched {
namespace {

constexpr u32 kTaskRunning = 0;
constexpr u64 kInterruptsOn = 0x200;

}  // namespace

Scheduler::Scheduler(const SchedulerConfig& config, TaskHost& host, std::pmr::memory_resource* resource)
    : config_(config),
      host_(host),
      resource_(resource),
      vcpus_(resource),
      rt_limits_(config.fair == FairPolicy::kCfs ? RtLimits::Kind::kBandwidth : RtLimits::Kind::kFairServer,
                 config.vcpus, resource),
      tasks_(resource),
      timers_(resource),
      free_stacks_(resource),
      interleaver_({}, config.quantum_ns, resource),
      turn_ns_(config.quantum_ns),
      runners_(resource) {
  vcpus_.reserve(config.vcpus);
  RunQueueConfig queues;
  queues.fair = config.fair;
  queues.vcpus = config.vcpus;
  queues.tick_ns = config.tick_ns;
  for (u32 cpu = 0; cpu < config.vcpus; ++cpu) vcpus_.emplace_back(queues, resource);
  boot_.adopt_current();
}

void Scheduler::interleave(const InterleaverConfig& config) {
  interleaver_ = Interleaver(config, config_.quantum_ns, resource_);
  if (!interleaver_.explores()) return;
  runners_.reserve(vcpus_.size());
  for (Vcpu& vcpu : vcpus_) vcpu.clock.deadline_ns = 0;
}

void Scheduler::attach_vcpu(VcpuId cpu, u64 gs_base) {
  Vcpu& vcpu = vcpus_[cpu.value];
  vcpu.gs_base = gs_base;
  vcpu.clock.deadline_ns = kNever;
  vcpu.watch.touch(0);
  vcpu.clock.cpu = cpu.value;
  auto* const area = reinterpret_cast<host::GsArea*>(gs_base);
  area->clock = &vcpu.clock;
  area->interrupt_flag = kInterruptsOn;
  NewTask idle;
  const std::string comm = fmt::format("swapper/{}", cpu.value);
  idle.comm = comm;
  idle.kind = TaskKind::kIdle;
  idle.cpu = cpu;
  idle.entry = &Scheduler::idle_main;
  idle.argument = this;
  vcpu.idle_task = make(idle, 0);
  vcpu.current = vcpu.idle_task;
  host_.task_switched_in(*vcpu.idle_task);
  if (cpu.value == 0) host::set_gs_base(gs_base);
}

// ---- tasks ----

Task* Scheduler::make(const NewTask& wanted, s32 pid) {
  u32 stack = stacks_used_;
  if (!free_stacks_.empty()) {
    stack = free_stacks_.back();
    free_stacks_.pop_back();
  } else if (stacks_used_ < host::kMaxTasks) {
    ++stacks_used_;
  } else {
    return nullptr;
  }
  auto* const task = new (resource_->allocate(sizeof(Task), alignof(Task))) Task();
  task->pid = pid;
  task->kind = wanted.kind;
  task->cpu = wanted.cpu;
  task->stack_index = stack;
  task->entry = wanted.entry;
  task->argument = wanted.argument;
  std::memcpy(task->comm, wanted.comm.data(), std::min(wanted.comm.size(), sizeof(task->comm) - 1));
  host_.task_created(*task);
  task->fiber.prepare(stack, task->kernel_stack + host::kThreadSize, &Scheduler::task_main, task);
  return task;
}

Task* Scheduler::create(const NewTask& wanted) {
  Task* const task = make(wanted, wanted.pid != 0 ? wanted.pid : next_pid_);
  if (task == nullptr) return nullptr;
  if (wanted.pid == 0) ++next_pid_;
  tasks_.push_back(task);
  if (wanted.asleep) {
    task->state = RunState::kBlocked;
    host_.task_counted(*task, now());
  } else {
    enqueue(*task, RunQueue::Join::kNew);
  }
  return task;
}

void Scheduler::drop(Task& task) {
  CHECK(task.holds != 0);
  --task.holds;
  someone_died_ = true;
  release_dead();
}

// The stacks of a dead task are free when the boot fiber runs; the Task itself when nobody holds it.
void Scheduler::release_dead() {
  if (!someone_died_) return;
  someone_died_ = false;
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    Task* const task = *it;
    if (task->state != RunState::kDead) {
      ++it;
      continue;
    }
    if (task->guest != 0) {
      free_stacks_.push_back(task->stack_index);
      host_.task_released(*task);
      task->guest = 0;
    }
    if (task->holds != 0) {
      ++it;
      continue;
    }
    it = tasks_.erase(it);
    task->~Task();
    resource_->deallocate(task, sizeof(Task), alignof(Task));
  }
}

void Scheduler::task_main(void* opaque) {
  auto* const task = static_cast<Task*>(opaque);
  task->entry(*task, task->argument);
  CHECK(false, "task {} returned from its entry", task->pid);
}

// The idle task takes the CPU only to run timers; then its CPU is free again.
void Scheduler::idle_main(Task& task, void* opaque) {
  auto* const scheduler = static_cast<Scheduler*>(opaque);
  Vcpu& vcpu = scheduler->vcpus_[task.cpu.value];
  for (;;) {
    vcpu.idle_interrupted = true;
    scheduler->run_due_timers(task.cpu.value);
    vcpu.idle_interrupted = false;
    scheduler->leave();
  }
}

Task* Scheduler::find(s32 pid) {
  const auto it = std::find_if(tasks_.begin(), tasks_.end(), [pid](const Task* t) { return t->pid == pid; });
  return it == tasks_.end() ? nullptr : *it;
}

Task* Scheduler::find_guest(u64 task_struct) {
  const auto it = std::find_if(tasks_.begin(), tasks_.end(),
                               [task_struct](const Task* t) { return t->guest == task_struct; });
  return it == tasks_.end() ? nullptr : *it;
}

// ---- the boot fiber's loop ----

bool Scheduler::busy(const Vcpu& vcpu) const {
  return vcpu.current != vcpu.idle_task || vcpu.idle_interrupted || !vcpu.queue.empty();
}

u64 Scheduler::next_timer_ns(u32 cpu) const {
  u64 first = kNever;
  for (const Timer& timer : timers_) {
    if (timer.cpu == cpu) first = std::min(first, timer.time_ns);
  }
  return first;
}

// When a virtual CPU has something to do: a busy one at once, an idle one at its next timer.
u64 Scheduler::next_event_ns(u32 cpu) const {
  const Vcpu& vcpu = vcpus_[cpu];
  if (busy(vcpu)) return vcpu.clock.now_ns;
  const u64 timer = next_timer_ns(cpu);
  return timer == kNever ? kNever : std::max(timer, vcpu.clock.now_ns);
}

bool Scheduler::idle() const { return only_background() && !host_.background_wanted(); }

// Nobody is busy, and no timer but the machine's own is pending.
bool Scheduler::only_background() const {
  return std::none_of(vcpus_.begin(), vcpus_.end(), [this](const Vcpu& vcpu) { return busy(vcpu); }) &&
         std::all_of(timers_.begin(), timers_.end(), [](const Timer& timer) { return timer.background; });
}

bool Scheduler::alone() const {
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) {
    if (cpu != running_.value && busy(vcpus_[cpu])) return false;
  }
  return std::all_of(timers_.begin(), timers_.end(), [](const Timer& timer) { return timer.background; });
}

// One turn of the boot fiber. False: nothing can ever run again.
bool Scheduler::step() {
  if (halted_ || idle()) return false;
  const auto next = interleaver_.explores() ? next_explored() : next_in_time();
  if (!next) return false;
  Vcpu& vcpu = vcpus_[*next];
  vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, next_event_ns(*next));
  dispatch(*next);
  return true;
}

std::optional<u32> Scheduler::next_in_time() const {
  u64 first = kNever;
  std::optional<u32> pick;
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) {
    const u64 event = next_event_ns(cpu);
    if (event >= first) continue;
    first = event;
    pick = cpu;
  }
  return pick;
}

void Scheduler::dispatch(u32 cpu) {
  Vcpu& vcpu = vcpus_[cpu];
  running_ = VcpuId{cpu};
  if (vcpu.switching || (vcpu.current == vcpu.idle_task && !vcpu.idle_interrupted)) {
    if (!vcpu.switching && !vcpu.queue.empty()) vcpu.current = vcpu.queue.pick();
    vcpu.switching = false;
    if (vcpu.current != vcpu.idle_task) {
      vcpu.charged_ns = vcpu.clock.now_ns;
      ++vcpu.current->switches;
      vcpu.ticks = vcpu.clock.now_ns / config_.tick_ns;
    }
    // A task starts or goes on as schedule() leaves it: interrupts on.
    reinterpret_cast<host::GsArea*>(vcpu.gs_base)->interrupt_flag = kInterruptsOn;
    vcpu.watch.touch(vcpu.clock.now_ns);
    host_.task_switched_in(*vcpu.current);
  }
  host_.time_passed(VirtualTime{vcpu.clock.now_ns});
  if (!interleaver_.explores()) turn_ns_ = interleaver_.draw_turn_ns();
  set_deadline(cpu);
  last_ran_ = vcpu.current;
  host::Fiber::switch_to(boot_, vcpu.current->fiber, vcpu.gs_base);
  if (last_ran_->state == RunState::kDead) last_ran_ = vcpu.idle_task;
  release_dead();
}

bool Scheduler::run_until_dead(const Task& done) {
  while (done.state != RunState::kDead) {
    if (!step()) return false;
  }
  return true;
}

void Scheduler::run_until_idle(VirtualTime limit) {
  for (;;) {
    u64 next = kNever;
    for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) next = std::min(next, next_event_ns(cpu));
    if (next > limit.value || !step()) break;
  }
}

void Scheduler::run_until_time(VirtualTime time) {
  run_until_idle(time);
  for (Vcpu& vcpu : vcpus_) {
    if (!busy(vcpu)) vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, time.value);
  }
  host_.time_passed(time);
}

// ---- from tasks ----

// Back to the boot fiber; the running task keeps its virtual CPU.
void Scheduler::leave() { host::Fiber::switch_to(current()->fiber, boot_, 0); }

// The current task's CPU time, up to now.
void Scheduler::charge(Vcpu& vcpu) {
  if (vcpu.current == vcpu.idle_task || vcpu.switching) return;
  const u64 ran_ns = vcpu.clock.now_ns - vcpu.charged_ns;
  vcpu.charged_ns = vcpu.clock.now_ns;
  if (vcpu.queue.ran(ran_ns)) host_.set_need_resched(*vcpu.current);
  limit(vcpu, vcpu.current->entity.priority.is_rt(), ran_ns);
}

// The running task blocks or ends.
void Scheduler::leave_cpu(Task& task) {
  Vcpu& vcpu = vcpus_[running_.value];
  charge(vcpu);
  vcpu.queue.stop(RunQueue::Stop::kBlocks);
  vcpu.current = vcpu.idle_task;
  ++task.waits;
  host_.task_counted(task, now());
  fair_left(vcpu);
  if (vcpu.queue.empty()) pull(vcpu);
  host::Fiber::switch_to(task.fiber, boot_, 0);
}

void Scheduler::schedule() {
  Vcpu& vcpu = vcpus_[running_.value];
  Task* const task = vcpu.current;
  CHECK(task != vcpu.idle_task, "the idle task cannot block");
  if (host_.guest_state(*task) != kTaskRunning) {
    task->state = RunState::kBlocked;
    leave_cpu(*task);
    return;
  }
  preempt();
}

void Scheduler::preempt() { give_up_cpu(RunQueue::Join::kPreempted); }
void Scheduler::yield_task() { give_up_cpu(RunQueue::Join::kYielded); }

void Scheduler::give_up_cpu(RunQueue::Join how) {
  Vcpu& vcpu = vcpus_[running_.value];
  Task* const task = vcpu.current;
  CHECK(task != vcpu.idle_task, "the idle task cannot be preempted");
  vcpu.watch.touch(vcpu.clock.now_ns);
  charge(vcpu);
  const bool may_stay = (task->allowed_vcpus >> running_.value & 1) != 0;
  if (may_stay && vcpu.queue.empty() && !vcpu.queue.current_is_barred()) return;
  vcpu.queue.stop(RunQueue::Stop::kStaysRunnable);
  vcpu.current = vcpu.idle_task;
  if (may_stay) {
    vcpu.queue.join(*task, how);
    Task* const next = vcpu.queue.pick();
    if (next != nullptr) vcpu.current = next;
    if (next == task) return;
    vcpu.switching = next != nullptr;
    ++task->preemptions;
    host_.task_counted(*task, now());
    if (next == nullptr) pull(vcpu);
  } else {
    move(*task, idlest(task->allowed_vcpus));
    enqueue(*task, RunQueue::Join::kMoved);
    if (vcpu.queue.empty()) pull(vcpu);
  }
  host::Fiber::switch_to(task->fiber, boot_, 0);
}

void Scheduler::yield_vcpu() {
  if (interleaver_.explores())
    explore(MayStay::kNo);
  else
    leave();
  request_border();
}

void Scheduler::exit_current(s32 exit_code) {
  Task* const task = current();
  task->exit_code = exit_code;
  task->state = RunState::kDead;
  someone_died_ = true;
  leave_cpu(*task);
  CHECK(false, "a dead task ran");
  __builtin_unreachable();
}

void Scheduler::halt() {
  halted_ = true;
  leave();
  CHECK(false, "a halted machine ran");
  __builtin_unreachable();
}

void Scheduler::enqueue(Task& task, RunQueue::Join how) {
  Vcpu& vcpu = vcpus_[task.cpu.value];
  // An idle CPU was waiting: its clock is at least the waker's.
  if (!busy(vcpu)) vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, vcpus_[running_.value].clock.now_ns);
  charge(vcpu);
  if (task.entity.priority.is_rt()) {
    rt_limits_.rt_joined(vcpu.clock.now_ns, has_rt());
  } else if (vcpu.queue.fair_count() == 0) {
    rt_limits_.fair_started(task.cpu.value, vcpu.clock.now_ns);
  }
  vcpu.queue.join(task, how);
  host_.task_counted(task, VirtualTime{vcpu.clock.now_ns});
  if (vcpu.current != vcpu.idle_task && vcpu.queue.preempts(task)) host_.set_need_resched(*vcpu.current);
  request_border();
}

bool Scheduler::wake(Task& task) {
  host_.set_guest_state(task, kTaskRunning);
  if (task.state != RunState::kBlocked) return false;
  task.state = RunState::kRunnable;
  if (busy(vcpus_[task.cpu.value]) || (task.allowed_vcpus >> task.cpu.value & 1) == 0) {
    const VcpuId other = idlest(task.allowed_vcpus);
    if (!busy(vcpus_[other.value]) || (task.allowed_vcpus >> task.cpu.value & 1) == 0) move(task, other);
  }
  enqueue(task, RunQueue::Join::kWake);
  return true;
}

void Scheduler::set_priority(Task& task, const Priority& priority) {
  Vcpu& vcpu = vcpus_[task.cpu.value];
  charge(vcpu);
  const bool others = has_rt();
  const bool first_fair = vcpu.queue.fair_count() == 0;
  vcpu.queue.change(task, priority);
  if (priority.is_rt()) {
    rt_limits_.rt_joined(vcpu.clock.now_ns, others);
    fair_left(vcpu);
  } else if (first_fair) {
    rt_limits_.fair_started(task.cpu.value, vcpu.clock.now_ns);
  }
  if (vcpu.current == vcpu.idle_task || vcpu.queue.empty()) return;
  // The current one may be worth less now, or the other one more: the queue decides at the next chance.
  if (vcpu.current == &task || (task.state == RunState::kRunnable && vcpu.queue.preempts(task))) {
    host_.set_need_resched(*vcpu.current);
  }
}

}  // namespace koi::sched
