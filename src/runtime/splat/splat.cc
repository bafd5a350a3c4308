// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/splat.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/splat/splat_parts.h"

namespace koi::runtime {
namespace {

using namespace splat_parts;

// Bits of a page fault's error code.
constexpr u64 kFaultPresent = 1;
constexpr u64 kFaultWrite = 2;
constexpr u64 kFaultUser = 4;
constexpr u64 kFaultReserved = 8;
constexpr u64 kFaultFetch = 16;
constexpr u64 kFaultProtectionKey = 32;
constexpr u64 kPageBytes = 4096;

const char* fault_cause(u64 error_code) {
  if ((error_code & kFaultPresent) == 0) return "not-present page";
  if ((error_code & kFaultReserved) != 0) return "reserved bit violation";
  if ((error_code & kFaultProtectionKey) != 0) return "protection keys violation";
  return "permissions violation";
}

const char* fault_access(u64 error_code) {
  if ((error_code & kFaultFetch) != 0) return "instruction fetch";
  return (error_code & kFaultWrite) != 0 ? "write access" : "read access";
}

SplatText page_fault_lines(const SplatInput& input, const OopsEvent& event) {
  SplatText text;
  if (event.executed_nx_page) {
    add(text, kCritical,
        fmt::format("kernel tried to execute NX-protected page - exploit attempt? (uid: {})",
                    input.context.uid));
  }
  if (event.smep_violation) {
    add(text, kCritical,
        fmt::format("unable to execute userspace code (SMEP?) (uid: {})", input.context.uid));
  }
  const bool user = input.registers.user_mode();
  add(text, kAlert,
      fmt::format("BUG: {} address: {:016x}",
                  event.address < kPageBytes && !user ? "kernel NULL pointer dereference,"
                                                      : "unable to handle page fault for",
                  event.address));
  add(text, kAlert,
      fmt::format("#PF: {} {} in {} mode", (event.error_code & kFaultUser) != 0 ? "user" : "supervisor",
                  fault_access(event.error_code), user ? "user" : "kernel"));
  add(text, kAlert,
      fmt::format("#PF: error_code({:#06x}) - {}", event.error_code, fault_cause(event.error_code)));
  if (!event.page_table.empty()) add(text, kInfo, event.page_table);
  return text;
}

std::string general_protection_name(const OopsEvent& event) {
  std::string name = "general protection fault";
  if (event.error_code != 0) return "segment-related " + name;
  switch (event.hint) {
    case OopsEvent::Hint::kNonCanonical:
      return fmt::format("{}, probably for non-canonical address {:#x}", name, event.address);
    case OopsEvent::Hint::kCanonical:
      return fmt::format("{}, maybe for address {:#x}", name, event.address);
    case OopsEvent::Hint::kNone:
      break;
  }
  return name;
}

std::string oops_name(const OopsEvent& event) {
  switch (event.kind) {
    case OopsKind::kPageFault:
      return "Oops";
    case OopsKind::kGeneralProtection:
      return general_protection_name(event);
    case OopsKind::kDivideError:
      return "divide error";
    case OopsKind::kBug:
    case OopsKind::kInvalidOpcode:
      return "invalid opcode";
    case OopsKind::kInt3:
      return "int3";
    case OopsKind::kStackSegment:
      return "stack segment";
    case OopsKind::kStackGuardPage:
      return "stack guard page";
    case OopsKind::kAlignmentCheck:
      return "alignment check";
  }
  return "Oops";
}

// What stands above the header.
SplatText cause_lines(const SplatInput& input, const OopsEvent& event, const Symbolizer& symbols) {
  SplatText text;
  if (event.kind == OopsKind::kPageFault) return page_fault_lines(input, event);
  if (event.kind == OopsKind::kBug) {
    if (event.cut_here) add(text, kDefault, kCutHere);
    if (event.file.empty()) {
      add(text, kCritical,
          fmt::format("Kernel BUG at {} [verbose debug info unavailable]",
                      backtrace_text(symbols, input.registers.rip)));
    } else {
      add(text, kCritical, fmt::format("kernel BUG at {}:{}!", event.file, event.line));
    }
  }
  if (event.kind == OopsKind::kStackGuardPage) {
    add(text, kEmergency,
        fmt::format("BUG: {} stack guard page was hit at {} (stack is {}..{})", event.stack_name,
                    event.fault_text, event.stack_begin_text, event.stack_end_text));
  }
  return text;
}

void add_message(SplatText& text, const std::string& message) {
  u64 begin = 0;
  while (begin < message.size()) {
    u8 level = kDefault;
    if (message[begin] == '\001' && begin + 1 < message.size()) {  // KERN_SOH: the text names its level
      level = static_cast<u8>(message[begin + 1] - '0');
      begin += 2;
    }
    const u64 end = std::min(message.find('\n', begin), message.size());
    add(text, level, message.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

SplatText call_trace(const SplatInput& input, const Symbolizer& symbols, u8 level) {
  SplatText text;
  add(text, level, "Call Trace:");
  for (const TraceItem& item : input.trace) {
    switch (item.kind) {
      case TraceItem::Kind::kAddress:
        add(text, level,
            fmt::format(" {}{}", item.reliable ? "" : "? ", backtrace_text(symbols, item.address)));
        break;
      case TraceItem::Kind::kStackBegin:
        add(text, level, fmt::format(" <{}>", item.stack));
        break;
      case TraceItem::Kind::kStackEnd:
        add(text, level, fmt::format(" </{}>", item.stack));
        break;
      case TraceItem::Kind::kRegisters:
        append(text, short_registers(item.registers, symbols, level));
        break;
    }
  }
  return text;
}

SplatText stack_dump(const SplatInput& input, const Symbolizer& symbols, u8 level) {
  SplatText text = context_lines(input.context, level);
  append(text, call_trace(input, symbols, level));
  return text;
}

SplatText register_dump(const SplatInput& input, const Symbolizer& symbols) {
  SplatText text = context_lines(input.context, kDefault);
  append(text, full_registers(input.registers, input.control, symbols, kDefault));
  if (!input.registers.user_mode()) append(text, call_trace(input, symbols, kDefault));
  return text;
}

SplatText warn_splat(const SplatInput& input, const WarnEvent& event, const Symbolizer& symbols) {
  SplatText text;
  if (event.cut_here) add(text, kDefault, kCutHere);
  add_message(text, event.message);
  const SplatContext& context = input.context;
  const std::string where = event.file.empty() ? "" : fmt::format("{}:{} ", event.file, event.line);
  add(text, kDefault,
      fmt::format("WARNING: CPU: {} PID: {} at {}{}", context.cpu, context.pid, where,
                  symbol_text(symbols, input.registers.rip)));
  text.push_back(modules_line(context));
  append(text, register_dump(input, symbols));
  if (!event.panics) {
    append(text, input.before_end);
    add(text, kDefault, kEndTrace);
  }
  add_source(text, input, kDefault);
  return text;
}

SplatText oops_splat(const SplatInput& input, const OopsEvent& event, const Symbolizer& symbols) {
  SplatText text = cause_lines(input, event, symbols);
  const bool newer = input.context.series == Release::k6_12;
  add(text, kDefault,
      fmt::format("{}{}: {:04x} [#{}]{}", newer ? "Oops: " : "", oops_name(event), event.error_code & 0xffff,
                  event.number, input.context.oops_options));
  append(text, register_dump(input, symbols));
  text.push_back(modules_line(input.context));
  if (event.kind == OopsKind::kPageFault) add(text, kDefault, fmt::format("CR2: {:016x}", event.address));
  append(text, input.before_end);
  add(text, kDefault, kEndTrace);
  const SplatRegisters& summary = event.first != nullptr ? *event.first : input.registers;
  append(text, full_registers(summary, input.control, symbols, kDefault));
  add_source(text, input, kDefault);
  return text;
}

SplatText exit_notes(const SplatContext& context, bool interrupts_disabled, u32 preempt_count) {
  SplatText text;
  if (interrupts_disabled) {
    add(text, kInfo, fmt::format("note: {}[{}] exited with irqs disabled", context.comm, context.pid));
  }
  if (preempt_count != 0) {
    add(text, kInfo,
        fmt::format("note: {}[{}] exited with preempt_count {}", context.comm, context.pid, preempt_count));
  }
  return text;
}

SplatText scheduling_while_atomic_splat(const SplatInput& input, u32 preempt_count,
                                        const SplatText& held_locks, const Symbolizer& symbols) {
  SplatText text;
  add(text, kError,
      fmt::format("BUG: scheduling while atomic: {}/{}/{:#010x}", input.context.comm, input.context.pid,
                  preempt_count));
  append(text, held_locks);
  text.push_back(modules_line(input.context));
  append(text, input.before_end);
  append(text, stack_dump(input, symbols));
  add_source(text, input, kDefault);
  return text;
}

std::vector<TraceItem> panic_on_warn_trace(const SplatInput& warning,
                                           const std::vector<TraceItem>& handlers) {
  std::vector<TraceItem> trace = warning.trace;
  const auto first = std::find_if(trace.begin(), trace.end(), [](const TraceItem& item) {
    return item.kind != TraceItem::Kind::kStackBegin;
  });
  std::vector<TraceItem> added = handlers;
  added.push_back(trace_registers(warning.registers));
  trace.insert(first, added.begin(), added.end());
  return trace;
}

SplatText panic_splat(const SplatInput& input, const PanicEvent& event, const Symbolizer& symbols) {
  SplatText text;
  add(text, kEmergency, "Kernel panic - not syncing: " + event.message);
  if (event.dump == PanicDump::kStack) append(text, stack_dump(input, symbols));
  add_source(text, input, kDefault);
  add(text, kEmergency, "Kernel Offset: " + event.kernel_offset);
  if (event.end == PanicEnd::kStays) {
    add(text, kEmergency, fmt::format("---[ end Kernel panic - not syncing: {} ]---", event.message));
  } else if (event.reboot_after_s != 0) {
    add(text, kEmergency, fmt::format("Rebooting in {} seconds..", event.reboot_after_s));
  }
  return text;
}

}  // namespace koi::runtime
