// SPDX-License-Identifier: GPL-2.0-only
// The second half of /proc/vmstat: thresholds and event counters.
#pragma once

#include <string>

#include "engine/mm/buddy.h"

namespace koi::mm {

// What the page allocator does not count itself, since boot.
struct VmEvents {
  u64 allocstall[kZoneCount + 1] =
      {};                 // direct reclaim, by the highest zone that the request could use; then Movable
  u64 slabs_scanned = 0;  // objects that shrinkers were asked to look at
  u64 drop_pagecache = 0, drop_slab = 0, oom_kill = 0;
};

// In the release's order, with the configuration of Debian's kernels. What koi's machine has not got (processes' memory, the
// page cache, swap, compaction, huge pages) never happens there, and is 0.
[[nodiscard]] std::string vmstat_events_text(const Buddy& buddy, Release release, const VmEvents& events);

}  // namespace koi::mm
