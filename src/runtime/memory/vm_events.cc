// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/vm_events.h"

namespace koi::runtime {

u64& vm_event(Kernel& kernel, VmEvent event, u32 zone) {
  return reinterpret_cast<u64*>(kernel.core().address_of("koi_vm_events"))[static_cast<u32>(event) + zone];
}

mm::VmEvents vm_events(Kernel& kernel) {
  mm::VmEvents events;
  events.slabs_scanned = vm_event(kernel, VmEvent::kSlabsScanned);
  events.drop_pagecache = vm_event(kernel, VmEvent::kDropPagecache);
  events.drop_slab = vm_event(kernel, VmEvent::kDropSlab);
  events.oom_kill = vm_event(kernel, VmEvent::kOomKill);
  for (u32 zone = 0; zone < std::size(events.allocstall); ++zone)
    events.allocstall[zone] = vm_event(kernel, VmEvent::kAllocStall, zone);
  return events;
}

}  // namespace koi::runtime
