// SPDX-License-Identifier: GPL-2.0-only
// Replay: a trace run again through fresh memory engines, as it was or with one call site served in another way.
//
// Sizes, flags, order and CPUs are the trace's; the geometry of slabs, the merging of caches and the buddy's splitting are
// the engines' own. What is measured is what the machine would hold: pages taken from the page allocator, slabs and
// their unused parts included. Per-CPU memory comes from areas that exist anyway and counts no pages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/mm/types.h"
#include "report/trace.h"

namespace koi::report {

enum class Alternative : u8 {
  kAsItWas,
  kOwnCache,    // a kmem_cache of the site's largest request
  kExactPages,  // alloc_pages_exact
  kVmalloc,     // vmalloc: whole pages, not contiguous
  kKvmalloc,    // kvmalloc: kmalloc first, vmalloc when that fails
  kNextClass,   // the struct made smaller, to fit the next kmalloc class below
};

struct Change {
  u32 site = 0;
  Alternative to = Alternative::kAsItWas;
  u64 size = 0;                    // kOwnCache: its object size; kNextClass: what requests are cut to
  std::optional<Release> release;  // another kernel's rules for all
};

struct SlabUse {
  std::string name;
  u64 object_bytes = 0;
  u64 objects = 0;  // in use
  u64 capacity = 0;
  u64 slabs = 0;
  u64 pages = 0;
};

struct BuddyUse {
  std::string zone;
  u64 managed_pages = 0;
  u64 free_pages = 0;
  u64 free_blocks[mm::kOrderCount] = {};
};

// Physical memory in equal pieces: which part of each the trace's objects take.
struct MemoryMap {
  u64 pages_per_cell = 0;
  std::vector<u32> taken_pages;
};

struct Snapshot {
  std::vector<SlabUse> slabs;  // caches that the trace used
  std::vector<BuddyUse> zones;
  MemoryMap map;
};

struct ReplayResult {
  u64 peak_pages = 0;       // the most that were taken from the page allocator at once
  u64 site_peak_bytes = 0;  // of the changed site: the most that its live objects took
  u64 total_peak_bytes = 0;
  u64 failures = 0;  // allocations that found no memory here
  std::optional<Snapshot> snapshot;
};

struct ReplayOptions {
  Change change;
  size_t snapshot_after = 0;  // events; 0: none
};

[[nodiscard]] ReplayResult replay(const Trace& trace, const ReplayOptions& options);

}  // namespace koi::report
