// SPDX-License-Identifier: GPL-2.0-only
// What exported functions ask of the checks (--checks).
#pragma once

#include "kapi/kernel_ref.h"
#include "runtime/memory.h"

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

// `gfp`: of an allocation that has just been made; no engine invariant is open.
inline void check_may_wait(u32 gfp) {
  runtime::Kernel& kernel = current();
  if ((gfp & kernel.memory().pages().gfp().direct_reclaim) == 0) return;
  const bool atomic =
      host::gs_area()->interrupt_flag == 0 || kernel.holds_grace_period(*kernel.sched().current());
  if (atomic && kernel.config().checks == runtime::Checks::kAll) [[unlikely]]
    report_atomic_allocation();
}

}  // namespace koi::kapi
