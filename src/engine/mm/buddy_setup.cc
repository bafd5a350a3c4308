// SPDX-License-Identifier: GPL-2.0-only
// The page allocator's other half: building its state for a machine, and looking at it.
#include <algorithm>
#include <cstring>

#include "engine/mm/buddy.h"

namespace koi::mm {
namespace {

u64 floor_power_of_two(u64 n) {
  u64 p = 1;
  while (p * 2 <= n) p *= 2;
  return p;
}

// Exact, and without libm, which nothing else of koi needs.
u64 floor_sqrt(u64 n) {
  u64 root = 0;
  for (u64 bit = u64{1} << 31; bit != 0; bit >>= 1) {
    const u64 larger = root | bit;
    if (larger * larger <= n) root = larger;
  }
  return root;
}

}  // namespace

std::vector<PfnRange> pc_ram_ranges(u64 size_bytes) {
  const u64 pages = size_bytes >> kPageShift;
  constexpr u64 kHoleFrom = u64{0xe0000000} >> kPageShift;
  constexpr u64 kLowWithHole = u64{0xc0000000} >> kPageShift;
  if (pages < kHoleFrom) return {{0, pages}};
  return {{0, kLowWithHole}, {kDma32EndPfn, pages - kLowWithHole}};
}

Buddy::Buddy(const BuddyConfig& config, std::pmr::memory_resource* resource)
    : gfp_(gfp_bits(config.release)),
      release_(config.release),
      resource_(resource),
      events_(config.events),
      nodes_(config.ram, config.cpus, config.nodes),
      zones_(resource),
      block_info_(resource),
      ram_(config.ram.begin(), config.ram.end(), resource) {
  CHECK(!config.ram.empty() && config.cpus >= 1 && config.cpus <= kMaxCpus);
  base_pfn_ = config.ram.front().first & ~(kMaxBlockPages - 1);
  page_count_ = align_up(config.ram.back().end(), kMaxBlockPages) - base_pfn_;
  CHECK(page_count_ < u64{0xffffffff}, "at most 16 TiB of RAM");
  pages_ = static_cast<PageDesc*>(resource->allocate(page_count_ * sizeof(PageDesc), 64));
  if (config.zeroed_resource == Yes::kNo)
    std::memset(static_cast<void*>(pages_), 0, page_count_ * sizeof(PageDesc));
  block_info_.resize(page_count_ >> kPageblockOrder);
  for (u64 block = 0; block < block_info_.size(); ++block) {
    const Pfn pfn{base_pfn_ + (block << kPageblockOrder)};
    block_info_[block] = static_cast<u8>(index(MigrateType::kMovable) | zone_id(pfn).index() << kZoneShift);
  }
  zones_.reserve(nodes_.count() * kZoneCount);
  for (u32 i = 0; i < nodes_.count() * kZoneCount; ++i) zones_.emplace_back(resource).pcp.resize(config.cpus);
  seed(config);
  compute_watermarks();
  compute_pcp_sizes(config.cpus);
  choose_preferred_zones();
}

Buddy::~Buddy() { resource_->deallocate(pages_, page_count_ * sizeof(PageDesc), 64); }

// Adds [first, end) (page indexes within one zone) as free: what is not a whole order-10 block at once, the
// rest lazily.
void Buddy::seed_free(u64 first, u64 end) {
  ZoneState& zone = zone_at(first);
  zone.managed += end - first;
  while (first < end) {
    if ((first & (kMaxBlockPages - 1)) == 0 && end - first >= kMaxBlockPages) {
      const u64 lazy_end = end & ~(kMaxBlockPages - 1);
      zone.never_used.push_back({first, lazy_end});
      zone.free_pages += lazy_end - first;
      zone.free_blocks[kMaxOrder][index(MigrateType::kMovable)] += (lazy_end - first) >> kMaxOrder;
      first = lazy_end;
      continue;
    }
    u8 order = 0;
    while (order < kMaxOrder && (first & ((u64{2} << order) - 1)) == 0 && first + (u64{2} << order) <= end)
      ++order;
    add_free(zone, first, order, MigrateType::kMovable, /*to_tail=*/true);
    first += u64{1} << order;
  }
}

void Buddy::reserve(u64 first, u64 end) {
  for (u64 page = first; page < end; ++page) {
    pages_[page].state = PageState::kReserved;
  }
}

void Buddy::seed(const BuddyConfig& config) {
  for (const PfnRange& ram : config.ram) {
    for (u64 first = ram.first; first < ram.end();) {  // the part of this range in each zone
      const ZoneId id = zone_id(Pfn{first});
      const u64 zone_end = id.zone == Zone::kDma     ? kDmaEndPfn
                           : id.zone == Zone::kDma32 ? kDma32EndPfn
                                                     : ~u64{0};
      const u64 end = std::min({ram.end(), zone_end, nodes_.end_pfn(NodeId{id.node})});
      ZoneState& zone = zones_[id.index()];
      if (zone.present == 0) zone.start = first;
      zone.end = end;
      zone.present += end - first;
      u64 at = first;
      for (const PfnRange& gap : config.reserved) {
        const u64 gap_first = std::clamp(gap.first, at, end);
        const u64 gap_end = std::clamp(gap.end(), at, end);
        if (gap_first == gap_end) continue;
        if (gap_first > at) seed_free(at - base_pfn_, gap_first - base_pfn_);
        reserve(gap_first - base_pfn_, gap_end - base_pfn_);
        at = gap_end;
      }
      if (at < end) seed_free(at - base_pfn_, end - base_pfn_);
      first = end;
    }
  }
}

// min_free_kbytes = 4 * sqrt(lowmem in kB), raised for huge pages where the machine is large enough to use
// them; shared out by zone size. Lowmem reserve ratios: 256, 256, 32.
void Buddy::compute_watermarks() {
  const u64 total = managed_pages();
  u64 kbytes = floor_sqrt(total * 4 * 16);
  kbytes = std::clamp<u64>(kbytes, 128, 262144);
  constexpr u64 kHugePagesFrom = u64{512} << (20 - kPageShift);
  if (total >= kHugePagesFrom) {
    u64 zones = 0;
    for (const ZoneState& zone : zones_) zones += zone.managed != 0 ? 1 : 0;
    constexpr u64 kBlock = u64{1} << kPageblockOrder;
    const u64 recommended = kBlock * zones * (2 + kPcpTypeCount * kPcpTypeCount);
    kbytes = std::max(kbytes, std::min(recommended, total / 20) * 4);
  }
  min_free_kbytes_ = kbytes;
  const u64 pages_min = kbytes >> (kPageShift - 10);
  for (ZoneState& zone : zones_) {
    if (zone.managed == 0) continue;
    const u64 share = pages_min * zone.managed / total;
    const u64 gap = std::max(share / 4, zone.managed * 10 / 10000);
    zone.marks = {share, share + gap, share + 2 * gap};
  }
  constexpr u64 kRatio[kZoneCount] = {256, 256, 32};
  for (u32 z = 0; z < zones_.size(); ++z) {
    u64 above = 0;
    for (u32 wanted = z % kZoneCount + 1; wanted < kZoneCount; ++wanted) {
      above += zones_[z - z % kZoneCount + wanted].managed;
      zones_[z].lowmem_reserve[wanted] = zones_[z].managed == 0 ? 0 : above / kRatio[z % kZoneCount];
    }
  }
}

// A node's own CPUs share its pages; where it has none, all do.
void Buddy::compute_pcp_sizes(u32 cpus) {
  for (ZoneState& zone : zones_) {
    const NodeId node{static_cast<u32>(&zone - zones_.data()) / kZoneCount};
    const u32 sharers = nodes_.cpus_of(node) != 0 ? nodes_.cpus_of(node) : cpus;
    u64 batch = std::min<u64>(zone.managed >> 10, 256) / 4;
    if (batch < 1) batch = 1;
    batch = floor_power_of_two(batch + batch / 2) - 1;
    zone.pcp_batch = std::max<u32>(static_cast<u32>(batch), 1);
    zone.pcp_high = static_cast<u32>(std::max<u64>(zone.marks.low / sharers, batch * 4));
  }
}

void Buddy::choose_preferred_zones() {
  for (Gfp bits = 0; bits < 8; ++bits) {
    Zone zone = highest_zone(bits);
    const Zone wanted = zone;
    while (zones_[index(zone)].present == 0 && zone != Zone::kDma) zone = static_cast<Zone>(index(zone) - 1);
    ZoneState& state = zones_[index(zone)];
    // With several nodes it depends on more than these bits.
    const u64 plenty = nodes_.count() > 1 ? ~u64{0}
                                          : state.marks.low + state.lowmem_reserve[index(wanted)] +
                                                state.reserved_highatomic + (u64{1} << kCostlyOrder);
    preferred_[bits] = {&state, state.pcp.data(), plenty};
  }
}

// ---- observers
// -------------------------------------------------------------------------------------------------

u64 Buddy::free_pages() const {
  u64 sum = 0;
  for (const ZoneState& zone : zones_) sum += zone.free_pages;
  return sum;
}

u64 Buddy::free_blocks(ZoneId zone, Order order) const {
  u64 sum = 0;
  for (u64 count : zones_[zone.index()].free_blocks[order.value]) sum += count;
  return sum;
}

u64 Buddy::pcp_pages() const {
  u64 sum = 0;
  for (const ZoneState& zone : zones_) {
    for (const Pcp& pcp : zone.pcp) sum += pcp.count;
  }
  return sum;
}

u64 Buddy::managed_pages() const {
  u64 sum = 0;
  for (const ZoneState& zone : zones_) sum += zone.managed;
  return sum;
}

u64 Buddy::spanned_pages(ZoneId zone) const { return zones_[zone.index()].end - zones_[zone.index()].start; }

u64 Buddy::touched_pages() const {
  u64 lazy = 0;
  for (const ZoneState& zone : zones_) {
    for (const NeverUsed& area : zone.never_used) lazy += area.end - area.next;
  }
  return page_count_ - lazy;
}

u64 Buddy::pageblocks(ZoneId zone, MigrateType type) const {
  u64 count = 0;
  for (u64 block = 0; block < block_info_.size(); ++block) {
    const Pfn pfn{base_pfn_ + (block << kPageblockOrder)};
    if (block_info_[block] == (index(type) | zone.index() << kZoneShift) && is_ram(pfn)) ++count;
  }
  return count;
}

bool Buddy::is_ram(Pfn pfn) const {
  for (const PfnRange& range : ram_) {
    if (pfn.value >= range.first && pfn.value < range.end()) return true;
  }
  return false;
}

std::optional<Pfn> Buddy::block_of(Pfn pfn) const {
  const u64 page = pfn.value - base_pfn_;
  if (page >= page_count_) return std::nullopt;
  for (u8 order = 0; order <= kMaxOrder; ++order) {
    const u64 first = page & ~((u64{1} << order) - 1);
    const PageDesc& desc = pages_[first];
    if (desc.state == PageState::kInterior) continue;
    // The nearest marked page at or below: it either covers `page` or belongs to a smaller neighbour.
    if (desc.order >= order) {
      if (desc.state != PageState::kAllocated) return std::nullopt;
      return Pfn{first + base_pfn_};
    }
  }
  return std::nullopt;
}

std::optional<std::string> Buddy::check_invariants() const {
  std::vector<u8> seen(page_count_, 0);
  const auto claim = [&](u64 page, u8 order) -> bool {
    if ((page & ((u64{1} << order) - 1)) != 0 || page + (u64{1} << order) > page_count_) return false;
    for (u64 i = page; i < page + (u64{1} << order); ++i) {
      if (seen[i]++ != 0 || (i != page && pages_[i].state != PageState::kInterior)) return false;
    }
    return true;
  };
  u32 z = 0;
  const auto walk = [&](const FreeList& list, PageState state, u8 order, u32 type,
                        u64& count) -> std::optional<std::string> {
    u32 previous = 0;
    for (u32 link = list.head; link != 0; link = link == list.tail ? 0 : pages_[link - 1].next) {
      const PageDesc& desc = pages_[link - 1];
      const bool head_of_pcp = previous == 0 && state == PageState::kPcp;
      if ((desc.prev != previous && !head_of_pcp) || desc.state != state || desc.order != order ||
          index(desc.type) != type)
        return fmt::format("page index {:#x} is wrongly on the list of order {} type {}", link - 1, order,
                           type);
      if (block_info_[(link - 1) >> kPageblockOrder] >> kZoneShift != z)
        return fmt::format("page index {:#x} is on a list of zone {}, which it is not in", link - 1, z);
      if (!claim(link - 1, order))
        return fmt::format("block {:#x} order {} overlaps another", link - 1, order);
      previous = link;
      ++count;
    }
    if (list.tail != previous) return fmt::format("a list of order {} type {} has a wrong tail", order, type);
    return std::nullopt;
  };
  for (; z < zones_.size(); ++z) {
    const ZoneState& zone = zones_[z];
    u64 zone_free = 0;
    for (u8 order = 0; order <= kMaxOrder; ++order) {
      for (u32 type = 0; type < kMigrateTypeCount; ++type) {
        u64 count = 0;
        if (auto error = walk(zone.lists[order][type], PageState::kFree, order, type, count)) return error;
        if (order == kMaxOrder && type == index(MigrateType::kMovable)) {
          for (const NeverUsed& area : zone.never_used) count += (area.end - area.next) >> kMaxOrder;
        }
        if (count != zone.free_blocks[order][type])
          return fmt::format("zone {} order {} type {}: {} blocks, counted {}", z, order, type, count,
                             zone.free_blocks[order][type]);
        zone_free += count << order;
      }
    }
    if (zone_free != zone.free_pages)
      return fmt::format("zone {}: {} pages free, counted {}", z, zone_free, zone.free_pages);
    for (const Pcp& pcp : zone.pcp) {
      u64 pages = 0;
      for (u32 slot = 0; slot < kPcpOrders; ++slot) {
        const u8 order = slot == kPcpOrders - 1 ? kPageblockOrder : static_cast<u8>(slot);
        for (u32 type = 0; type < kPcpTypeCount; ++type) {
          u64 count = 0;
          if (auto error = walk(pcp.lists[slot][type], PageState::kPcp, order, type, count)) return error;
          pages += count << order;
        }
      }
      if (pages != pcp.count)
        return fmt::format("zone {}: a per-CPU list counts {} pages, has {}", z, pcp.count, pages);
    }
  }
  for (u64 page = 0; page < page_count_; ++page) {
    const PageDesc& desc = pages_[page];
    if (desc.state == PageState::kAllocated && !claim(page, desc.order))
      return fmt::format("allocated block {:#x} order {} overlaps another", page, desc.order);
    if (desc.state == PageState::kFree && desc.order < kMaxOrder) {
      const PageDesc& buddy = pages_[page ^ (u64{1} << desc.order)];
      if (buddy.state == PageState::kFree && buddy.order == desc.order)
        return fmt::format("page index {:#x} and its buddy are both free at order {}", page, desc.order);
    }
  }
  return std::nullopt;
}

}  // namespace koi::mm
