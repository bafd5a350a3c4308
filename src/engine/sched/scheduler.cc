// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/scheduler.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "host/address_map.h"

namespace koi::sched {
namespace {

constexpr u64 kNever = ~0ULL;
constexpr u32 kTaskRunning = 0;

}  // namespace

Scheduler::Scheduler(const SchedulerConfig& config, TaskHost& host, std::pmr::memory_resource* resource)
    : config_(config),
      host_(host),
      resource_(resource),
      vcpus_(resource),
      tasks_(resource),
      timers_(resource),
      free_stacks_(resource) {
  vcpus_.reserve(config.vcpus);
  for (u32 cpu = 0; cpu < config.vcpus; ++cpu) vcpus_.emplace_back(resource);
  boot_.adopt_current();
}

void Scheduler::attach_vcpu(VcpuId cpu, u64 gs_base) {
  Vcpu& vcpu = vcpus_[cpu.value];
  vcpu.gs_base = gs_base;
  vcpu.clock.deadline_ns = kNever;
  reinterpret_cast<host::GsArea*>(gs_base)->clock = &vcpu.clock;
  reinterpret_cast<host::GsArea*>(gs_base)->interrupt_flag = 0x200;
  vcpu.idle_task = make(fmt::format("swapper/{}", cpu.value), TaskKind::kIdle, cpu, 0, &Scheduler::idle_main, this);
  vcpu.current = vcpu.idle_task;
  if (cpu.value == 0) host::set_gs_base(gs_base);
}

Task* Scheduler::make(std::string_view comm, TaskKind kind, VcpuId cpu, s32 pid, Task::Entry entry, void* argument) {
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
  task->kind = kind;
  task->cpu = cpu;
  task->stack_index = stack;
  task->entry = entry;
  task->argument = argument;
  std::memcpy(task->comm, comm.data(), std::min(comm.size(), sizeof(task->comm) - 1));
  host_.task_created(*task);
  task->fiber.prepare(stack, task->kernel_stack + host::kThreadSize, &Scheduler::task_main, task);
  return task;
}

Task* Scheduler::create(std::string_view comm, TaskKind kind, VcpuId cpu, Task::Entry entry, void* argument) {
  Task* const task = make(comm, kind, cpu, next_pid_, entry, argument);
  if (task == nullptr) return nullptr;
  ++next_pid_;
  tasks_.push_back(task);
  vcpus_[cpu.value].queue.push_back(task);
  request_border();
  return task;
}

void Scheduler::task_main(void* opaque) {
  auto* const task = static_cast<Task*>(opaque);
  task->entry(*task, task->argument);
  CHECK(false, "task {} returned from its entry", task->pid);
}

// The idle task takes the CPU only to run timers; then its CPU is free again.
void Scheduler::idle_main(Task& task, void* opaque) {
  auto* const scheduler = static_cast<Scheduler*>(opaque);
  for (;;) {
    scheduler->run_due_timers(task.cpu.value);
    scheduler->leave();
  }
}

bool Scheduler::busy(const Vcpu& vcpu) const { return vcpu.current != vcpu.idle_task || !vcpu.queue.empty(); }

s32 Scheduler::pick_vcpu() const {
  s32 best = -1;
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) {
    if (!busy(vcpus_[cpu])) continue;
    if (best < 0 || vcpus_[cpu].clock.now_ns < vcpus_[static_cast<u32>(best)].clock.now_ns) best = static_cast<s32>(cpu);
  }
  return best;
}

u64 Scheduler::next_timer_ns(u32 cpu) const {
  u64 first = kNever;
  for (const Timer& timer : timers_) {
    if (timer.cpu == cpu) first = std::min(first, timer.time_ns);
  }
  return first;
}

void Scheduler::set_deadline(u32 cpu) {
  u64 deadline = next_timer_ns(cpu);
  for (u32 other = 0; other < vcpus_.size(); ++other) {
    if (other != cpu && busy(vcpus_[other])) {
      deadline = std::min(deadline, vcpus_[other].clock.now_ns + config_.quantum_ns);
    } else if (other != cpu) {
      deadline = std::min(deadline, next_timer_ns(other));
    }
  }
  vcpus_[cpu].clock.deadline_ns = deadline;
}

void Scheduler::dispatch(u32 cpu) {
  Vcpu& vcpu = vcpus_[cpu];
  running_ = VcpuId{cpu};
  if (vcpu.current == vcpu.idle_task && !vcpu.queue.empty()) {
    vcpu.current = vcpu.queue.front();
    vcpu.queue.pop_front();
    vcpu.current->last_ran_ns = vcpu.clock.now_ns;
    ++vcpu.current->switches;
    host_.task_switched_in(*vcpu.current);
  } else if (vcpu.current == vcpu.idle_task) {
    host_.task_switched_in(*vcpu.current);
  }
  set_deadline(cpu);
  host::Fiber::switch_to(boot_, vcpu.current->fiber, vcpu.gs_base);
  release_dead();
}

// Back to the boot fiber, from a task.
void Scheduler::leave() { host::Fiber::switch_to(current()->fiber, boot_, 0); }

void Scheduler::release_dead() {
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    Task* const task = *it;
    const bool current_somewhere = std::any_of(vcpus_.begin(), vcpus_.end(),
                                               [task](const Vcpu& vcpu) { return vcpu.current == task; });
    if (task->state != RunState::kDead || current_somewhere) {
      ++it;
      continue;
    }
    it = tasks_.erase(it);
    free_stacks_.push_back(task->stack_index);
    host_.task_released(*task);
  }
}

// One turn of the boot fiber. False: nothing can ever run again.
bool Scheduler::step() {
  const s32 pick = pick_vcpu();
  u64 first_timer = kNever;
  u32 timer_cpu = 0;
  for (const Timer& timer : timers_) {
    if (timer.time_ns < first_timer) {
      first_timer = timer.time_ns;
      timer_cpu = timer.cpu;
    }
  }
  if (pick >= 0 && vcpus_[static_cast<u32>(pick)].clock.now_ns < first_timer) {
    dispatch(static_cast<u32>(pick));
    return true;
  }
  if (first_timer == kNever) {
    if (pick < 0) return false;
    dispatch(static_cast<u32>(pick));
    return true;
  }
  // A timer comes first. An idle CPU's clock jumps to it; a busy one runs it at its own border.
  Vcpu& vcpu = vcpus_[timer_cpu];
  if (busy(vcpu)) {
    dispatch(timer_cpu);
    return true;
  }
  for (Vcpu& other : vcpus_) {
    if (!busy(other)) other.clock.now_ns = std::max(other.clock.now_ns, first_timer);
  }
  dispatch(timer_cpu);
  return true;
}

bool Scheduler::run_until_dead(const Task& done) {
  while (done.state != RunState::kDead) {
    if (!step()) return false;
  }
  return true;
}

void Scheduler::run_until_time(VirtualTime time) {
  for (;;) {
    const s32 pick = pick_vcpu();
    u64 next = kNever;
    if (pick >= 0) next = vcpus_[static_cast<u32>(pick)].clock.now_ns;
    for (const Timer& timer : timers_) next = std::min(next, timer.time_ns);
    if (next > time.value || !step()) break;
  }
  for (Vcpu& vcpu : vcpus_) {
    if (!busy(vcpu)) vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, time.value);
  }
}

void Scheduler::schedule() {
  Vcpu& vcpu = vcpus_[running_.value];
  Task* const task = vcpu.current;
  CHECK(task != vcpu.idle_task, "the idle task cannot block");
  if (host_.guest_state(*task) == kTaskRunning) {
    vcpu.queue.push_back(task);
  } else {
    task->state = RunState::kBlocked;
  }
  vcpu.current = vcpu.idle_task;
  host::Fiber::switch_to(task->fiber, boot_, 0);
}

u64 Scheduler::schedule_timeout(u64 timeout_ns) {
  struct Wake {
    Scheduler* scheduler;
    Task* task;
    u64 generation;
  };
  Task* const task = current();
  const u64 until = now().value + timeout_ns;
  Wake wake{this, task, ++task->woken_by_timer};
  const TimerId timer = add_timer(
      VirtualTime{until}, task->cpu,
      [](void* opaque) {
        const auto* const w = static_cast<Wake*>(opaque);
        if (w->task->woken_by_timer == w->generation) w->scheduler->wake(*w->task);
      },
      &wake);
  schedule();
  ++task->woken_by_timer;
  cancel_timer(timer);
  const u64 after = now().value;
  return after >= until ? 0 : until - after;
}

void Scheduler::yield_vcpu() { leave(); }

void Scheduler::exit_current(s32 exit_code) {
  Vcpu& vcpu = vcpus_[running_.value];
  Task* const task = vcpu.current;
  task->exit_code = exit_code;
  task->state = RunState::kDead;
  vcpu.current = vcpu.idle_task;
  host::Fiber::switch_to(task->fiber, boot_, 0);
  CHECK(false, "a dead task ran");
  __builtin_unreachable();
}

bool Scheduler::wake(Task& task) {
  host_.set_guest_state(task, kTaskRunning);
  if (task.state != RunState::kBlocked) return false;
  task.state = RunState::kRunnable;
  Vcpu& vcpu = vcpus_[task.cpu.value];
  // An idle CPU was waiting: its clock is at least the waker's.
  if (!busy(vcpu)) vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, vcpus_[running_.value].clock.now_ns);
  vcpu.queue.push_back(&task);
  request_border();
  return true;
}

void Scheduler::border() {
  const u32 cpu = running_.value;
  const bool interrupts_on = host::gs_area()->interrupt_flag != 0;
  if (interrupts_on && vcpus_[cpu].in_timer == 0) run_due_timers(cpu);
  set_deadline(cpu);
  Vcpu& vcpu = vcpus_[cpu];
  if (vcpu.clock.now_ns < vcpu.clock.deadline_ns) return;
  const bool other_behind = std::any_of(vcpus_.begin(), vcpus_.end(), [&](const Vcpu& other) {
    return &other != &vcpu && busy(other) && other.clock.now_ns + config_.quantum_ns <= vcpu.clock.now_ns;
  });
  bool timer_elsewhere = false;
  for (const Timer& timer : timers_) timer_elsewhere |= timer.cpu != cpu && timer.time_ns <= vcpu.clock.now_ns;
  if (other_behind || timer_elsewhere) leave();
}

void Scheduler::run_due_timers(u32 cpu) {
  Vcpu& vcpu = vcpus_[cpu];
  ++vcpu.in_timer;
  for (;;) {
    const auto due = std::min_element(timers_.begin(), timers_.end(), [cpu](const Timer& a, const Timer& b) {
      if ((a.cpu == cpu) != (b.cpu == cpu)) return a.cpu == cpu;
      return Later{}(b, a);
    });
    if (due == timers_.end() || due->cpu != cpu || due->time_ns > vcpu.clock.now_ns) break;
    const Timer timer = *due;
    timers_.erase(due);
    timer.callback(timer.argument);
  }
  --vcpu.in_timer;
}

TimerId Scheduler::add_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument) {
  const u64 sequence = next_timer_sequence_++;
  timers_.push_back(Timer{time.value, sequence, cpu.value, callback, argument});
  if (cpu == running_) {
    host::VcpuClock& clock = vcpus_[cpu.value].clock;
    clock.deadline_ns = std::min(clock.deadline_ns, time.value);
  }
  return sequence;
}

bool Scheduler::cancel_timer(TimerId id) {
  const auto it = std::find_if(timers_.begin(), timers_.end(), [id](const Timer& t) { return t.sequence == id; });
  if (it == timers_.end()) return false;
  timers_.erase(it);
  return true;
}

bool Scheduler::idle() const { return pick_vcpu() < 0 && timers_.empty(); }

Task* Scheduler::find(s32 pid) {
  const auto it = std::find_if(tasks_.begin(), tasks_.end(), [pid](const Task* t) { return t->pid == pid; });
  return it == tasks_.end() ? nullptr : *it;
}

Task* Scheduler::find_guest(u64 task_struct) {
  const auto it =
      std::find_if(tasks_.begin(), tasks_.end(), [task_struct](const Task* t) { return t->guest == task_struct; });
  return it == tasks_.end() ? nullptr : *it;
}

}  // namespace koi::sched
