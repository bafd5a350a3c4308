// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/proc_text.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace koi::mm {
namespace {

void add(const NumaCounts& counts, NumaCounts& sum) {
  sum.hit += counts.hit;
  sum.miss += counts.miss;
  sum.foreign += counts.foreign;
  sum.local += counts.local;
  sum.other += counts.other;
}

struct SlabPages {
  u64 reclaimable = 0, unreclaimable = 0;
};

SlabPages slab_pages(const SlabAllocator& slabs) {
  SlabPages pages;
  for (const Cache* cache : slabs.caches()) {
    const SlabInfo info = slabs.slab_info(cache);
    const bool reclaimable = (cache->flags() & slab_flag::kReclaimAccount) != 0;
    (reclaimable ? pages.reclaimable : pages.unreclaimable) += info.slabs * info.pages_per_slab;
  }
  return pages;
}

// The same of one node.
SlabPages slab_pages(const SlabAllocator& slabs, const Buddy& buddy, NodeId node) {
  if (buddy.node_count() == 1) return slab_pages(slabs);
  SlabPages pages;
  for (const Cache* cache : slabs.caches()) {
    const bool reclaimable = (cache->flags() & slab_flag::kReclaimAccount) != 0;
    (reclaimable ? pages.reclaimable : pages.unreclaimable) += slabs.node_use(cache, node).slabs
                                                               << cache->geometry().order;
  }
  return pages;
}

template <class Visit>
void for_populated(const Buddy& buddy, NodeId node, Visit visit) {
  for (u32 i = 0; i < kZoneCount; ++i) {
    const ZoneId zone(node, static_cast<Zone>(i));
    if (buddy.present_pages(zone) != 0) visit(zone);
  }
}

template <class Visit>
void for_populated(const Buddy& buddy, Visit visit) {
  for (u32 node = 0; node < buddy.node_count(); ++node) for_populated(buddy, NodeId{node}, visit);
}

u64 node_sum(const Buddy& buddy, NodeId node, u64 (Buddy::*pages)(ZoneId) const) {
  u64 sum = 0;
  for_populated(buddy, node, [&](ZoneId zone) { sum += (buddy.*pages)(zone); });
  return sum;
}

// ---- zoneinfo --------------------------------------------------------------------------------------------------

constexpr std::string_view kNodeStats[] = {"nr_inactive_anon",
                                           "nr_active_anon",
                                           "nr_inactive_file",
                                           "nr_active_file",
                                           "nr_unevictable",
                                           "nr_slab_reclaimable",
                                           "nr_slab_unreclaimable",
                                           "nr_isolated_anon",
                                           "nr_isolated_file",
                                           "workingset_nodes",
                                           "workingset_refault_anon",
                                           "workingset_refault_file",
                                           "workingset_activate_anon",
                                           "workingset_activate_file",
                                           "workingset_restore_anon",
                                           "workingset_restore_file",
                                           "workingset_nodereclaim",
                                           "nr_anon_pages",
                                           "nr_mapped",
                                           "nr_file_pages",
                                           "nr_dirty",
                                           "nr_writeback",
                                           "nr_writeback_temp",
                                           "nr_shmem",
                                           "nr_shmem_hugepages",
                                           "nr_shmem_pmdmapped",
                                           "nr_file_hugepages",
                                           "nr_file_pmdmapped",
                                           "nr_anon_transparent_hugepages",
                                           "nr_vmscan_write",
                                           "nr_vmscan_immediate_reclaim",
                                           "nr_dirtied",
                                           "nr_written",
                                           "nr_throttled_written",
                                           "nr_kernel_misc_reclaimable",
                                           "nr_foll_pin_acquired",
                                           "nr_foll_pin_released",
                                           "nr_kernel_stack",
                                           "nr_page_table_pages",
                                           "nr_sec_page_table_pages"};
constexpr std::string_view kNodeStats61[] = {"nr_swapcached", "pgpromote_success", "pgpromote_candidate"};
constexpr std::string_view kNodeStats612[] = {"nr_iommu_pages",      "nr_swapcached",   "pgpromote_success",
                                              "pgpromote_candidate", "pgdemote_kswapd", "pgdemote_direct",
                                              "pgdemote_khugepaged"};
constexpr std::string_view kZoneStats[] = {"nr_free_pages",
                                           "nr_zone_inactive_anon",
                                           "nr_zone_active_anon",
                                           "nr_zone_inactive_file",
                                           "nr_zone_active_file",
                                           "nr_zone_unevictable",
                                           "nr_zone_write_pending",
                                           "nr_mlock",
                                           "nr_bounce",
                                           "nr_zspages",
                                           "nr_free_cma"};
constexpr std::string_view kNumaStats[] = {"numa_hit",        "numa_miss",  "numa_foreign",
                                           "numa_interleave", "numa_local", "numa_other"};

struct Value {
  std::string_view name;
  u64 value;
};

void add_stats(std::string& text, std::span<const std::string_view> names, std::span<const Value> known) {
  for (const std::string_view name : names) {
    const auto it =
        std::find_if(known.begin(), known.end(), [name](const Value& v) { return v.name == name; });
    text += fmt::format("\n      {:<12} {}", name, it == known.end() ? 0 : it->value);
  }
}

// "protection: (0, 929, 929, 929, 929)": one for each zone of the kernel, of which koi's machine has the first three.
std::string protection(const Buddy& buddy, ZoneId zone) {
  constexpr u32 kKernelZones = 5;
  std::string text = "\n        protection: (";
  for (u32 i = 0; i < kKernelZones; ++i) {
    const auto wanted = static_cast<Zone>(std::min(i, kZoneCount - 1));
    text += fmt::format("{}{}", i == 0 ? "" : ", ", buddy.lowmem_reserve(zone, wanted));
  }
  return text + ")";
}

struct ZoneNumbers {
  u64 free = 0, min = 0, low = 0, high = 0, spanned = 0, present = 0, managed = 0;
};

std::string zone_head(Release release, NodeId node, std::string_view name, const ZoneNumbers& z) {
  const std::string promo =
      release == Release::k6_1 ? "" : fmt::format("\n        promo    {}", z.high + (z.high - z.low));
  return fmt::format(
      "Node {}, zone {:>8}{{}}\n  pages free     {}\n        boost    0\n        min      {}\n        low    "
      " "
      " {}"
      "\n        high     {}{}\n        spanned  {}\n        present  {}\n        managed  {}\n        cma   "
      "   0",
      node.value, name, z.free, z.min, z.low, z.high, promo, z.spanned, z.present, z.managed);
}

// calculate_normal_threshold()
u32 stat_threshold(u32 cpus, u64 managed) {
  const u64 mem = managed >> (27 - kPageShift);
  const u32 threshold =
      2 * static_cast<u32>(std::bit_width(cpus)) * (1 + static_cast<u32>(std::bit_width(mem)));
  return std::min(125u, threshold);
}

std::string pagesets(const Buddy& buddy, ZoneId zone, u32 cpus) {
  std::string text = "\n  pagesets";
  for (u32 cpu = 0; cpu < cpus; ++cpu) {
    text += fmt::format(
        "\n    cpu: {}\n              count: {}\n              high:  {}\n              batch: {}"
        "\n  vm stats threshold: {}",
        cpu, buddy.pcp_pages(zone, VcpuId{cpu}), buddy.pcp_high(zone), buddy.pcp_batch(zone),
        stat_threshold(cpus, buddy.managed_pages(zone)));
  }
  return text;
}

}  // namespace

// ---- buddyinfo, pagetypeinfo -----------------------------------------------------------------------------------

std::string buddyinfo_text(const Buddy& buddy) {
  std::string text;
  for_populated(buddy, [&](ZoneId zone) {
    text += fmt::format("Node {}, zone {:>8} ", zone.node, zone_name(zone.zone));
    for (u8 order = 0; order < kOrderCount; ++order)
      text += fmt::format("{:6} ", buddy.free_blocks(zone, Order{order}));
    text += '\n';
  });
  return text;
}

// Each node has the whole table for itself.
std::string pagetypeinfo_text(const Buddy& buddy) {
  std::string text;
  for (u32 n = 0; n < buddy.node_count(); ++n) {
    const NodeId node{n};
    text += fmt::format("Page block order: {}\nPages per block:  {}\n\n{:<43} ", kPageblockOrder,
                        u64{1} << kPageblockOrder, "Free pages count per migrate type at order");
    for (u32 order = 0; order < kOrderCount; ++order) text += fmt::format("{:6} ", order);
    text += '\n';
    for_populated(buddy, node, [&](ZoneId zone) {
      for (u32 type = 0; type < kMigrateTypeCount; ++type) {
        text += fmt::format("Node {:4}, zone {:>8}, type {:>12} ", n, zone_name(zone.zone),
                            migrate_type_name(static_cast<MigrateType>(type)));
        for (u8 order = 0; order < kOrderCount; ++order)
          text += fmt::format("{:6} ", buddy.free_blocks(zone, Order{order}, static_cast<MigrateType>(type)));
        text += '\n';
      }
    });
    text += fmt::format("\n{:<23}", "Number of blocks type");
    for (u32 type = 0; type < kMigrateTypeCount; ++type)
      text += fmt::format("{:>12} ", migrate_type_name(static_cast<MigrateType>(type)));
    text += '\n';
    for_populated(buddy, node, [&](ZoneId zone) {
      text += fmt::format("Node {}, zone {:>8} ", n, zone_name(zone.zone));
      for (u32 type = 0; type < kMigrateTypeCount; ++type)
        text += fmt::format("{:12} ", buddy.pageblocks(zone, static_cast<MigrateType>(type)));
      text += '\n';
    });
  }
  return text;
}

// ---- zoneinfo --------------------------------------------------------------------------------------------------

namespace {

std::string node_stats(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use, NodeId node) {
  const SlabPages slab = slab_pages(slabs, buddy, node);
  const Value known[] = {{"nr_slab_reclaimable", slab.reclaimable},
                         {"nr_slab_unreclaimable", slab.unreclaimable},
                         {"nr_kernel_stack", node.value == 0 ? use.kernel_stack_kb : 0}};
  std::string text = "\n  per-node stats";
  add_stats(text, kNodeStats, known);
  if (slabs.release() == Release::k6_1) {
    add_stats(text, kNodeStats61, known);
  } else {
    add_stats(text, kNodeStats612, known);
  }
  return text;
}

// What a zone that has memory shows besides its numbers.
std::string zone_stats(const Buddy& buddy, const SlabAllocator& slabs, ZoneId zone) {
  std::string text;
  const Value free[] = {{"nr_free_pages", buddy.free_pages(zone)}};
  add_stats(text, kZoneStats, free);
  if (slabs.release() != Release::k6_1) text += "\n      nr_unaccepted 0";
  const NumaCounts& numa = buddy.numa_counts(zone);
  const Value counts[] = {{"numa_hit", numa.hit},
                          {"numa_miss", numa.miss},
                          {"numa_foreign", numa.foreign},
                          {"numa_local", numa.local},
                          {"numa_other", numa.other}};
  add_stats(text, kNumaStats, counts);
  text += pagesets(buddy, zone, slabs.config().cpus);
  return text + fmt::format("\n  node_unreclaimable:  0\n  start_pfn:           {}", buddy.start_pfn(zone));
}

}  // namespace

std::string zoneinfo_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use) {
  const Release release = slabs.release();
  std::string text;
  for (u32 n = 0; n < buddy.node_count(); ++n) {
    const NodeId node{n};
    std::string stats = node_stats(buddy, slabs, use, node);
    for (u32 i = 0; i < kZoneCount; ++i) {
      const ZoneId zone(node, static_cast<Zone>(i));
      const Watermarks marks = buddy.watermarks(zone);
      const bool populated = buddy.present_pages(zone) != 0;
      const std::string head =
          zone_head(release, node, zone_name(zone.zone),
                    {buddy.free_pages(zone), marks.min, marks.low, marks.high, buddy.spanned_pages(zone),
                     buddy.present_pages(zone), buddy.managed_pages(zone)});
      text += fmt::format(fmt::runtime(head), populated ? std::exchange(stats, {}) : "");
      text += protection(buddy, zone);
      if (populated) text += zone_stats(buddy, slabs, zone);
      text += '\n';
    }
    // ZONE_MOVABLE and ZONE_DEVICE, which the machine has not got: in 6.12 the former's watermark has a floor.
    const u64 floor = release == Release::k6_1 ? 0 : 32;
    const ZoneNumbers movable{0, floor, floor, floor, 0, 0, 0};
    for (const auto& [name, numbers] : {std::pair{"Movable", movable}, std::pair{"Device", ZoneNumbers{}}}) {
      text += fmt::format(fmt::runtime(zone_head(release, node, name, numbers)), "");
      text += "\n        protection: (0, 0, 0, 0, 0)\n";
    }
  }
  return text;
}

// ---- meminfo ---------------------------------------------------------------------------------------------------

u64 available_pages(const Buddy& buddy, const SlabAllocator& slabs) {
  const u64 reclaimable_slab = slab_pages(slabs).reclaimable;
  u64 reserve = 0, low = 0;
  for_populated(buddy, [&](ZoneId zone) {
    u64 most = 0;
    for (u32 j = static_cast<u32>(zone.zone); j < kZoneCount; ++j)
      most = std::max(most, buddy.lowmem_reserve(zone, static_cast<Zone>(j)));
    const Watermarks marks = buddy.watermarks(zone);
    reserve += std::min(most + marks.high, buddy.managed_pages(zone));
    low += marks.low;
  });
  const u64 free = buddy.free_pages();
  const u64 rest = free > reserve ? free - reserve : 0;
  return rest + reclaimable_slab - std::min(reclaimable_slab / 2, low);
}

std::string meminfo_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use) {
  constexpr u64 kPageKb = kPageSize / 1024;
  const SlabPages slab = slab_pages(slabs);
  std::string text;
  const auto kb = [&text](std::string_view name, u64 value) {
    text += fmt::format("{:<16}{:8} kB\n", fmt::format("{}:", name), value);
  };
  const auto none = [&kb](std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) kb(name, 0);
  };
  kb("MemTotal", buddy.managed_pages() * kPageKb);
  kb("MemFree", buddy.free_pages() * kPageKb);
  kb("MemAvailable", available_pages(buddy, slabs) * kPageKb);
  none({"Buffers",      "Cached",         "SwapCached",   "Active",         "Inactive",
        "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable",
        "Mlocked",      "SwapTotal",      "SwapFree",     "Zswap",          "Zswapped",
        "Dirty",        "Writeback",      "AnonPages",    "Mapped",         "Shmem"});
  kb("KReclaimable", slab.reclaimable * kPageKb);
  kb("Slab", (slab.reclaimable + slab.unreclaimable) * kPageKb);
  kb("SReclaimable", slab.reclaimable * kPageKb);
  kb("SUnreclaim", slab.unreclaimable * kPageKb);
  kb("KernelStack", use.kernel_stack_kb);
  none({"PageTables", "SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp"});
  kb("CommitLimit", buddy.managed_pages() / 2 * kPageKb);
  none({"Committed_AS"});
  kb("VmallocTotal", use.vmalloc_bytes / 1024);
  kb("VmallocUsed", use.vmalloc_pages * kPageKb);
  none({"VmallocChunk"});
  kb("Percpu", use.percpu_bytes / 1024);
  text += fmt::format("HardwareCorrupted: {:5} kB\n", 0);
  none({"AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped"});
  if (slabs.release() != Release::k6_1) none({"Unaccepted"});
  for (const std::string_view name : {"Total", "Free", "Rsvd", "Surp"})
    text += fmt::format("{:<16}{:8}\n", fmt::format("HugePages_{}:", name), 0);
  kb("Hugepagesize", 2048);
  none({"Hugetlb", "DirectMap4k"});
  kb("DirectMap2M", use.ram_bytes / 1024);
  return text;
}

// ---- vmstat ----------------------------------------------------------------------------------------------------

std::string vmstat_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use) {
  const bool newer = slabs.release() != Release::k6_1;
  const SlabPages slab = slab_pages(slabs);
  NumaCounts numa;
  for_populated(buddy, [&](ZoneId zone) { add(buddy.numa_counts(zone), numa); });
  const Value known[] = {{"nr_free_pages", buddy.free_pages()},
                         {"numa_hit", numa.hit},
                         {"numa_miss", numa.miss},
                         {"numa_foreign", numa.foreign},
                         {"numa_local", numa.local},
                         {"numa_other", numa.other},
                         {"nr_slab_reclaimable", slab.reclaimable},
                         {"nr_slab_unreclaimable", slab.unreclaimable},
                         {"nr_kernel_stack", use.kernel_stack_kb}};
  std::string text;
  const auto add = [&](std::span<const std::string_view> names) {
    for (const std::string_view name : names) {
      const auto it = std::find_if(std::begin(known), std::end(known),
                                   [name](const Value& value) { return value.name == name; });
      text += fmt::format("{} {}\n", name, it == std::end(known) ? 0 : it->value);
    }
  };
  add(kZoneStats);
  if (newer) text += "nr_unaccepted 0\n";
  add(kNumaStats);
  add(kNodeStats);
  if (newer)
    add(kNodeStats612);
  else
    add(kNodeStats61);
  return text;
}

// ---- /sys/devices/system/node ----------------------------------------------------------------------------------

std::string node_meminfo_text(const Buddy& buddy, const SlabAllocator& slabs, const MemoryUse& use,
                              NodeId node) {
  constexpr u64 kPageKb = kPageSize / 1024;
  const SlabPages slab = slab_pages(slabs, buddy, node);
  const u64 total = node_sum(buddy, node, &Buddy::managed_pages) * kPageKb;
  const u64 free = node_sum(buddy, node, &Buddy::free_pages) * kPageKb;
  const u64 stacks = node.value == 0 ? use.kernel_stack_kb : 0;
  std::string text;
  const auto kb = [&](std::string_view name, u64 value) {
    text += fmt::format("Node {} {:<15} {:8} kB\n", node.value, fmt::format("{}:", name), value);
  };
  const auto none = [&kb](std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) kb(name, 0);
  };
  kb("MemTotal", total);
  kb("MemFree", free);
  kb("MemUsed", total - free);
  none({"SwapCached", "Active", "Inactive", "Active(anon)", "Inactive(anon)", "Active(file)",
        "Inactive(file)", "Unevictable", "Mlocked", "Dirty", "Writeback", "FilePages", "Mapped", "AnonPages",
        "Shmem"});
  kb("KernelStack", stacks);
  none({"PageTables", "SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp"});
  kb("KReclaimable", slab.reclaimable * kPageKb);
  kb("Slab", (slab.reclaimable + slab.unreclaimable) * kPageKb);
  kb("SReclaimable", slab.reclaimable * kPageKb);
  kb("SUnreclaim", slab.unreclaimable * kPageKb);
  none({"AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped"});
  if (slabs.release() != Release::k6_1) none({"Unaccepted"});
  for (const std::string_view name : {"Total", "Free", "Surp"})
    text += fmt::format("Node {} HugePages_{:<5} {:5}\n", node.value, fmt::format("{}:", name), 0);
  return text;
}

std::string node_numastat_text(const Buddy& buddy, NodeId node) {
  NumaCounts sum;
  for_populated(buddy, node, [&](ZoneId zone) { add(buddy.numa_counts(zone), sum); });
  return fmt::format(
      "numa_hit {}\nnuma_miss {}\nnuma_foreign {}\ninterleave_hit 0\nlocal_node {}\nother_node {}\n", sum.hit,
      sum.miss, sum.foreign, sum.local, sum.other);
}

}  // namespace koi::mm
