// SPDX-License-Identifier: GPL-2.0-only
// What /proc/vmstat counts besides pages. The counters lie in the C core, whose shrinkers count there, too.
#pragma once

#include "engine/mm/vmstat_text.h"
#include "runtime/kernel.h"

namespace koi::runtime {

// By place in koi_vm_events[] of kernel/shrinker.c.
enum class VmEvent : u32 {
  kSlabsScanned = 0,
  kDropPagecache,
  kDropSlab,
  kOomKill,
  kDropCachesQuiet,  // not shown: whether drop_caches still says what it does
  kAllocStall,       // and one for each further zone, up to Movable
};

[[nodiscard]] u64& vm_event(Kernel& kernel, VmEvent event, u32 zone = 0);
[[nodiscard]] mm::VmEvents vm_events(Kernel& kernel);

}  // namespace koi::runtime
