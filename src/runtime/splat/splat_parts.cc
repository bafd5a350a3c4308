// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/splat_parts.h"

#include <fmt/format.h>

#include "host/guest_memory.h"

namespace koi::runtime {
namespace {

struct TaintFlag {
  char set;
  char clear;
  const char* name;
};

// In bit order, Documentation/admin-guide/tainted-kernels.rst; the names are those that 6.12 prints.
constexpr TaintFlag kTaintFlags[] = {
    {'P', 'G', "PROPRIETARY_MODULE"},
    {'F', ' ', "FORCED_MODULE"},
    {'S', ' ', "CPU_OUT_OF_SPEC"},
    {'R', ' ', "FORCED_RMMOD"},
    {'M', ' ', "MACHINE_CHECK"},
    {'B', ' ', "BAD_PAGE"},
    {'U', ' ', "USER"},
    {'D', ' ', "DIE"},
    {'A', ' ', "OVERRIDDEN_ACPI_TABLE"},
    {'W', ' ', "WARN"},
    {'C', ' ', "CRAP"},
    {'I', ' ', "FIRMWARE_WORKAROUND"},
    {'O', ' ', "OOT_MODULE"},
    {'E', ' ', "UNSIGNED_MODULE"},
    {'L', ' ', "SOFTLOCKUP"},
    {'K', ' ', "LIVEPATCH"},
    {'X', ' ', "AUX"},
    {'T', ' ', "RANDSTRUCT"},
    {'N', ' ', "TEST"},
};

bool taint_set(u64 taint, u64 bit) { return (taint >> bit & 1) != 0; }

std::string named(const Symbol& symbol, u64 offset) {
  std::string text = fmt::format("{}+{:#x}/{:#x}", symbol.name, offset, symbol.size);
  if (!symbol.module.empty()) text += fmt::format(" [{}]", symbol.module);
  return text;
}

std::string hex_bytes(const u8* bytes, u64 count) {
  std::string text;
  for (u64 i = 0; i < count; ++i) text += fmt::format("{}{:02x}", i == 0 ? "" : " ", bytes[i]);
  return text;
}

}  // namespace

std::string symbol_text(const Symbolizer& symbols, u64 address) {
  if (const auto symbol = symbols.lookup(address)) return named(*symbol, symbol->offset);
  return fmt::format("{:#x}", address);
}

std::string backtrace_text(const Symbolizer& symbols, u64 address) {
  if (const auto symbol = symbols.lookup(address - 1)) return named(*symbol, symbol->offset + 1);
  return fmt::format("{:#x}", address);
}

std::optional<CodeBytes> read_code_bytes(u64 rip) {
  CodeBytes bytes{};
  if (guest::copy_in(bytes.data(), rip - kCodePrologueBytes, bytes.size()) != 0) return std::nullopt;
  return bytes;
}

SplatRegisters registers_from_trap(const host::TrapFrame& trap) {
  SplatRegisters registers;
  registers.rip = trap.rip;
  registers.rsp = trap.rsp;
  registers.eflags = trap.rflags;
  registers.rax = trap.rax;
  registers.rbx = trap.rbx;
  registers.rcx = trap.rcx;
  registers.rdx = trap.rdx;
  registers.rsi = trap.rsi;
  registers.rdi = trap.rdi;
  registers.rbp = trap.rbp;
  registers.r8 = trap.r8;
  registers.r9 = trap.r9;
  registers.r10 = trap.r10;
  registers.r11 = trap.r11;
  registers.r12 = trap.r12;
  registers.r13 = trap.r13;
  registers.r14 = trap.r14;
  registers.r15 = trap.r15;
  registers.code = read_code_bytes(trap.rip);
  return registers;
}

TraceItem trace_address(u64 address, bool reliable) {
  TraceItem item;
  item.address = address;
  item.reliable = reliable;
  return item;
}

TraceItem trace_stack_begin(std::string stack) {
  TraceItem item;
  item.kind = TraceItem::Kind::kStackBegin;
  item.stack = std::move(stack);
  return item;
}

TraceItem trace_stack_end(std::string stack) {
  TraceItem item = trace_stack_begin(std::move(stack));
  item.kind = TraceItem::Kind::kStackEnd;
  return item;
}

TraceItem trace_registers(const SplatRegisters& registers) {
  TraceItem item;
  item.kind = TraceItem::Kind::kRegisters;
  item.registers = registers;
  return item;
}

std::string module_mention(const std::string& name, const std::string& taint_letters, ModuleMark mark) {
  const bool live = mark == ModuleMark::kLive;
  if (live && taint_letters.empty()) return name;
  return fmt::format("{}({}{})", name, taint_letters, live ? "" : std::string(1, static_cast<char>(mark)));
}

std::string taint_string(u64 taint) {
  if (taint == 0) return "Not tainted";
  std::string text = "Tainted: ";
  for (u64 bit = 0; bit < std::size(kTaintFlags); ++bit) {
    text += taint_set(taint, bit) ? kTaintFlags[bit].set : kTaintFlags[bit].clear;
  }
  return text;
}

std::string taint_names(u64 taint) {
  std::string text;
  for (u64 bit = 0; bit < std::size(kTaintFlags); ++bit) {
    if (!taint_set(taint, bit)) continue;
    text += fmt::format("{}[{}]={}", text.empty() ? "" : ", ", kTaintFlags[bit].set, kTaintFlags[bit].name);
  }
  return text;
}

std::string source_text(const std::vector<SourcePlace>& places) {
  if (places.empty()) return "";
  std::string text = "koi: source: ";
  for (u64 i = 0; i < places.size(); ++i) {
    text += fmt::format("{}{}:{}", i == 0 ? "" : ", inlined at ", places[i].file, places[i].line);
    if (!places[i].function.empty()) text += fmt::format(" in {}", places[i].function);
  }
  return text;
}

SplatLine modules_line(const SplatContext& context) {
  std::string text = "Modules linked in:";
  for (const std::string& module : context.modules) text += " " + module;
  if (!context.last_unloaded.empty()) text += fmt::format(" [last unloaded: {}]", context.last_unloaded);
  return {splat_parts::kDefault, std::move(text)};
}

namespace splat_parts {

SplatText context_lines(const SplatContext& context, u8 level) {
  const bool newer = context.series == Release::k6_12;
  SplatText text;
  add(text, level,
      fmt::format("CPU: {} {}PID: {} Comm: {:.20} {} {} {} {}", context.cpu,
                  newer ? fmt::format("UID: {} ", context.uid) : "", context.pid, context.comm,
                  taint_string(context.taint), context.release, context.build, context.package));
  if (newer && context.taint != 0) add(text, level, "Tainted: " + taint_names(context.taint));
  if (!context.hardware.empty()) add(text, level, "Hardware name: " + context.hardware);
  if (!context.workqueue.empty()) add(text, level, "Workqueue: " + context.workqueue);
  return text;
}

SplatText short_registers(const SplatRegisters& r, const Symbolizer& symbols, u8 level) {
  SplatText text;
  add(text, level, fmt::format("RIP: {:04x}:{}", r.cs, symbol_text(symbols, r.rip)));
  if (r.code) {
    const u8* const bytes = r.code->data();
    add(text, level,
        fmt::format("Code: {} <{:02x}> {}", hex_bytes(bytes, kCodePrologueBytes), bytes[kCodePrologueBytes],
                    hex_bytes(bytes + kCodePrologueBytes + 1, kCodeBytes - kCodePrologueBytes - 1)));
  } else if (!r.code_withheld) {
    add(text, level,
        fmt::format("Code: Unable to access opcode bytes at {:#x}.", r.rip - kCodePrologueBytes));
  }
  std::string stack = fmt::format("RSP: {:04x}:{:016x} EFLAGS: {:08x}", r.ss, r.rsp, r.eflags);
  if (r.orig_rax) stack += fmt::format(" ORIG_RAX: {:016x}", *r.orig_rax);
  add(text, level, std::move(stack));
  add(text, level, fmt::format("RAX: {:016x} RBX: {:016x} RCX: {:016x}", r.rax, r.rbx, r.rcx));
  add(text, level, fmt::format("RDX: {:016x} RSI: {:016x} RDI: {:016x}", r.rdx, r.rsi, r.rdi));
  add(text, level, fmt::format("RBP: {:016x} R08: {:016x} R09: {:016x}", r.rbp, r.r8, r.r9));
  add(text, level, fmt::format("R10: {:016x} R11: {:016x} R12: {:016x}", r.r10, r.r11, r.r12));
  add(text, level, fmt::format("R13: {:016x} R14: {:016x} R15: {:016x}", r.r13, r.r14, r.r15));
  return text;
}

SplatText full_registers(const SplatRegisters& registers, const ControlRegisters& c,
                         const Symbolizer& symbols, u8 level) {
  SplatText text = short_registers(registers, symbols, level);
  add(text, level,
      fmt::format("FS:  {:016x}({:04x}) GS:{:016x}({:04x}) knlGS:{:016x}", c.fs_base, c.fs, c.gs_base, c.gs,
                  c.kernel_gs_base));
  add(text, level,
      fmt::format("CS:  {:04x} DS: {:04x} ES: {:04x} CR0: {:016x}", registers.cs, c.ds, c.es, c.cr0));
  add(text, level, fmt::format("CR2: {:016x} CR3: {:016x} CR4: {:016x}", c.cr2, c.cr3, c.cr4));
  return text;
}

void add_source(SplatText& text, const SplatInput& input, u8 level) {
  if (!input.source.empty()) add(text, level, source_text(input.source));
}

}  // namespace splat_parts
}  // namespace koi::runtime
