// SPDX-License-Identifier: GPL-2.0-only
// The memory files of /proc in the kernel's format: buddyinfo, pagetypeinfo, zoneinfo, meminfo.
// What koi's machine has not got (page cache, swap, LRU lists, NUMA hits) counts as 0.
#pragma once

#include <string>

#include "engine/mm/buddy.h"
#include "engine/mm/slab.h"

namespace koi::mm {

// What the page and slab engines do not know themselves.
struct MemoryUse {
  u64 kernel_stack_kb = 0;
  u64 vmalloc_bytes = 0;  // of addresses, in all
  u64 vmalloc_pages = 0;
  u64 percpu_bytes = 0;
  u64 ram_bytes = 0;
};

[[nodiscard]] std::string buddyinfo_text(const Buddy& buddy);
[[nodiscard]] std::string pagetypeinfo_text(const Buddy& buddy);
[[nodiscard]] std::string zoneinfo_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use);
// si_mem_available(): pages that could be had without swapping.
[[nodiscard]] u64 available_pages(const Buddy& buddy, const SlabAllocator& slabs);
[[nodiscard]] std::string meminfo_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use);

// /proc/vmstat up to the event counters, which vmstat_text.h has.
[[nodiscard]] std::string vmstat_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use);

// /sys/devices/system/node/node<N>/meminfo and numastat. Stacks lie on node 0.
[[nodiscard]] std::string node_meminfo_text(const Buddy& buddy, const SlabAllocator& slabs,
                                            const MemoryUse& use, NodeId node);
[[nodiscard]] std::string node_numastat_text(const Buddy& buddy, NodeId node);

}  // namespace koi::mm
