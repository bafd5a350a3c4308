// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/vmstat_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace koi::mm {
namespace {

enum class Era : u8 { kBoth, kOlder, kNewer };  // the release that has the line: 6.1, 6.12
struct Line {
  std::string_view name;
  Era era = Era::kBoth;
};

constexpr Line kLines[] = {
    {"nr_dirty_threshold"},
    {"nr_dirty_background_threshold"},
    {"nr_memmap_pages", Era::kNewer},
    {"nr_memmap_boot_pages", Era::kNewer},
    {"pgpgin"},
    {"pgpgout"},
    {"pswpin"},
    {"pswpout"},
    {"pgalloc_dma"},
    {"pgalloc_dma32"},
    {"pgalloc_normal"},
    {"pgalloc_movable"},
    {"pgalloc_device"},
    {"allocstall_dma"},
    {"allocstall_dma32"},
    {"allocstall_normal"},
    {"allocstall_movable"},
    {"allocstall_device"},
    {"pgskip_dma"},
    {"pgskip_dma32"},
    {"pgskip_normal"},
    {"pgskip_movable"},
    {"pgskip_device"},
    {"pgfree"},
    {"pgactivate"},
    {"pgdeactivate"},
    {"pglazyfree"},
    {"pgfault"},
    {"pgmajfault"},
    {"pglazyfreed"},
    {"pgrefill"},
    {"pgreuse"},
    {"pgsteal_kswapd"},
    {"pgsteal_direct"},
    {"pgdemote_kswapd", Era::kOlder},
    {"pgdemote_direct", Era::kOlder},
    {"pgsteal_khugepaged", Era::kNewer},
    {"pgscan_kswapd"},
    {"pgscan_direct"},
    {"pgscan_khugepaged", Era::kNewer},
    {"pgscan_direct_throttle"},
    {"pgscan_anon"},
    {"pgscan_file"},
    {"pgsteal_anon"},
    {"pgsteal_file"},
    {"zone_reclaim_success", Era::kNewer},
    {"zone_reclaim_failed"},
    {"pginodesteal"},
    {"slabs_scanned"},
    {"kswapd_inodesteal"},
    {"kswapd_low_wmark_hit_quickly"},
    {"kswapd_high_wmark_hit_quickly"},
    {"pageoutrun"},
    {"pgrotated"},
    {"drop_pagecache"},
    {"drop_slab"},
    {"oom_kill"},
    {"numa_pte_updates"},
    {"numa_huge_pte_updates"},
    {"numa_hint_faults"},
    {"numa_hint_faults_local"},
    {"numa_pages_migrated"},
    {"pgmigrate_success"},
    {"pgmigrate_fail"},
    {"thp_migration_success"},
    {"thp_migration_fail"},
    {"thp_migration_split"},
    {"compact_migrate_scanned"},
    {"compact_free_scanned"},
    {"compact_isolated"},
    {"compact_stall"},
    {"compact_fail"},
    {"compact_success"},
    {"compact_daemon_wake"},
    {"compact_daemon_migrate_scanned"},
    {"compact_daemon_free_scanned"},
    {"htlb_buddy_alloc_success"},
    {"htlb_buddy_alloc_fail"},
    {"unevictable_pgs_culled"},
    {"unevictable_pgs_scanned"},
    {"unevictable_pgs_rescued"},
    {"unevictable_pgs_mlocked"},
    {"unevictable_pgs_munlocked"},
    {"unevictable_pgs_cleared"},
    {"unevictable_pgs_stranded"},
    {"thp_fault_alloc"},
    {"thp_fault_fallback"},
    {"thp_fault_fallback_charge"},
    {"thp_collapse_alloc"},
    {"thp_collapse_alloc_failed"},
    {"thp_file_alloc"},
    {"thp_file_fallback"},
    {"thp_file_fallback_charge"},
    {"thp_file_mapped"},
    {"thp_split_page"},
    {"thp_split_page_failed"},
    {"thp_deferred_split_page"},
    {"thp_underused_split_page", Era::kNewer},
    {"thp_split_pmd"},
    {"thp_scan_exceed_none_pte"},
    {"thp_scan_exceed_swap_pte"},
    {"thp_scan_exceed_share_pte"},
    {"thp_split_pud"},
    {"thp_zero_page_alloc"},
    {"thp_zero_page_alloc_failed"},
    {"thp_swpout"},
    {"thp_swpout_fallback"},
    {"balloon_inflate"},
    {"balloon_deflate"},
    {"balloon_migrate"},
    {"swap_ra"},
    {"swap_ra_hit"},
    {"swpin_zero", Era::kNewer},
    {"swpout_zero", Era::kNewer},
    {"ksm_swpin_copy"},
    {"cow_ksm"},
    {"zswpin"},
    {"zswpout"},
    {"zswpwb", Era::kNewer},
    {"direct_map_level2_splits"},
    {"direct_map_level3_splits"},
    {"nr_unstable"},
};

using Values = std::map<std::string_view, u64>;

// calculate_totalreserve_pages(): what is kept from ordinary use.
u64 reserved_pages(const Buddy& buddy) {
  u64 sum = 0;
  for (u32 node = 0; node < buddy.node_count(); ++node) {
    for (u32 i = 0; i < kZoneCount; ++i) {
      const ZoneId zone(NodeId{node}, static_cast<Zone>(i));
      u64 most = 0;
      for (u32 j = i; j < kZoneCount; ++j)
        most = std::max(most, buddy.lowmem_reserve(zone, static_cast<Zone>(j)));
      sum += std::min(most + buddy.watermarks(zone).high, buddy.managed_pages(zone));
    }
  }
  return sum;
}

// global_dirty_limits(), with the kernel's own 20 % and 10 % of what the page cache could use.
void add_dirty_limits(const Buddy& buddy, Values& values) {
  constexpr u64 kDirtyRatio = 20 * kPageSize / 100;
  constexpr u64 kBackgroundRatio = 10 * kPageSize / 100;
  const u64 free = buddy.free_pages();
  const u64 available = free - std::min(free, reserved_pages(buddy)) + 1;
  values["nr_dirty_threshold"] = kDirtyRatio * available / kPageSize;
  values["nr_dirty_background_threshold"] = kBackgroundRatio * available / kPageSize;
}

void add_pages(const Buddy& buddy, Values& values) {
  constexpr std::string_view kAllocated[] = {"pgalloc_dma", "pgalloc_dma32", "pgalloc_normal"};
  u64 ever = 0;
  for (u32 node = 0; node < buddy.node_count(); ++node) {
    for (u32 i = 0; i < kZoneCount; ++i) {
      const u64 pages = buddy.allocated_ever(ZoneId(NodeId{node}, static_cast<Zone>(i)));
      values[kAllocated[i]] += pages;
      ever += pages;
    }
  }
  values["pgfree"] = ever + buddy.free_pages() + buddy.pcp_pages();
}

}  // namespace

std::string vmstat_events_text(const Buddy& buddy, Release release, const VmEvents& events) {
  constexpr u64 kStructPageSize = 64;
  constexpr std::string_view kStalls[] = {"allocstall_dma", "allocstall_dma32", "allocstall_normal",
                                          "allocstall_movable"};
  Values values;
  add_dirty_limits(buddy, values);
  add_pages(buddy, values);
  values["nr_memmap_boot_pages"] = (buddy.end_pfn() - buddy.first_pfn()) * kStructPageSize / kPageSize;
  for (u32 zone = 0; zone < std::size(kStalls); ++zone) values[kStalls[zone]] = events.allocstall[zone];
  values["slabs_scanned"] = events.slabs_scanned;
  values["drop_pagecache"] = events.drop_pagecache;
  values["drop_slab"] = events.drop_slab;
  values["oom_kill"] = events.oom_kill;
  const Era era = release == Release::k6_1 ? Era::kOlder : Era::kNewer;
  std::string text;
  for (const Line& line : kLines) {
    if (line.era != Era::kBoth && line.era != era) continue;
    const auto it = values.find(line.name);
    text += fmt::format("{} {}\n", line.name, it == values.end() ? 0 : it->second);
  }
  return text;
}

}  // namespace koi::mm
