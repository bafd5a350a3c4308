// SPDX-License-Identifier: GPL-2.0-only
// The module's own fault: which kind it is, and what it ends.
#include "runtime/splat/traps.h"

#include <csignal>

#include "engine/printk/format.h"
#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/splat_operand.h"
#include "runtime/splat/trap_vectors.h"

namespace koi::runtime {
namespace {

constexpr u64 kErrorFetch = 16;

// The addresses that a real kernel would take for the calling process's: all that is not of koi's world.
constexpr bool is_user_address(u64 address) {
  return !host::in_window(address) && !(address >= host::kDirectMap && address < host::kUserMemory) &&
         address < 0x0000'8000'0000'0000;
}

}  // namespace

void Traps::warn_at(const host::TrapFrame& frame, const std::string& file, u32 line, bool cut_here) {
  WarnEvent event;
  event.file = file;
  event.line = line;
  event.cut_here = cut_here;
  const SplatInput input = input_for(registers_from_trap(frame), &frame);
  print_warning(input, event, fmt::format("WARNING at {}:{}", file, line));
}

void Traps::classify(const host::TrapFrame& frame, OopsEvent& event) {
  event.error_code = kernel_error_code(frame.error_code);
  switch (frame.trap_number) {
    case trap_vectors::kDivide:
      event.kind = OopsKind::kDivideError;
      event.error_code = 0;
      return;
    case trap_vectors::kInt3:
      event.kind = OopsKind::kInt3;
      return;
    case trap_vectors::kUndefined: {
      event.error_code = 0;
      const auto bug = find_bug(frame.rip);
      event.kind = bug ? OopsKind::kBug : OopsKind::kInvalidOpcode;
      if (bug) {
        event.file = bug->file;
        event.line = bug->line;
      }
      return;
    }
    case trap_vectors::kStackSegment:
      event.kind = OopsKind::kStackSegment;
      return;
    case trap_vectors::kProtection:
      event.kind = OopsKind::kGeneralProtection;
      event.error_code = 0;
      describe_protection_fault(frame, event);
      return;
    case trap_vectors::kAlignment:
      event.kind = OopsKind::kAlignmentCheck;
      return;
    default:
      break;
  }
  event.kind = OopsKind::kPageFault;
  event.address = frame.cr2;
  event.page_table = "PGD 0 P4D 0 ";
  event.executed_nx_page = (event.error_code & kErrorFetch) != 0 && host::in_window(frame.cr2);
  const sched::Task* const task = kernel_.sched().current();
  const u64 guard = task->kernel_stack - host::kThreadSize;
  if (frame.cr2 >= guard && frame.cr2 < task->kernel_stack) {
    event.kind = OopsKind::kStackGuardPage;
    event.error_code = 0;  // it comes as a double fault
    const auto hashed = [&](u64 address) {
      const std::array<u64, 1> words = {address};
      printk::VaList arguments(words);
      std::string text;
      static_cast<void>(printk::format_string(text, 64, "%p", arguments, kernel_.console().environment()));
      return text;
    };
    event.fault_text = hashed(frame.cr2);
    event.stack_begin_text = hashed(task->kernel_stack);
    event.stack_end_text = hashed(task->kernel_stack + host::kThreadSize - 1);
  }
}

void Traps::oops(const host::TrapFrame& frame) {
  OopsEvent event;
  classify(frame, event);
  die(input_for(registers_from_trap(frame), &frame), event);
}

void Traps::die(const SplatInput& input, const OopsEvent& made) {
  OopsEvent event = made;
  event.number = ++oops_count_;
  const SplatRegisters first = first_oops_.value_or(input.registers);
  if (first_oops_)
    event.first = &first;
  else
    first_oops_ = input.registers;
  const SplatText text = oops_splat(input, event, symbols_);
  kernel_.console().print(text);
  kernel_.modules().taint().mask |= module::taint_bit(module::Taint::kDie);
  kernel_.note(observe::EventKind::kOops, text.empty() ? "oops" : text.front().text);
  // oops_end(): in an interrupt, and on the double fault's stack, there is no task to kill.
  const bool overflow = event.kind == OopsKind::kStackGuardPage && kernel_.config().boot.wants_panics();
  if (overflow || in_interrupt()) panic("Fatal exception in interrupt", FrameEvent::kNone, PanicDump::kNone);
  if (kernel_.panic_on_oops()) panic("Fatal exception", FrameEvent::kNone, PanicDump::kNone);
  // A fault on an address of the kernel's is handled with interrupts off.
  const bool kernel_address = event.kind == OopsKind::kPageFault && !is_user_address(event.address);
  const bool interrupts_off = host::gs_area()->interrupt_flag == 0 || kernel_address;
  const auto count = static_cast<u32>(kernel_.preempt_count()) & ~preempt_count::kNeedReschedInverted;
  // oops_end(): nobody can be killed there.
  if ((count & preempt_count::kInInterrupt) != 0) {
    panic("Fatal exception in interrupt", FrameEvent::kNone, PanicDump::kNone);
  }
  kernel_.console().print(exit_notes(input.context, interrupts_off, count));
  // make_task_dead(): a page fault kills with SIGKILL, every other oops with SIGSEGV.
  kill_current(event.kind == OopsKind::kPageFault ? SIGKILL : SIGSEGV);
}

// in_interrupt(): also where bottom halves are only switched off.
bool Traps::in_interrupt() const {
  return (static_cast<u32>(kernel_.preempt_count()) & preempt_count::kInInterrupt) != 0 ||
         kernel_.sched().current()->kind == sched::TaskKind::kIdle;
}

void Traps::kill_current(int signal) {
  sched::Task* const task = kernel_.sched().current();
  if (task->kind == sched::TaskKind::kIdle) {
    panic("Fatal exception in interrupt", FrameEvent::kNone, PanicDump::kNone);
  }
  task->killed = true;
  // An oops turns the kernel's checks off: what the task held is no finding of its own.
  kernel_.locks().drop_all();
  host::upcall(kernel_.core().address_of("koi_task_dying"));
  kernel_.sched().exit_current(signal);
}

}  // namespace koi::runtime
