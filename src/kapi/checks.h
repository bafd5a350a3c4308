// SPDX-License-Identifier: GPL-2.0-only
// What exported functions ask of the checks (--checks).
#pragma once

#include "kapi/kernel_ref.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/memory/memory.h"

namespace koi::kapi {

// The report about an allocation that may wait, made where nobody may: might_alloc().
void report_atomic_allocation();

// The report about memory that goes with an armed timer or a queued work in it: DEBUG_OBJECTS_FREE.
void look_into_freed(u64 address, u64 size);
// Has anything in allocated memory been armed or queued at all?
[[nodiscard]] bool frees_matter();

// Memory is about to be given back; no engine invariant is open.
inline void check_freed(u64 address, u64 size) {
  if (frees_matter()) [[unlikely]]
    look_into_freed(address, size);
}

// A place in the allocators that sleeps whatever the gfp bits say; kernel/atomic_sleep.c has the lines.
enum class Sleeper : u32 {
  kVmapArea,    // alloc_vmap_area()
  kVfree,       // vfree()
  kVunmap,      // vunmap()
  kVmap,        // vmap()
  kVmUnmapRam,  // vm_unmap_ram()
  kMutex,       // a mutex of the allocator's own: slab_mutex, pcpu_alloc_mutex
  kCpusRead,    // cpus_read_lock()
};
void report_atomic_sleep(Sleeper sleeper);

// Must whoever sleeps here be reported?
[[nodiscard]] inline bool sleeps_are_wrong() {
  runtime::Kernel& kernel = current();
  const bool atomic =
      host::gs_area()->interrupt_flag == 0 || kernel.holds_grace_period(*kernel.sched().current());
  return atomic && kernel.config().checks == runtime::Checks::kAll;
}

// `gfp`: of an allocation that is about to be made; no engine invariant is open. Its call site stays set.
inline void check_may_wait(u32 gfp) {
  runtime::Kernel& kernel = current();
  if ((gfp & kernel.memory().pages().gfp().direct_reclaim) == 0) return;
  const bool atomic = sleeps_are_wrong();
  if (atomic || kernel.locks().holds_any()) [[unlikely]]
    kernel.locks().may_reclaim(gfp);
  if (atomic) [[unlikely]]
    report_atomic_allocation();
}
inline void check_may_sleep(Sleeper sleeper) {
  if (sleeps_are_wrong()) [[unlikely]]
    report_atomic_sleep(sleeper);
}

// in_interrupt(): also where bottom halves are off.
[[nodiscard]] inline bool in_interrupt() {
  constexpr s32 kSoftirqHardirqNmi = 0x00ff'ff00;
  return (current().preempt_count() & kSoftirqHardirqNmi) != 0;
}

}  // namespace koi::kapi
