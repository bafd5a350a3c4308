// SPDX-License-Identifier: GPL-2.0-only
// Signals: a handler inspects, edits the ucontext, and returns (architecture, decision 6).
//
//   fault inside a guest:: accessor     continue at its landing place
//   fault in guest context              leave the registers in the staging frame, continue at koi_trap_entry
//   fault anywhere else                 koi's own bug: the report function, then exit status 4
//   CPU-time tick                       count; force a preemption trap on module text that makes no progress
#pragma once

#include "base/types.h"

namespace koi::host {

// Called from the handler when koi itself faulted: writes what it can with async-signal-safe calls; must not return.
using KoiBugReporter = void (*)(int signal, u64 rip, u64 address);

struct FaultSignalConfig {
  KoiBugReporter bug_reporter = nullptr;
  // Called from the handler at every tick of thread CPU time; only counts and sets flags. True: module text that runs
  // now is to be preempted at once.
  bool (*cpu_tick)() = nullptr;
  u64 tick_ns = 250'000'000;
  // Ticks without a crossing after which module text is preempted by force.
  u32 stalled_ticks = 4;
};

// Installs the handlers on an alternate stack of its own. Idempotent.
void install_fault_signals(const FaultSignalConfig& config);
// Starts (or stops) the CPU-time tick.
void start_cpu_ticks();
void stop_cpu_ticks();
// Catches `syscall` instructions in module text (Syscall User Dispatch: everything outside koi's own text and
// libraries). False where the host kernel lacks it.
bool catch_module_system_calls();

}  // namespace koi::host
