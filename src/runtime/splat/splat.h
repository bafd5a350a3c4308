// SPDX-License-Identifier: GPL-2.0-only
// Splats: the text that a kernel prints when something went wrong, as a list of (level, line).
//
// Pure text over plain inputs. The order of the parts and every blank is the kernel's, for 6.1 and 6.12:
//
//   WARN    cut here, [message,] WARNING:, Modules linked in:, CPU:, [Tainted:,] Hardware name:, RIP:, registers,
//           Call Trace:, end trace
//   oops    what happened, header (Oops: / divide error: ...), CPU:, ..., RIP:, registers, Call Trace:,
//           Modules linked in:, [CR2:,] end trace, RIP: and registers of the first oops once more
//
// followed, marked as koi's own, by `koi: source: FILE:LINE in FUNCTION` where debug information tells it.
// The behaviour is that of kernel/panic.c, lib/bug.c, lib/dump_stack.c and
// arch/x86/kernel/{dumpstack,traps,process_64}.c, arch/x86/mm/fault.c.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/release.h"
#include "base/types.h"
#include "host/crossing.h"

namespace koi::runtime {

struct SplatLine {
  u8 level = 4;  // printk level; 4 is the default level of lines that name none
  std::string text;
  friend bool operator==(const SplatLine&, const SplatLine&) = default;
};
using SplatText = std::vector<SplatLine>;

struct Symbol {
  std::string name;
  u64 offset = 0;
  u64 size = 0;
  std::string module;  // empty: the kernel itself
};

// Finds the symbol that covers an address; nullopt: not text of the kernel or of a module.
class Symbolizer {
 public:
  virtual ~Symbolizer() = default;
  [[nodiscard]] virtual std::optional<Symbol> lookup(u64 address) const = 0;
};

// `%pS`: name+0x16/0x20 [module], or the bare address.
[[nodiscard]] std::string symbol_text(const Symbolizer& symbols, u64 address);
// `%pB`: the same for a return address, which belongs to the function of the byte before it.
[[nodiscard]] std::string backtrace_text(const Symbolizer& symbols, u64 address);

// `Code:` shows 64 bytes, 42 of them before rip.
inline constexpr u64 kCodePrologueBytes = 42;
inline constexpr u64 kCodeBytes = 64;
using CodeBytes = std::array<u8, kCodeBytes>;
// Reads them through guest:: accessors; nullopt: not all are readable.
[[nodiscard]] std::optional<CodeBytes> read_code_bytes(u64 rip);

// struct pt_regs, as far as it is printed.
struct SplatRegisters {
  u64 rip = 0, rsp = 0, eflags = 0x246;
  u64 rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rbp = 0;
  u64 r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
  u16 cs = 0x10, ss = 0x18;
  std::optional<u64> orig_rax;    // of a system call
  std::optional<CodeBytes> code;  // nullopt: cannot be read
  bool code_withheld = false;     // print no Code: line at all (another task's user text)
  // RIP: shows a user address bare.
  [[nodiscard]] bool user_mode() const { return (cs & 3) == 3; }
};
// `code` is read from the module's text.
[[nodiscard]] SplatRegisters registers_from_trap(const host::TrapFrame& trap);

// A fault of module text is one of kernel mode, though the host's CPU saw it in user mode: without the user
// bit.
[[nodiscard]] constexpr u64 kernel_error_code(u64 host_error_code) { return host_error_code & ~u64{4}; }

// The rest of the full register block.
struct ControlRegisters {
  u64 fs_base = 0, gs_base = 0, kernel_gs_base = 0;
  u16 fs = 0, gs = 0, ds = 0, es = 0;
  u64 cr0 = 0x80050033, cr2 = 0, cr3 = 0, cr4 = 0x6f0;
};

// One element of a Call Trace, already in order.
struct TraceItem {
  enum class Kind : u8 { kAddress, kStackBegin, kStackEnd, kRegisters };
  Kind kind = Kind::kAddress;
  bool reliable = true;
  u64 address = 0;           // kAddress: a return address
  std::string stack;         // kStackBegin, kStackEnd: TASK, IRQ ...
  SplatRegisters registers;  // kRegisters: the short block of an interrupted frame or of user space
};
[[nodiscard]] TraceItem trace_address(u64 address, bool reliable = true);
[[nodiscard]] TraceItem trace_stack_begin(std::string stack);
[[nodiscard]] TraceItem trace_stack_end(std::string stack);
[[nodiscard]] TraceItem trace_registers(const SplatRegisters& registers);

// Who runs where: the lines that dump_stack_print_info prints.
struct SplatContext {
  Release series = Release::k6_1;
  u32 cpu = 0;
  u32 uid = 0;
  s32 pid = 0;
  std::string comm;
  u64 taint = 0;
  std::string release;       // utsname release
  std::string build = "#1";  // utsname version up to its first blank
  std::string package;       // what the distribution adds, with its leading blank: " Debian 6.1.192-2"
  std::string hardware;      // empty: no line
  std::string workqueue;     // of a worker: "events do_free_init"; empty: no line
  std::string oops_options;  // " PREEMPT SMP NOPTI"
  // "orc_splat(OE+)" each, newest first, as print_modules shows them.
  std::vector<std::string> modules;
  std::string last_unloaded;  // "orc_splat(OE)"; empty: none was unloaded
};

// A module in the `Modules linked in:` list: its taint letters, `+` while it is coming, `-` while going.
enum class ModuleMark : char { kLive = ' ', kComing = '+', kGoing = '-' };
[[nodiscard]] std::string module_mention(const std::string& name, const std::string& taint_letters,
                                         ModuleMark mark);

// "Tainted: G           OE     " or "Not tainted".
[[nodiscard]] std::string taint_string(u64 taint);
// 6.12's second line: "[O]=OOT_MODULE, [E]=UNSIGNED_MODULE".
[[nodiscard]] std::string taint_names(u64 taint);

// A place in the sources, from debug information: innermost function first, then those that it was inlined
// into.
struct SourcePlace {
  std::string file;
  u32 line = 0;
  std::string function;
};
// koi's own line; empty `places`: none.
[[nodiscard]] std::string source_text(const std::vector<SourcePlace>& places);

enum class OopsKind : u8 {
  kPageFault,
  kGeneralProtection,
  kDivideError,
  kBug,            // `ud2` with a bug table entry that is no warning
  kInvalidOpcode,  // `ud2` without
  kInt3,
  kStackSegment,
  kStackGuardPage,
  kAlignmentCheck,
};

struct OopsEvent {
  OopsKind kind = OopsKind::kPageFault;
  u64 error_code = 0;
  u32 number = 1;   // the n-th oops since boot
  u64 address = 0;  // page fault: cr2; general protection: the operand's address
  // General protection: what is known of the address.
  enum class Hint : u8 { kNone, kNonCanonical, kCanonical } hint = Hint::kNone;
  std::string page_table;  // "PGD 0 P4D 0 " with its final blank; empty: no such line
  bool executed_nx_page = false;
  bool smep_violation = false;
  std::string file;  // kBug; empty: no verbose information
  u32 line = 0;
  bool cut_here = true;                                      // kBug: false where the line was printed before
  std::string stack_name = "TASK";                           // kStackGuardPage
  std::string fault_text, stack_begin_text, stack_end_text;  // kStackGuardPage: its three hashed pointers
  // The registers of the first oops since boot, which the summary repeats; null: this is the first.
  const SplatRegisters* first = nullptr;
};

struct WarnEvent {
  std::string file;  // empty: none is known
  u32 line = 0;
  std::string message;   // WARN(): printed before; lines without level are at level 4; empty: none
  bool cut_here = true;  // false where __warn_printk printed it before
  bool panics = false;   // panic_on_warn: the end marker is never reached
};

// What all splats share.
struct SplatInput {
  SplatContext context;
  SplatRegisters registers;
  ControlRegisters control;
  std::vector<TraceItem> trace;
  SplatText before_end;             // lockdep's irq event lines, held locks ...
  std::vector<SourcePlace> source;  // koi's own line
};

// WARN and its kin, from the cut-here line to the end marker.
[[nodiscard]] SplatText warn_splat(const SplatInput& input, const WarnEvent& event,
                                   const Symbolizer& symbols);
// An oops, from what happened to the summary. exit_notes or panic_splat follow, as the caller decides.
[[nodiscard]] SplatText oops_splat(const SplatInput& input, const OopsEvent& event,
                                   const Symbolizer& symbols);
// The notes of a task that dies: "note: insmod[92] exited with irqs disabled", "... with preempt_count 1".
[[nodiscard]] SplatText exit_notes(const SplatContext& context, bool interrupts_disabled, u32 preempt_count);

// dump_stack(): who, and the trace.
[[nodiscard]] SplatText stack_dump(const SplatInput& input, const Symbolizer& symbols, u8 level = 4);
// Only "Call Trace:" and what follows it.
[[nodiscard]] SplatText call_trace(const SplatInput& input, const Symbolizer& symbols, u8 level = 4);
// show_regs(): who, registers, trace.
[[nodiscard]] SplatText register_dump(const SplatInput& input, const Symbolizer& symbols);
[[nodiscard]] SplatLine modules_line(const SplatContext& context);

// "BUG: scheduling while atomic: insmod/92/0x00000002" and its dump.
[[nodiscard]] SplatText scheduling_while_atomic_splat(const SplatInput& input, u32 preempt_count,
                                                      const SplatText& held_locks, const Symbolizer& symbols);
// "watchdog: BUG: soft lockup - CPU#0 stuck for 45s! [insmod:145]" and its dump.
[[nodiscard]] SplatText soft_lockup_splat(const SplatInput& input, u64 seconds, const Symbolizer& symbols);
// "Watchdog detected hard LOCKUP on cpu 0" and its dump.
[[nodiscard]] SplatText hard_lockup_splat(const SplatInput& input, const Symbolizer& symbols);

// What RCU knows of a CPU that stalls.
struct RcuStall {
  u64 ticks = 0;  // that the CPU took in this grace period
  u64 idle_count = 0;
  u64 softirqs = 0;
  u64 scans = 0;         // of the grace period's thread
  u64 jiffies = 0;       // since the grace period began
  s64 grace_period = 0;  // its number
  u64 queued = 0;        // callbacks
  u32 cpus = 1;
};
// "rcu: INFO: rcu_preempt self-detected stall on CPU" and its dump.
[[nodiscard]] SplatText rcu_stall_splat(const SplatInput& input, const RcuStall& stall,
                                        const Symbolizer& symbols);

// A blocked task, as the hung task detector shows it.
struct TaskState {
  std::string comm;
  s32 pid = 0, tgid = 0, ppid = 0;
  char state = 'D';
  u64 stack_free = 0;
  u64 flags = 0;
};
// sched_show_task(): one line and the trace, at level 6.
[[nodiscard]] SplatText task_state_text(const SplatInput& input, const TaskState& task,
                                        const Symbolizer& symbols);
[[nodiscard]] SplatText hung_task_splat(const SplatInput& input, const TaskState& task, u64 seconds,
                                        const Symbolizer& symbols);

// "Kernel panic - not syncing: ...". After an oops there is no second dump.
enum class PanicDump : u8 { kNone, kStack };
enum class PanicEnd : u8 { kReboots, kStays };  // the end line is printed only where the machine stays
// What check_panic_on_warn() adds to a trace that came here by a trap: its own frames, then where the trap was.
[[nodiscard]] std::vector<TraceItem> panic_on_warn_trace(const SplatInput& warning,
                                                         const std::vector<TraceItem>& handlers);
struct PanicEvent {
  std::string message;
  PanicDump dump = PanicDump::kStack;
  PanicEnd end = PanicEnd::kStays;
  u32 reboot_after_s = 0;  // panic=N; 0: at once
  std::string kernel_offset = "disabled";
};
[[nodiscard]] SplatText panic_splat(const SplatInput& input, const PanicEvent& event,
                                    const Symbolizer& symbols);

}  // namespace koi::runtime
