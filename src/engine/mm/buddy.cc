// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/buddy.h"

#include <algorithm>

namespace koi::mm {
namespace {

// Which groups a request may steal from when its own has nothing, in order.
constexpr MigrateType kFallbacks[kPcpTypeCount][2] = {
    {MigrateType::kReclaimable, MigrateType::kMovable},    // unmovable
    {MigrateType::kReclaimable, MigrateType::kUnmovable},  // movable
    {MigrateType::kUnmovable, MigrateType::kMovable},      // reclaimable
};

}  // namespace

// ---- free lists
// ------------------------------------------------------------------------------------------------

void Buddy::push(FreeList& list, u32 page, bool to_tail) {
  PageDesc& desc = pages_[page];
  const u32 link = page + 1;
  if (list.head == 0) {
    desc.prev = desc.next = 0;
    list.head = list.tail = link;
  } else if (to_tail) {
    desc.prev = list.tail;
    desc.next = 0;
    pages_[list.tail - 1].next = link;
    list.tail = link;
  } else {
    desc.next = list.head;
    desc.prev = 0;
    pages_[list.head - 1].prev = link;
    list.head = link;
  }
}

void Buddy::unlink(FreeList& list, u32 page) {
  PageDesc& desc = pages_[page];
  if (desc.prev != 0) {
    pages_[desc.prev - 1].next = desc.next;
  } else {
    list.head = desc.next;
  }
  if (desc.next != 0) {
    pages_[desc.next - 1].prev = desc.prev;
  } else {
    list.tail = desc.prev;
  }
}

void Buddy::add_free(ZoneState& zone, u64 page, u8 order, MigrateType type, bool to_tail) {
  PageDesc& desc = pages_[page];
  desc.state = PageState::kFree;
  desc.order = order;
  desc.type = type;
  push(zone.lists[order][index(type)], static_cast<u32>(page), to_tail);
  ++zone.free_blocks[order][index(type)];
  zone.free_pages += u64{1} << order;
}

void Buddy::remove_free(ZoneState& zone, u64 page) {
  PageDesc& desc = pages_[page];
  unlink(zone.lists[desc.order][index(desc.type)], static_cast<u32>(page));
  --zone.free_blocks[desc.order][index(desc.type)];
  zone.free_pages -= u64{1} << desc.order;
  desc.state = PageState::kInterior;
}

void Buddy::move_free(ZoneState& zone, u64 page, MigrateType to) {
  const u8 order = pages_[page].order;
  remove_free(zone, page);
  add_free(zone, page, order, to, /*to_tail=*/true);
}

void Buddy::set_pageblocks(u64 page, u8 order, MigrateType type) {
  const u64 first = page >> kPageblockOrder;
  const u64 count = order > kPageblockOrder ? u64{1} << (order - kPageblockOrder) : 1;
  for (u64 block = first; block < first + count; ++block) {
    block_info_[block] = static_cast<u8>((block_info_[block] & ~kTypeMask) | index(type));
  }
}

// ---- taking blocks
// ---------------------------------------------------------------------------------------------

// Puts the next never-used block of the zone on its free list. Its descriptors are all zero: nothing to
// prepare.
u64 Buddy::carve(ZoneState& zone) {
  for (NeverUsed& area : zone.never_used) {
    if (area.next == area.end) continue;
    const u64 page = area.next;
    area.next += kMaxBlockPages;
    // It has been counted as free all along.
    zone.free_pages -= kMaxBlockPages;
    --zone.free_blocks[kMaxOrder][index(MigrateType::kMovable)];
    add_free(zone, page, kMaxOrder, MigrateType::kMovable, /*to_tail=*/true);
    return page;
  }
  CHECK(false, "a zone counts more free blocks than it has");
  return 0;
}

// The first block of a list that is not empty; it stays on the list.
u64 Buddy::take_first(ZoneState& zone, u8 order, MigrateType type) {
  const u32 head = zone.lists[order][index(type)].head;
  if (head != 0) [[likely]] {
    return head - 1;
  }
  return carve(zone);
}

std::optional<u64> Buddy::take_smallest(ZoneState& zone, u8 order, MigrateType type) {
  for (u8 current = order; current <= kMaxOrder; ++current) {
    if (!has_free(zone, current, type)) continue;
    const u64 page = take_first(zone, current, type);
    remove_free(zone, page);
    while (current > order) {  // give back the upper halves
      --current;
      add_free(zone, page + (u64{1} << current), current, type, /*to_tail=*/false);
    }
    return page;
  }
  return std::nullopt;
}

// Makes the mobility group of a stolen block the thief's, with the free pages of its whole pageblock where
// the thief may claim it.
void Buddy::steal_pageblock(ZoneState& zone, u64 page, u8 order, MigrateType type, bool whole_block) {
  if (order >= kPageblockOrder) {
    set_pageblocks(page, order, type);
    move_free(zone, page, type);
    return;
  }
  const MigrateType old_type = pageblock_type(page);
  if (!whole_block || old_type == MigrateType::kHighAtomic) {
    move_free(zone, page, type);
    return;
  }
  const u64 free_pages = move_pageblock(zone, page, type);
  // Pages in use that are as immovable as the thief's count for it: unless the group was movable, those of no
  // known mobility do not.
  const u64 alike = type != MigrateType::kMovable && old_type == MigrateType::kMovable
                        ? (u64{1} << kPageblockOrder) - free_pages
                        : 0;
  if (free_pages + alike >= (u64{1} << (kPageblockOrder - 1))) set_pageblocks(page, kPageblockOrder, type);
}

// Moves the free blocks of the pageblock that `page` lies in to another group; returns their pages.
u64 Buddy::move_pageblock(ZoneState& zone, u64 page, MigrateType to) {
  const u64 first = page & ~((u64{1} << kPageblockOrder) - 1);
  const u64 end = first + (u64{1} << kPageblockOrder);
  u64 free_pages = 0;
  for (u64 p = first; p < end;) {
    if (pages_[p].state != PageState::kFree) {
      ++p;
      continue;
    }
    const u64 size = u64{1} << pages_[p].order;
    move_free(zone, p, to);
    free_pages += size;
    p += size;
  }
  return free_pages;
}

// ---- pageblocks kept for high-order atomic requests ------------------------------------------------------------

// The pageblock that such a request was served from stays with its kind, up to 1 % of the zone.
void Buddy::reserve_highatomic(ZoneState& zone, u64 page) {
  constexpr u64 kBlock = u64{1} << kPageblockOrder;
  const u64 share = zone.managed / 100;
  // 6.1 adds a pageblock to the share; 6.12 rounds it up, and gives small zones none.
  if (release_ != Release::k6_1 && share < kBlock) return;
  const u64 most = release_ == Release::k6_1 ? share + kBlock : align_up(share, kBlock);
  if (zone.reserved_highatomic >= most) return;
  const MigrateType type = pageblock_type(page);
  if (index(type) >= kPcpTypeCount) return;
  zone.reserved_highatomic += kBlock;
  set_pageblocks(page, kPageblockOrder, MigrateType::kHighAtomic);
  move_pageblock(zone, page, MigrateType::kHighAtomic);
  choose_preferred_zones();
}

bool Buddy::unreserve_highatomic(Gfp gfp, Yes force) {
  constexpr u64 kBlock = u64{1} << kPageblockOrder;
  const u32 highest = index(highest_zone(gfp));
  for (u32 i = 0; i < nodes_.count() * (highest + 1); ++i) {
    const auto kind = static_cast<Zone>(highest - i % (highest + 1));
    ZoneState& zone = zones_[ZoneId(NodeId{i / (highest + 1)}, kind).index()];
    if (zone.reserved_highatomic == 0 || (force == Yes::kNo && zone.reserved_highatomic <= kBlock)) continue;
    for (u8 order = 0; order <= kMaxOrder; ++order) {
      const u32 head = zone.lists[order][index(MigrateType::kHighAtomic)].head;
      if (head == 0) continue;
      const u64 page = head - 1;
      const MigrateType to = migrate_type(gfp);
      for (u64 block = page; block < page + std::max(u64{1} << order, kBlock); block += kBlock) {
        if (pageblock_type(block) == MigrateType::kHighAtomic) zone.reserved_highatomic -= kBlock;
      }
      set_pageblocks(page, std::max(order, kPageblockOrder), to);
      if (order > kPageblockOrder)
        move_free(zone, page, to);
      else
        move_pageblock(zone, page, to);
      choose_preferred_zones();
      return true;
    }
  }
  return false;
}

// Moves one block of another mobility group to `type`: the largest there is, so that groups mix as little as
// can be; the smallest that does for a movable request, which harms nobody. false: no group has a block.
bool Buddy::steal(ZoneState& zone, u8 order, MigrateType type) {
  const auto& fallbacks = kFallbacks[index(type)];
  for (int current = kMaxOrder; current >= order; --current) {
    const u8 o = static_cast<u8>(current);
    for (MigrateType from : fallbacks) {
      if (!has_free(zone, o, from)) continue;
      const bool claim = o >= kPageblockOrder / 2 || type != MigrateType::kMovable;
      if (claim || o == order) {
        steal_pageblock(zone, take_first(zone, o, from), o, type, claim);
        return true;
      }
      for (u8 small = order; small <= o; ++small) {
        for (MigrateType source : fallbacks) {
          if (!has_free(zone, small, source)) continue;
          steal_pageblock(zone, take_first(zone, small, source), small, type, false);
          return true;
        }
      }
    }
  }
  return false;
}

std::optional<u64> Buddy::take(ZoneState& zone, u8 order, MigrateType type) {
  if (auto page = take_smallest(zone, order, type)) return page;
  if (!steal(zone, order, type)) return std::nullopt;
  return take_smallest(zone, order, type);
}

// ---- giving blocks back
// ----------------------------------------------------------------------------------------

void Buddy::give_back(u64 page, u8 order) {
  ZoneState& zone = zone_at(page);
  pages_[page].state = PageState::kInterior;
  const auto is_free_buddy = [this](u64 buddy, u8 at_order) {
    return pages_[buddy].state == PageState::kFree && pages_[buddy].order == at_order;
  };
  while (order < kMaxOrder) {
    const u64 buddy = page ^ (u64{1} << order);
    if (!is_free_buddy(buddy, order)) break;
    remove_free(zone, buddy);
    page &= ~(u64{1} << order);
    ++order;
  }
  // A block whose next merge is likely soon goes to the tail, where it is taken last.
  bool to_tail = false;
  if (order < kMaxOrder - 1) {
    const u64 merged = page & ~(u64{1} << order);
    to_tail = is_free_buddy(merged ^ (u64{1} << (order + 1)), static_cast<u8>(order + 1));
  }
  add_free(zone, page, order, pageblock_type(page), to_tail);
}

// ---- per-CPU lists
// ---------------------------------------------------------------------------------------------

std::optional<u32> Buddy::pcp_slot(u8 order) {
  if (order <= kCostlyOrder) return order;
  if (order == kPageblockOrder) return kPcpOrders - 1;
  return std::nullopt;
}

std::optional<u64> Buddy::take_pcp(ZoneState& zone, u32 slot, u8 order, MigrateType type, u32 cpu) {
  Pcp& pcp = zone.pcp[cpu];
  pcp.free_factor >>= 1;
  FreeList& list = pcp.lists[slot][index(type)];
  if (list.head == 0) {
    const u32 batch = zone.pcp_batch > 1 ? std::max(zone.pcp_batch >> order, 2u) : 1;
    FreeList taken;  // so that the first one taken is the first one handed out
    for (u32 i = 0; i < batch; ++i) {
      const auto page = take(zone, order, type);
      if (!page) break;
      PageDesc& desc = pages_[*page];
      desc.state = PageState::kPcp;
      desc.order = order;
      desc.type = type;
      push(taken, static_cast<u32>(*page), /*to_tail=*/true);
      pcp.count += 1u << order;
    }
    if (taken.head == 0) return std::nullopt;
    list = taken;
  }
  pcp.count -= 1u << order;
  return pop_head(list);
}

// The longer only frees come, the more goes back at once.
void Buddy::shrink_full_pcp(ZoneState& zone, Pcp& pcp) {
  u32 batch = zone.pcp_batch;
  u32 pages = 1;
  if (zone.pcp_high >= batch) {
    const u32 most = zone.pcp_high - batch;
    batch <<= pcp.free_factor;
    if (batch < most) ++pcp.free_factor;
    pages = std::clamp(batch, std::min(zone.pcp_batch, most), std::max(zone.pcp_batch, most));
  }
  shrink_pcp(pcp, pages);
}

// Gives `pages` pages of the lists back to the buddy lists, coldest first, taking the lists in turn.
void Buddy::shrink_pcp(Pcp& pcp, u32 pages) {
  s64 left = std::min(pages, pcp.count);
  while (left > 0) {
    for (u32 slot = 0; slot < kPcpOrders && left > 0; ++slot) {
      for (FreeList& list : pcp.lists[slot]) {
        if (list.tail == 0) continue;
        const u64 page = pop_tail(list);
        const u8 order = pages_[page].order;
        pcp.count -= 1u << order;
        left -= s64{1} << order;
        give_back(page, order);
        if (left <= 0) break;
      }
    }
  }
}

void Buddy::drain(VcpuId cpu) {
  for (ZoneState& zone : zones()) {
    if (zone.present != 0) shrink_pcp(zone.pcp[cpu.value], zone.pcp[cpu.value].count);
  }
}

u64 Buddy::allocated_ever(ZoneId zone) const {
  const ZoneState& state = zones_[zone.index()];
  u64 pages = state.allocated;
  for (const Pcp& pcp : state.pcp) pages += pcp.allocated;
  return pages;
}

void Buddy::drain_all() {
  for (ZoneState& zone : zones()) {
    for (Pcp& pcp : zone.pcp) shrink_pcp(pcp, pcp.count);
  }
}

// ---- requests
// --------------------------------------------------------------------------------------------------

Zone Buddy::highest_zone(Gfp gfp) const {
  if ((gfp & gfp_.dma) != 0) return Zone::kDma;
  if ((gfp & gfp_.dma32) != 0) return Zone::kDma32;
  return Zone::kNormal;
}

MigrateType Buddy::migrate_type(Gfp gfp) const {
  if ((gfp & gfp_.movable) != 0) return MigrateType::kMovable;
  if ((gfp & gfp_.reclaimable) != 0) return MigrateType::kReclaimable;
  return MigrateType::kUnmovable;
}

bool Buddy::watermark_ok(const ZoneState& zone, u8 order, Zone wanted, const Reach& reach) const {
  if (reach.ignore) return true;
  s64 min = static_cast<s64>(zone.marks.*reach.mark);
  if (reach.high) min -= min / 2;
  if (reach.oom)
    min -= min / 2;
  else if (reach.harder)
    min -= min / 4;
  const s64 left = static_cast<s64>(zone.free_pages) - ((s64{1} << order) - 1) -
                   static_cast<s64>(unusable_pages(zone, reach));
  if (left <= min + static_cast<s64>(zone.lowmem_reserve[index(wanted)])) return false;
  if (order == 0) return true;
  for (u8 o = order; o <= kMaxOrder; ++o) {
    for (u32 type = 0; type < kPcpTypeCount; ++type) {
      if (zone.free_blocks[o][type] != 0) return true;
    }
    if ((reach.harder || reach.oom) && zone.free_blocks[o][index(MigrateType::kHighAtomic)] != 0) return true;
  }
  return false;
}

// Pages that count as free but are kept for requests of another kind. 6.1 counts what was set aside, 6.12 what of it is
// free.
u64 Buddy::unusable_pages(const ZoneState& zone, const Reach& reach) const {
  if (zone.reserved_highatomic == 0) return 0;
  if (release_ == Release::k6_1) return reach.harder || reach.oom ? 0 : zone.reserved_highatomic;
  if (reach.high || reach.no_block || reach.oom) return 0;
  u64 pages = 0;
  for (u8 o = 0; o <= kMaxOrder; ++o) {
    pages += zone.free_blocks[o][index(MigrateType::kHighAtomic)] << o;
  }
  return pages;
}

// A block from the buddy lists: high-order atomic requests look first where they are awaited, and 6.12 lets those in need
// look there last.
std::optional<u64> Buddy::take_beyond_pcp(ZoneState& zone, u8 order, MigrateType type, const Reach& reach) {
  if (order != 0 && reach.harder) {
    if (auto page = take_smallest(zone, order, MigrateType::kHighAtomic)) return page;
  }
  if (auto page = take(zone, order, type)) return page;
  if (release_ != Release::k6_1 && (reach.oom || reach.no_block))
    return take_smallest(zone, order, MigrateType::kHighAtomic);
  return std::nullopt;
}

// From the node wanted, zone by zone downwards, then from the others.
std::optional<u64> Buddy::take_from_zones(u8 order, Gfp gfp, Place at, const Reach& reach) {
  const Zone wanted = highest_zone(gfp);
  const MigrateType type = migrate_type(gfp);
  const auto slot = pcp_slot(order);
  const NodeId home = at.node != kNoNode ? NodeId{static_cast<u32>(at.node)} : nodes_.of(VcpuId{at.cpu});
  const u32 nodes = (gfp & gfp_.thisnode) != 0 ? 1 : nodes_.count();
  ZoneState* preferred = nullptr;
  for (u32 n = 0; n < nodes; ++n) {
    const NodeId node = nodes_.fallback(home, n);
    for (int z = static_cast<int>(index(wanted)); z >= 0; --z) {
      ZoneState& zone = zones_[ZoneId(node, static_cast<Zone>(z)).index()];
      if (zone.present == 0) continue;
      if (preferred == nullptr) preferred = &zone;
      if (!watermark_ok(zone, order, wanted, reach)) continue;
      auto page = slot ? take_pcp(zone, *slot, order, type, at.cpu) : std::nullopt;
      if (!page) page = take_beyond_pcp(zone, order, type, reach);
      if (!page) continue;
      if (order != 0 && reach.harder) reserve_highatomic(zone, *page);
      zone.allocated += u64{1} << order;
      if (nodes_.count() > 1) count_numa(node, zone, *preferred, at);
      return page;
    }
  }
  return std::nullopt;
}

void Buddy::count_numa(NodeId node, ZoneState& zone, ZoneState& preferred, Place at) {
  const auto preferred_node = static_cast<u32>(&preferred - zones_.data()) / kZoneCount;
  if (node.value == preferred_node) {
    ++zone.numa.hit;
  } else {
    ++zone.numa.miss;
    ++preferred.numa.foreign;
  }
  ++(node == nodes_.of(VcpuId{at.cpu}) ? zone.numa.local : zone.numa.other);
}

// Below the low watermark: what the gfp bits entitle to, then what idle per-CPU lists hold.
std::optional<u64> Buddy::take_near_the_watermark(u8 order, Gfp gfp, Place at) {
  Reach reach{.mark = &Watermarks::min};
  const bool may_reclaim = (gfp & gfp_.direct_reclaim) != 0;
  reach.high = (gfp & gfp_.high) != 0;
  if ((gfp & gfp_.nomemalloc) == 0) {
    // 6.1 has a bit for it; later "high and may not sleep" means the same.
    reach.harder = gfp_.atomic != 0 ? (gfp & gfp_.atomic) != 0 : reach.high && !may_reclaim;
    reach.no_block = gfp_.atomic == 0 && !may_reclaim;
    reach.ignore = (gfp & gfp_.memalloc) != 0 || reserves_ == Reserves::kAll;
    reach.oom = reserves_ == Reserves::kOomVictim;
  }
  if (auto page = take_from_zones(order, gfp, at, reach)) return page;
  if (!may_reclaim) return std::nullopt;
  drain_all();
  return take_from_zones(order, gfp, at, reach);
}

PageAllocation Buddy::alloc_slowly(Order order, Gfp gfp, Place at) {
  if (order.value > kMaxOrder) return {PageOutcome::kOrderTooLarge, Pfn{}};
  auto page = take_from_zones(order.value, gfp, at, Reach{});
  if (!page) page = take_near_the_watermark(order.value, gfp, at);
  if (!page) return {PageOutcome::kNoMemory, Pfn{}};
  pages_[*page].order = order.value;
  return hand_out(*page, order, gfp);
}

PageFreeOutcome Buddy::why_not_freed(const PageDesc* page, Pfn pfn, Order order) const {
  if (page == nullptr || !is_ram(pfn)) return PageFreeOutcome::kNotRam;
  if (page->state == PageState::kAllocated) {
    return page->order == order.value ? PageFreeOutcome::kOk : PageFreeOutcome::kWrongOrder;
  }
  return block_of(pfn) ? PageFreeOutcome::kNotFirstPage : PageFreeOutcome::kNotAllocated;
}

// Errors, and orders that the small lists do not serve.
PageFreeOutcome Buddy::free_slowly(Pfn pfn, Order order, VcpuId cpu) {
  PageDesc* desc = find(pfn);
  if (desc == nullptr || desc->state != PageState::kAllocated || desc->order != order.value) {
    return why_not_freed(desc, pfn, order);
  }
  const u64 page = pfn.value - base_pfn_;
  desc->tag = 0;
  if (const auto slot = pcp_slot(order.value)) {
    ZoneState& zone = zone_at(page);
    Pcp& pcp = zone.pcp[cpu.value];
    desc->state = PageState::kPcp;
    desc->type = pcp_type(pageblock_type(page));
    push_head(pcp.lists[*slot][index(desc->type)], page);
    pcp.count += 1u << order.value;
    if (pcp.count >= zone.pcp_high) shrink_full_pcp(zone, pcp);
  } else {
    give_back(page, order.value);
  }
  if (events_ != nullptr) events_->block_freed(pfn, order);
  return PageFreeOutcome::kOk;
}

u32 Buddy::alloc_bulk(Gfp gfp, Place at, std::span<Pfn> pages) {
  u32 count = 0;
  for (Pfn& pfn : pages) {
    const PageAllocation page = alloc(Order{0}, gfp, at);
    if (!page) break;
    pfn = page.pfn;
    ++count;
  }
  return count;
}

void Buddy::split(Pfn pfn, Order order) {
  PageDesc& first = desc(pfn);
  CHECK(first.state == PageState::kAllocated && first.order == order.value, "split of pfn {:#x}", pfn.value);
  for (u64 i = 0; i < u64{1} << order.value; ++i) {
    PageDesc& page = pages_[pfn.value - base_pfn_ + i];
    page.state = PageState::kAllocated;
    page.order = 0;
    page.use = first.use;
  }
  if (events_ != nullptr) events_->block_split(pfn, order);
}

PageAllocation Buddy::alloc_exact(u64 size_bytes, Gfp gfp, Place at) {
  const u32 order = get_order(size_bytes);
  if (order > kMaxOrder) return {PageOutcome::kOrderTooLarge, Pfn{}};
  const PageAllocation block = alloc(Order{static_cast<u8>(order)}, gfp & ~gfp_.comp, at);
  if (!block) return block;
  split(block.pfn, Order{static_cast<u8>(order)});
  const u64 kept = align_up(size_bytes, kPageSize) >> kPageShift;
  for (u64 i = kept; i < u64{1} << order; ++i) (void)free(Pfn{block.pfn.value + i}, Order{0}, VcpuId{at.cpu});
  return block;
}

PageFreeOutcome Buddy::free_exact(Pfn first, u64 size_bytes, VcpuId cpu) {
  const u64 count = align_up(size_bytes, kPageSize) >> kPageShift;
  for (u64 i = 0; i < count; ++i) {
    const PageFreeOutcome outcome = free(Pfn{first.value + i}, Order{0}, cpu);
    if (outcome != PageFreeOutcome::kOk) return outcome;
  }
  return PageFreeOutcome::kOk;
}

}  // namespace koi::mm
