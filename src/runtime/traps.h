// SPDX-License-Identifier: GPL-2.0-only
// Traps: what happens when module text faults, warns, or reaches an instruction that koi stands in for.
//
//   page fault     jiffies page → emulate; __ex_table → fixup; else oops
//   ud2            yield trap (pause, rdtsc ...) → scheduling point; bug table → WARN or BUG; else invalid opcode
//   others         divide error, general protection, int3, stack overflow: oops
//
// An oops kills the task that did it. All of this runs on the task's host stack, after sigreturn.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/printk/environment.h"
#include "host/crossing.h"
#include "runtime/splat.h"
#include "runtime/unwind.h"

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

class Traps {
 public:
  explicit Traps(Kernel& kernel);
  void install();

  [[nodiscard]] const KernelSymbols& symbols() const { return symbols_; }

  // An export found a bad pointer: the oops is raised when it has returned to the border.
  void fault_at_border(u64 address, bool write);
  // WARN from koi's own kernel function `function`, at `place` ("mm/page_alloc.c:5634" of the release).
  struct KernelPlace {
    const char* function;
    const char* file;
    u32 line;
  };
  void warn(const KernelPlace& place, std::string_view message = {});
  // BUG likewise; the task dies.
  [[noreturn]] void bug(const KernelPlace& place);
  [[noreturn]] void panic(std::string message);
  void dump_stack(u8 level);
  void format_warning(printk::FormatWarning kind, std::string_view text);
  // What stands behind a stub for a function that koi lacks.
  [[nodiscard]] static const void* missing_function();
  // The oops that names what koi lacks.
  [[noreturn]] void unsupported(std::string_view what);

  // Called on the way out of koi.
  void border();

  // The loader changed the text: these sites trap for koi.
  enum class YieldKind : u8 { kPause, kRdtsc, kRdtscp };
  void add_yield_site(u64 address, YieldKind kind) { yield_sites_[address] = kind; }
  void remove_sites(u64 begin, u64 end);

 private:
  static void dispatch(host::TrapFrame* frame);
  void handle(host::TrapFrame& frame);
  bool handle_page_fault(host::TrapFrame& frame);
  bool handle_undefined(host::TrapFrame& frame);
  bool fix_up(host::TrapFrame& frame);
  void yield_trap(host::TrapFrame& frame, YieldKind kind);
  void preempt_by_force(host::TrapFrame& frame);
  [[noreturn]] void oops(const host::TrapFrame& frame);
  [[noreturn]] void die(const SplatInput& input, const OopsEvent& event);
  [[noreturn]] void kill_current();
  void warn_at(const host::TrapFrame& frame, const std::string& file, u32 line, bool cut_here);
  void classify(const host::TrapFrame& frame, OopsEvent& event);

  SplatInput input_for(const SplatRegisters& registers, const host::TrapFrame* trap);
  SplatContext context();
  std::vector<TraceItem> trace(const host::TrapFrame* trap);
  struct BugEntry {
    std::string file;
    u32 line = 0;
    u16 flags = 0;
    u64 flags_address = 0;  // where the done bit is kept
  };
  std::optional<BugEntry> find_bug(u64 address);

  Kernel& kernel_;
  KernelSymbols symbols_;
  std::unordered_map<u64, YieldKind> yield_sites_;
  std::unordered_set<u64> bugs_done_;  // warn-once sites that have warned
  struct PendingFault {
    u64 address;
    bool write;
  };
  std::optional<PendingFault> pending_;
  u32 oops_count_ = 0;
  std::optional<SplatRegisters> first_oops_;
  u64 last_yield_rip_ = 0;
  u64 yield_step_ns_ = 0;
};

}  // namespace koi::runtime
