// SPDX-License-Identifier: GPL-2.0-only
// What a kernel function that koi stands in for reports about its caller: WARN, BUG, a fault inside it, a stack dump.
#include "runtime/splat/traps.h"

#include <algorithm>

#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr u64 kErrorWrite = 2;
constexpr u64 kInterruptFlag = 0x200;

}  // namespace

void Traps::warn(FrameEvent event, const KernelPlace& place, std::string_view message) {
  WarnEvent warning;
  warning.file = place.file;
  warning.line = kernel_.is_6_12() ? place.line_6_12 : place.line_6_1;
  warning.message = message;
  SplatInput input = input_at_border(event);
  // The core's lock function is the event's place itself.
  if (event == FrameEvent::kLockUninitialised) drop_lock_function(input.trace);
  print_warning(input, warning,
                fmt::format("WARNING at {}:{} {}", warning.file, warning.line,
                            symbol_text(symbols_, input.registers.rip)));
}

void Traps::bug(FrameEvent event, const KernelPlace& place) {
  OopsEvent oops;
  oops.kind = OopsKind::kBug;
  oops.file = place.file;
  oops.line = kernel_.is_6_12() ? place.line_6_12 : place.line_6_1;
  die(input_at_border(event), oops);
}

void Traps::fault(FrameEvent event, u64 address, bool write) {
  OopsEvent oops;
  oops.kind = OopsKind::kPageFault;
  oops.address = address;
  oops.error_code = write ? kErrorWrite : 0;
  oops.page_table = "PGD 0 P4D 0 ";
  SplatInput input = input_at_border(event);
  input.control.cr2 = address;
  die(input, oops);
}

void Traps::trap(FrameEvent event, OopsKind kind) {
  OopsEvent oops;
  oops.kind = kind;
  die(input_at_border(event), oops);
}

void Traps::scheduling_while_atomic(u32 preempt_count) {
  SplatInput input = input_at_border(FrameEvent::kScheduleWhileAtomic);
  SplatText text = scheduling_while_atomic_splat(
      input, preempt_count, kernel_.locks().held_locks_text(host::gs_area()->interrupt_flag == 0), symbols_);
  if (panics_on_warn()) {
    // __schedule_bug() panics before its own dump.
    const auto dump = std::find_if(text.begin(), text.end(),
                                   [](const SplatLine& line) { return line.text.starts_with("CPU: "); });
    text.erase(dump, text.end());
    kernel_.console().print(text);
    const std::vector<TraceItem> frames = panic_frames(FrameEvent::kPanicWhileAtomic);
    // Its dump_stack_lvl is panic()'s now.
    if (input.trace.size() > 1) input.trace.erase(input.trace.begin() + 1);
    input.trace.insert(input.trace.begin() + 1, frames.begin(), frames.end());
    stop_on_warn(input, "scheduling while atomic");
  }
  kernel_.console().print(text);
  kernel_.modules().taint().mask |= module::taint_bit(module::Taint::kWarn);
  kernel_.note(observe::EventKind::kWarning, text.empty() ? "scheduling while atomic" : text.front().text);
}

std::vector<u64> Traps::call_chain() {
  std::vector<u64> addresses;
  for (const TraceItem& item : trace(nullptr, FrameEvent::kNone)) {
    if (item.kind == TraceItem::Kind::kAddress && item.reliable) addresses.push_back(item.address);
  }
  return addresses;
}

void Traps::dump_stack(u8 level) { dump_stack(level, FrameEvent::kDumpStack); }

void Traps::dump_stack(u8 level, FrameEvent event) {
  SplatInput input = input_at_border(event);
  if (is_sleep_report(input.trace)) input.trace = with_kernel_names(std::move(input.trace));
  kernel_.console().print(stack_dump(input, symbols_, level));
}

void Traps::dump_loader_stack() {
  SplatInput input = input_at_border(FrameEvent::kNone);
  input.trace = {trace_stack_begin("TASK")};
  const auto add = [&](std::string_view name) {
    input.trace.push_back(trace_address(kernel_.name_address(name) + kFrameOffset));
  };
  add("dump_stack_lvl");
  // do_one_initcall has returned: the loader is its caller.
  const ContextFrames callers = context_frames(kernel_.series(), FrameContext::kModuleInit);
  for (size_t i = 1; i < callers.callers.size(); ++i) {
    // The unlikely branch that prints this was split off.
    add(i == 1 && !kernel_.is_6_12() ? "do_init_module.cold" : callers.callers[i]);
  }
  input.trace.push_back(trace_stack_end("TASK"));
  kernel_.console().print(stack_dump(input, symbols_, 4));
}

void Traps::check_initcall(u64 function, s32 preempt_count) {
  std::string what;
  if (kernel_.preempt_count() != preempt_count) {
    what += "preemption imbalance ";
    kernel_.preempt_count() = preempt_count;
  }
  if (host::gs_area()->interrupt_flag == 0) {
    what += "disabled interrupts ";
    host::gs_area()->interrupt_flag = kInterruptFlag;
  }
  if (what.empty()) return;
  const EventFrames frames = initcall_imbalance_frames(kernel_.series());
  WarnEvent warning;
  warning.file = "init/main.c";
  warning.line = kernel_.is_6_12() ? 1253 : 1284;
  warning.message = fmt::format("initcall {} returned with {}", symbol_text(symbols_, function), what);
  SplatRegisters registers;
  registers.rip = kernel_.name_address(frames.place) + kFrameOffset;
  SplatInput input = input_for(registers, nullptr);
  input.trace = {trace_stack_begin("TASK")};
  for (const std::string_view name : frames.callers) {
    input.trace.push_back(trace_address(kernel_.name_address(name) + kFrameOffset));
  }
  input.trace.push_back(trace_stack_end("TASK"));
  print_warning(input, warning, warning.message);
}

void Traps::format_warning(printk::FormatWarning kind, std::string_view text) {
  constexpr const char* kFile = "lib/vsprintf.c";
  switch (kind) {
    case printk::FormatWarning::kUnsupportedConversion:
      return warn(FrameEvent::kFormatWarning, {kFile, 2661, 2659}, text);
    case printk::FormatWarning::kWidthTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2693, 2691}, text);
    case printk::FormatWarning::kPrecisionTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2702, 2700}, text);
    case printk::FormatWarning::kSizeTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2743, 2741}, text);
    case printk::FormatWarning::kRust:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2466, 2464}, text);
  }
}

void Traps::unsupported(std::string_view what) {
  kernel_.console().print(0, fmt::format("koi: not supported: {}", what));
  kernel_.note(observe::EventKind::kUnsupported, what);
  // As the ud2 that stands in such a stub would: the place is the function that koi lacks.
  trap(FrameEvent::kNone, OopsKind::kInvalidOpcode);
}

}  // namespace koi::runtime
