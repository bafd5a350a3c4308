// SPDX-License-Identifier: GPL-2.0-only
// What the C core's scheduling parts call: tasks, the clock, the one event of each virtual CPU (kernel/koi_core.h).

#include "host/guest_memory.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using runtime::Kernel;
using sched::Task;

constexpr s64 kNoEvent = 0x7fff'ffff'ffff'ffff;  // KTIME_MAX

// ---- tasks ----

void koi_task_switch() { current().sched().schedule(); }
void koi_task_preempt() { current().sched().preempt(); }

void koi_task_yield() { current().sched().yield_task(); }

void koi_task_priority(Address task_struct, s32 policy, s32 nice, u32 rt_priority) {
  Kernel& kernel = current();
  Task* const task = kernel.sched().find_guest(task_struct);
  if (task == nullptr) return;
  kernel.sched().set_priority(*task, sched::Priority{static_cast<sched::Policy>(policy), nice, rt_priority});
}

void koi_task_wake(Address task_struct) {
  Kernel& kernel = current();
  Task* const task = kernel.sched().find_guest(task_struct);
  // Not a task (any more): the kernel would wake what it finds there; the state word is all that koi has of it.
  if (task == nullptr) return;
  if (kernel.sched().wake(*task)) kernel.sanitizers().races().task_woken(*task);
}

void run_kthread(Task& task, void* kernel) {
  auto& machine = *static_cast<Kernel*>(kernel);
  task.context = static_cast<u8>(runtime::FrameContext::kKthread);
  host::upcall(machine.core().address_of("koi_kthread_main"));
}

Address koi_task_create(Address comm, s32 cpu, s32 pid) {
  Kernel& kernel = current();
  const std::string name = guest::load_string(comm, 64).value_or("");
  sched::Scheduler::NewTask wanted;
  wanted.comm = name;
  wanted.kind = sched::TaskKind::kKthread;
  wanted.cpu = cpu >= 0 ? VcpuId{static_cast<u32>(cpu)} : kernel.sched().running_vcpu();
  // A number that a task of an earlier life still has is not given again.
  wanted.pid = pid != 0 && kernel.sched().find(pid) == nullptr ? pid : 0;
  wanted.asleep = true;
  wanted.entry = run_kthread;
  wanted.argument = &kernel;
  const Task* const task = kernel.sched().create(wanted);
  return task == nullptr ? 0 : task->guest;
}

void koi_task_allow(Address task_struct, Address cpus) {
  Kernel& kernel = current();
  Task* const task = kernel.sched().find_guest(task_struct);
  const auto mask = guest::load<u64>(cpus);
  if (task == nullptr || !mask) return;
  task->allowed_vcpus = *mask;
  const bool moves = (*mask >> task->cpu.value & 1) == 0;
  if (moves && task->state == sched::RunState::kBlocked)
    kernel.sched().place(*task, kernel.sched().idlest(*mask));
}

void koi_task_exit(s64 code) {
  current().locks().check_task_exit();
  current().sched().exit_current(static_cast<s32>(code));
}
void koi_task_free(Address task_struct) { current().free_task_struct(task_struct); }

// ---- time ----

u64 koi_clock_ns() { return current().sched().read_clock().value; }
void koi_delay_ns(u64 ns) { current().sched().delay(ns); }
void koi_border() {}

void koi_spin_wait(Address lock) {
  Kernel& kernel = current();
  if (kernel.traps().lockup_seen() && kernel.sched().alone()) kernel.traps().end_deadlocked();
  kernel.sched().advance(kernel.traps().spin_step_ns(lock));
  kernel.sched().yield_vcpu();
}

void koi_clock_event(u32 cpu, s64 at_ns) {
  sched::Scheduler& sched = current().sched();
  const auto on_event = [](void* /*unused*/) { current().run_interrupt("koi_timer_interrupt"); };
  if (at_ns == kNoEvent) {
    sched.clear_clock_event(VcpuId{cpu});
  } else {
    sched.set_clock_event(VirtualTime{static_cast<u64>(at_ns)}, VcpuId{cpu}, on_event, nullptr);
  }
}

void koi_interrupt_cpu(u32 cpu) {
  sched::Scheduler& sched = current().sched();
  sched.add_timer(
      sched.now(), VcpuId{cpu}, [](void* /*unused*/) { current().run_interrupt("koi_ipi_interrupt"); },
      nullptr);
}

void koi_scheduling_while_atomic(s32 count) {
  current().traps().scheduling_while_atomic(static_cast<u32>(count));
}

}  // namespace

runtime::ExportTable sched_exports() {
  static const runtime::Export table[] = {
      {"koi_task_switch", address(koi_task_switch)},
      {"koi_task_preempt", address(koi_task_preempt)},
      {"koi_task_yield", address(koi_task_yield)},
      {"koi_task_priority", address(koi_task_priority)},
      {"koi_task_wake", address(koi_task_wake)},
      {"koi_task_create", address(koi_task_create)},
      {"koi_task_allow", address(koi_task_allow)},
      {"koi_task_exit", address(koi_task_exit)},
      {"koi_task_free", address(koi_task_free)},
      {"koi_clock_ns", address(koi_clock_ns)},
      {"koi_delay_ns", address(koi_delay_ns)},
      {"koi_border", address(koi_border)},
      {"koi_spin_wait", address(koi_spin_wait)},
      {"koi_clock_event", address(koi_clock_event)},
      {"koi_interrupt_cpu", address(koi_interrupt_cpu)},
      {"koi_scheduling_while_atomic", address(koi_scheduling_while_atomic)},
  };
  return table;
}

}  // namespace koi::kapi
