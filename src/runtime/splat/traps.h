// SPDX-License-Identifier: GPL-2.0-only
// Traps: what happens when module text faults, warns, or reaches an instruction that koi stands in for.
//
//   page fault     jiffies page → emulate; __ex_table → fixup; else oops
//   ud2            yield trap (pause, rdtsc ...) → scheduling point; bug table → WARN or BUG; else invalid opcode
//   others         divide error, general protection, int3, stack overflow: oops
//
// An oops kills the task that did it. All of this runs on the task's host stack, after sigreturn.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/printk/environment.h"
#include "engine/sched/task.h"
#include "host/crossing.h"
#include "module/trap_sites.h"
#include "runtime/splat/frames.h"
#include "runtime/splat/splat.h"
#include "runtime/splat/unwind.h"

namespace koi::runtime {

class Kernel;
struct ModuleInstance;

class KernelSymbols final : public Symbolizer {
 public:
  explicit KernelSymbols(Kernel& kernel) : kernel_(kernel) {}
  [[nodiscard]] std::optional<Symbol> lookup(u64 address) const override;

 private:
  Kernel& kernel_;
};

// Entries of declared names, made when first shown.
class FrameEntries final : public FrameAddress {
 public:
  explicit FrameEntries(Kernel& kernel) : kernel_(kernel) {}
  [[nodiscard]] u64 frame_address(std::string_view name) const override;

 private:
  Kernel& kernel_;
};

class Traps {
 public:
  explicit Traps(Kernel& kernel);
  void install();

  [[nodiscard]] const KernelSymbols& symbols() const { return symbols_; }

  // An export found a bad pointer: the oops is raised when it has returned to the border.
  void fault_at_border(u64 address, bool write);
  // Where the kernel of each release has the check: "mm/page_alloc.c" and a line.
  struct KernelPlace {
    const char* file;
    u32 line_6_1;
    u32 line_6_12;
  };
  // WARN of a kernel function that koi stands in for: `event` inside the export that the module called.
  void warn(FrameEvent event, const KernelPlace& place, std::string_view message = {});
  // BUG likewise; the task dies.
  [[noreturn]] void bug(FrameEvent event, const KernelPlace& place);
  // A fault inside such a function; the task dies.
  [[noreturn]] void fault(FrameEvent event, u64 address, bool write);
  // Another exception of the processor there: division by zero.
  [[noreturn]] void trap(FrameEvent event, OopsKind kind);
  // The machine stops. `event`: what called panic(); with `dump` kNone an oops has shown the stack already.
  [[noreturn]] void panic(std::string_view message, FrameEvent event = FrameEvent::kPanic,
                          PanicDump dump = PanicDump::kStack);
  // "BUG: scheduling while atomic" of the task that calls schedule(), with that preempt count.
  void scheduling_while_atomic(u32 preempt_count);
  void dump_stack(u8 level);
  // The return addresses that a dump would show: the export that was called, the module's frames, those below.
  [[nodiscard]] std::vector<u64> call_chain();
  // The export that is being served; empty: none.
  [[nodiscard]] std::string_view border_export() const;
  // The stack below `event`, where the kernel dumps it without a warning.
  void dump_stack(u8 level, FrameEvent event);
  // What is shown of a task that sleeps.
  [[nodiscard]] SplatInput input_of_blocked(const sched::Task& task);
  // The same from the loader itself, with no module frame on the stack.
  void dump_loader_stack();
  // do_one_initcall's check: the preempt count and the interrupt flag are as before the call.
  void check_initcall(u64 function, s32 preempt_count);
  void format_warning(printk::FormatWarning kind, std::string_view text);
  // What stands behind a stub for a function that koi lacks.
  [[nodiscard]] static const void* missing_function();
  // The oops that names what koi lacks.
  [[noreturn]] void unsupported(std::string_view what);

  // Return addresses in module text on the running task's stack, innermost first. Context: inside a call from a module.
  [[nodiscard]] std::vector<u64> module_frames();

  // The running task spins for a lock that nobody is left to give up: it ends here.
  [[noreturn]] void end_deadlocked();
  [[nodiscard]] bool lockup_seen() const { return lockup_seen_; }
  // How far a spinner's clock goes on before it looks again: the longer one spins for one `lock`, the further, and not far
  // once a lockup has been reported.
  [[nodiscard]] u64 spin_step_ns(u64 lock);

  // Called on the way out of koi.
  void border();

  // What modules' references to `jiffies` lead to: reading it traps, so that a loop on it sees time pass.
  [[nodiscard]] std::optional<u64> jiffies_page();
  // The loader changed the text: these sites trap for koi.
  [[nodiscard]] static bool stands_in_for(module::TrapKind kind);
  // `original`: the two bytes that stood there, for the splats.
  void add_site(const module::TrapSite& site, std::array<u8, 2> original) {
    sites_[site.address] = {site, original};
  }
  void remove_sites(u64 begin, u64 end);

  // ---- for the lock validator: the C core's lock functions, under the names of the kernel's ----
  [[nodiscard]] SplatContext splat_context() { return context(); }
  // The running task's call trace from the lock function on.
  [[nodiscard]] std::vector<TraceItem> lock_trace();
  // dump_stack() with `frames` above it; without the lock function that is called `skipped`.
  [[nodiscard]] SplatText lock_stack_dump(std::string_view frames, std::string_view skipped);

 private:
  void drop_lock_function(std::vector<TraceItem>& items) const;
  // The dump of a report about a sleeping function.
  [[nodiscard]] bool is_sleep_report(const std::vector<TraceItem>& items) const;
  [[nodiscard]] std::vector<TraceItem> with_slow_path(std::vector<TraceItem> items) const;
  [[nodiscard]] std::vector<TraceItem> with_kernel_names(std::vector<TraceItem> items) const;
  static void dispatch(host::TrapFrame* frame);
  void handle(host::TrapFrame& frame);
  bool handle_page_fault(host::TrapFrame& frame);
  // A guarded object: reported, and the access goes on.
  bool handle_guarded(const host::TrapFrame& frame);
  bool handle_undefined(host::TrapFrame& frame);
  void end_if_timed_out();
  bool read_jiffies(host::TrapFrame& frame);
  [[nodiscard]] u64 jiffies_slot(u64 rip);
  bool fix_up(host::TrapFrame& frame);
  void stand_in(host::TrapFrame& frame, const module::TrapSite& site);
  void advance_spinner();
  void preempt_by_force(host::TrapFrame& frame);
  // The splat of what a watchdog has found of the running virtual CPU, if it has.
  void check_stalls(const host::TrapFrame* frame);
  [[nodiscard]] SplatInput input_at_spin();
  [[noreturn]] void oops(const host::TrapFrame& frame);
  [[noreturn]] void die(const SplatInput& input, const OopsEvent& event);
  [[nodiscard]] bool in_interrupt() const;
  // The running task dies as by that signal.
  [[noreturn]] void kill_current(int signal);
  // Prints a warning, taints and notes it; with panic_on_warn the machine stops.
  void print_warning(const SplatInput& input, const WarnEvent& event, const std::string& note);
  // panic_on_warn=: the machine stops after what `input` shows.
  [[noreturn]] void stop_on_warn(SplatInput& input, std::string_view origin);
  [[nodiscard]] std::vector<TraceItem> panic_frames(FrameEvent event) const;
  [[nodiscard]] bool panics_on_warn() const;
  // What panic() prints, and the end of the machine.
  [[noreturn]] void stop(const SplatInput& input, PanicEvent event);
  void warn_at(const host::TrapFrame& frame, const std::string& file, u32 line, bool cut_here);
  void classify(const host::TrapFrame& frame, OopsEvent& event);

  SplatInput input_for(const SplatRegisters& registers, const host::TrapFrame* trap,
                       FrameEvent event = FrameEvent::kNone);
  SplatContext context();
  std::vector<TraceItem> trace(const host::TrapFrame* trap, FrameEvent event);
  [[nodiscard]] std::vector<Frame> unwound(const sched::Task& task, u64 border, const host::TrapFrame* trap);
  std::vector<TraceItem> trace_of(const sched::Task& task, u64 border, const host::TrapFrame* trap,
                                  FrameEvent event);
  [[nodiscard]] SplatInput input_at_border(FrameEvent event);
  [[nodiscard]] std::vector<SourcePlace> source_of(u64 address);
  // Puts the module's own bytes back where the loader set a trap.
  void restore_code_bytes(SplatRegisters& registers) const;
  struct BugEntry {
    std::string file;
    u32 line = 0;
    u16 flags = 0;
  };
  std::optional<BugEntry> find_bug(u64 address);

  Kernel& kernel_;
  FrameEntries frames_;
  KernelSymbols symbols_;
  struct Site {
    module::TrapSite site;
    std::array<u8, 2> original{};
  };
  std::unordered_map<u64, Site> sites_;
  u64 jiffies_page_ = 0;
  u64 slots_ = 0;                               // copies of instructions that read jiffies
  u64 slots_used_ = 0;                          // bytes
  std::unordered_map<u64, u64> jiffies_slots_;  // by instruction
  std::unordered_set<u64> bugs_done_;           // warn-once sites that have warned
  struct PendingFault {
    u64 address;
    bool write;
  };
  std::optional<PendingFault> pending_;
  u32 oops_count_ = 0;
  std::optional<SplatRegisters> first_oops_;
  u64 last_yield_progress_ = 0;
  u64 last_yield_ns_ = 0;
  u64 yield_step_ns_ = 0;
  u64 longest_yield_ns_ = 1'000'000;
  u64 spins_for_ = 0;  // the lock that the last spinner wanted, and its step
  u64 last_spin_step_ns_ = 0;
  bool lockup_seen_ = false;
};

}  // namespace koi::runtime
