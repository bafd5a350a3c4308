// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/traps.h"

#include <unistd.h>

#include <csignal>

#include "base/check.h"
#include "host/address_map.h"
#include "host/fault_signals.h"
#include "host/guest_memory.h"
#include "runtime/bug_bundle.h"
#include "runtime/checks/guard.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/trap_vectors.h"

namespace koi::runtime {
namespace {

Traps* g_traps = nullptr;  // the signal path carries no `this`

// Ticks of CPU time since boot, counted by the signal handler.
constexpr u64 kCpuTicksPerSecond = 4;
volatile u64 g_cpu_ticks = 0;
volatile u64 g_cpu_tick_limit = 0;  // --timeout; 0: none
constexpr u64 kGraceSeconds = 3;    // to unload what was loaded before the time was up

// True: module text is to be interrupted at once, the time is used up.
bool count_cpu_tick() {
  g_cpu_ticks = g_cpu_ticks + 1;
  const bool used_up = g_cpu_tick_limit != 0 && g_cpu_ticks >= g_cpu_tick_limit;
  // The next way out of koi looks, too.
  if (used_up) host::gs_area()->clock->deadline_ns = 0;
  // Nothing has come by a border for long: the process ends itself rather than never.
  constexpr int kExitFinding = 3;
  if (used_up && g_cpu_ticks >= g_cpu_tick_limit + 4 * kCpuTicksPerSecond) _exit(kExitFinding);
  return used_up;
}

constexpr u16 kBugWarning = 1;
constexpr u16 kBugOnce = 2;
constexpr u16 kBugNoCutHere = 8;

constexpr u32 kExceptionTypeDefault = 1;
constexpr u32 kExceptionTypeUserAccess = 3;
constexpr u32 kExceptionTypeImmediate = 17;

}  // namespace

std::optional<Symbol> KernelSymbols::lookup(u64 address) const {
  if (ModuleInstance* const module = kernel_.modules().find_by_address(address); module != nullptr) {
    const auto init =
        module->init_freed ? module::ModuleSymbols::Init::kFreed : module::ModuleSymbols::Init::kPresent;
    const auto found = module->symbols->find(address, init);
    if (!found) return std::nullopt;
    return Symbol{std::string(found->name), found->offset, found->size, module->name()};
  }
  if (const CoreFunction* const function = kernel_.core().function_at(address); function != nullptr) {
    return Symbol{std::string(function->name), address - function->address, function->size, {}};
  }
  return kernel_.stub_symbol(address);
}

u64 FrameEntries::frame_address(std::string_view name) const { return kernel_.name_address(name); }

Traps::Traps(Kernel& kernel) : kernel_(kernel), frames_(kernel), symbols_(kernel) {}

void Traps::install() {
  g_traps = this;
  host::set_trap_dispatcher(&Traps::dispatch);
  host::set_border_slow_path([] { g_traps->border(); });
  host::FaultSignalConfig signals;
  signals.cpu_tick = count_cpu_tick;
  signals.bug_reporter = [](int signal, u64 rip, u64 address) {
    write_bug_bundle(signal == SIGSEGV ? "a bad memory access of its own" : "a fatal signal", rip, address);
  };
  g_cpu_ticks = 0;
  g_cpu_tick_limit = kernel_.config().timeout_s * kCpuTicksPerSecond;
  host::install_fault_signals(signals);
  set_check_failure_handler([](const char* /*file*/, int /*line*/, std::string_view message) {
    const std::string text(message);
    write_bug_bundle(text.c_str(), reinterpret_cast<u64>(__builtin_return_address(0)), 0);
  });
  // Where the host lacks it, a module's own system call instruction is still caught: the loader replaces it.
  static_cast<void>(host::catch_module_system_calls());
}

void Traps::dispatch(host::TrapFrame* frame) { g_traps->handle(*frame); }

void Traps::handle(host::TrapFrame& frame) {
  switch (frame.trap_number) {
    case host::kTrapPreempt:
      preempt_by_force(frame);
      return;
    case trap_vectors::kUndefined:
      if (handle_undefined(frame)) return;
      break;
    case trap_vectors::kPageFault:
      if (handle_page_fault(frame)) return;
      break;
    default:
      if (fix_up(frame)) return;
      break;
  }
  oops(frame);
}

bool Traps::handle_page_fault(host::TrapFrame& frame) {
  if (jiffies_page_ != 0 && frame.cr2 - jiffies_page_ < host::kPageSize) return read_jiffies(frame);
  return fix_up(frame) || handle_guarded(frame);
}

bool Traps::handle_guarded(const host::TrapFrame& frame) {
  Guard* const guard = kernel_.guard();
  if (guard == nullptr || !guard->owns(frame.cr2)) return false;
  std::vector<u64> callers = {frame.rip};
  for (const TraceItem& item : trace(&frame, FrameEvent::kNone)) {
    if (item.kind == TraceItem::Kind::kAddress && item.reliable && item.address != frame.rip)
      callers.push_back(item.address);
  }
  constexpr u64 kErrorWrite = 2;
  return guard->faulted(frame.cr2, (frame.error_code & kErrorWrite) != 0, callers);
}

bool Traps::handle_undefined(host::TrapFrame& frame) {
  if (const auto site = sites_.find(frame.rip); site != sites_.end()) {
    stand_in(frame, site->second.site);
    return true;
  }
  const auto bug = find_bug(frame.rip);
  if (!bug || (bug->flags & kBugWarning) == 0) return false;
  const bool once = (bug->flags & kBugOnce) != 0;
  if (!once || bugs_done_.insert(frame.rip).second) {
    warn_at(frame, bug->file, bug->line, (bug->flags & kBugNoCutHere) == 0);
  }
  frame.rip += 2;
  return true;
}

bool Traps::fix_up(host::TrapFrame& frame) {
  struct Found {
    u64 fixup;
    u32 type;
  };
  std::optional<Found> found;
  for (const CoreImage::ExceptionEntry& entry : kernel_.core().exceptions()) {
    if (entry.instruction == frame.rip) found = Found{entry.fixup, entry.type};
  }
  if (ModuleInstance* const module = kernel_.modules().find_by_address(frame.rip); module != nullptr) {
    if (const module::ExceptionFixup* const fixup = module->tables.find_exception(frame.rip);
        fixup != nullptr) {
      found = Found{fixup->fixup, fixup->data};
    }
  }
  if (!found) return false;
  const u32 type = found->type & 0xff;
  if (type == kExceptionTypeImmediate) {
    // Register number as the instruction encodes it, and the value.
    u64* const registers[16] = {&frame.rax, &frame.rcx, &frame.rdx, &frame.rbx, &frame.rsp, &frame.rbp,
                                &frame.rsi, &frame.rdi, &frame.r8,  &frame.r9,  &frame.r10, &frame.r11,
                                &frame.r12, &frame.r13, &frame.r14, &frame.r15};
    *registers[found->type >> 8 & 0xf] =
        static_cast<u64>(static_cast<s64>(static_cast<s16>(found->type >> 16)));
  } else if (type != kExceptionTypeDefault && type != kExceptionTypeUserAccess) {
    return false;
  }
  frame.rip = found->fixup;
  return true;
}

std::optional<Traps::BugEntry> Traps::find_bug(u64 address) {
  for (const CoreImage::BugEntry& bug : kernel_.core().bugs()) {
    if (bug.address != address) continue;
    return BugEntry{reinterpret_cast<const char*>(bug.file), bug.line, bug.flags};
  }
  ModuleInstance* const module = kernel_.modules().find_by_address(address);
  if (module == nullptr) return std::nullopt;
  const module::BugSite* const site = module->tables.find_bug(address);
  if (site == nullptr) return std::nullopt;
  return BugEntry{site->file, site->line, site->flags};
}

void Traps::fault_at_border(u64 address, bool write) {
  if (Guard* const guard = kernel_.guard(); guard != nullptr && guard->faulted(address, write, call_chain()))
    return;
  pending_ = PendingFault{address, write};
  kernel_.sched().request_border();
}

void Traps::end_if_timed_out() {
  if (g_cpu_tick_limit == 0 || g_cpu_ticks < g_cpu_tick_limit) return;
  kernel_.note(observe::EventKind::kTimeout,
               fmt::format("{} s of CPU time are used up (--timeout)", kernel_.config().timeout_s));
  sched::Task* const task = kernel_.sched().current();
  if (kernel_.timed_out() || task->kind == sched::TaskKind::kIdle) kernel_.halt(TaskEnd::How::kTimedOut);
  // The task dies as if it had been killed; some time is left to unload what was loaded before.
  g_cpu_tick_limit = g_cpu_ticks + kGraceSeconds * kCpuTicksPerSecond;
  kernel_.note_timeout();
  kill_current(SIGKILL);
}

void Traps::border() {
  end_if_timed_out();
  if (pending_) {
    const PendingFault fault = *pending_;
    pending_.reset();
    this->fault(FrameEvent::kFaultInside, fault.address, fault.write);
  }
  kernel_.sched().border();
  check_stalls(nullptr);
}

const void* Traps::missing_function() {
  void (*const function)() = [] {
    const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
    CHECK(record.has_value());
    g_traps->unsupported(g_traps->kernel_.export_at(static_cast<u32>(record->export_index)).name);
  };
  return reinterpret_cast<const void*>(function);
}

void Traps::remove_sites(u64 begin, u64 end) {
  std::erase_if(jiffies_slots_, [&](const auto& slot) { return slot.first >= begin && slot.first < end; });
  std::erase_if(sites_, [&](const auto& site) { return site.first >= begin && site.first < end; });
  std::erase_if(bugs_done_, [&](u64 site) { return site >= begin && site < end; });
}

}  // namespace koi::runtime
