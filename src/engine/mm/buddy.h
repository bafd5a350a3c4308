// SPDX-License-Identifier: GPL-2.0-only
// The page allocator: a binary buddy system with zones, mobility groups and per-CPU lists.
//
//   RAM ranges ──► zones (DMA, DMA32, Normal) ──► free lists [order 0..10][migrate type]
//                        │                               ▲ merge        │ split
//                        │ never used yet: a cursor      └── per-CPU lists (orders 0..3 and 9)
//                        └─ carves order-10 blocks on demand
//
// One flat array of 32-byte descriptors, indexed by pfn, holds all state of a page. Only the first page of a
// block is marked; a block's inner pages are kInterior, so every operation is O(orders) and never O(pages).
// Memory above a zone's cursor has never been used: its descriptors have not been touched, yet every observer
// (free counts, buddyinfo) sees it as free order-10 movable blocks. Booting 64 GiB therefore costs what 64
// MiB does.
//
// Follows Documentation/mm and Knowlton's buddy system; fallback between mobility groups, watermarks, lowmem
// reserves and per-CPU list sizes follow the behaviour of mm/page_alloc.c of 6.1. Deviations: 6.12's
// automatic tuning of the per-CPU list height is not modelled (its lower bound is used), nothing here
// reclaims: the caller does and retries. Not reentrant; no upcall happens while an invariant is open.
#pragma once

#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/mm/nodes.h"
#include "engine/mm/types.h"
#include "observe/allocation_sites.h"

namespace koi::mm {

enum class PageState : u8 {
  kInterior,   // inside a block, or not RAM (all zeroes)
  kFree,       // first page of a block on a free list
  kPcp,        // first page of a block on a per-CPU list
  kAllocated,  // first page of a block in use
  kReserved,   // never handed out (firmware, the kernel's image)
};

// What an allocated block serves; the owner decides, the page allocator only keeps it.
enum class PageUse : u8 { kPages, kSlab, kLargeKmalloc, kVmalloc, kPerCpu };

// The state of one page frame.
struct PageDesc {
  u64 tag;         // who asked for it, and
  u64 time_ns;     // when; the tag is cleared when the page is freed
  u32 next, prev;  // links of a free list: page index + 1, 0 is the end
  PageState state;
  u8 order;          // of the block, if this is its first page
  MigrateType type;  // of the list it is on
  PageUse use;
  u32 requested;  // bytes asked for of a large kmalloc, or of pages with an origin; otherwise the user's

  static constexpr u64 kHasOrigin = u64{1} << 63;
  void set_origin(const observe::ObjectOrigin& origin) {
    const auto packed = observe::PackedOrigin::pack({origin.site, origin.gfp, 0, origin.time_ns});
    tag = packed.what | kHasOrigin;
    time_ns = packed.time_ns;
    requested = static_cast<u32>(origin.requested);
  }
  [[nodiscard]] bool has_origin() const { return (tag & kHasOrigin) != 0; }
  [[nodiscard]] observe::ObjectOrigin origin() const {
    observe::ObjectOrigin origin = observe::PackedOrigin{tag & ~kHasOrigin, time_ns}.unpack(0);
    origin.requested = requested;
    return origin;
  }
};
static_assert(sizeof(PageDesc) == 32);

enum class PageOutcome : u8 {
  kOk,
  kOrderTooLarge,  // order > 10: the kernel WARNs once unless __GFP_NOWARN
  kNoMemory,       // nothing above the watermark this request may reach; reclaim and retry, or report
};

struct PageAllocation {
  PageOutcome outcome = PageOutcome::kNoMemory;
  Pfn pfn{};
  explicit operator bool() const { return outcome == PageOutcome::kOk; }
};

enum class PageFreeOutcome : u8 {
  kOk,
  kNotRam,        // no such page
  kNotAllocated,  // the block is free already (or reserved)
  kNotFirstPage,  // inside an allocated block
  kWrongOrder,    // allocated with another order; nothing was freed
};

// Told about blocks, so that the real struct page array can follow. Called with the engine consistent.
class PageEvents {
 public:
  virtual ~PageEvents() = default;
  virtual void block_allocated(Pfn pfn, Order order, Gfp gfp) = 0;
  virtual void block_freed(Pfn pfn, Order order) = 0;
  virtual void block_split(Pfn pfn, Order order) = 0;
};

struct Watermarks {
  u64 min = 0, low = 0, high = 0;
};

// /proc/zoneinfo's numa_hit and so on: where requests were served, seen from where they should have been.
struct NumaCounts {
  u64 hit = 0, miss = 0, foreign = 0, local = 0, other = 0;
};

// Reserves that a task may use because of what it is, not because of its gfp bits.
enum class Reserves : u8 {
  kNone,
  kOomVictim,  // half of what lies below the min watermark: it must come to its end
  kAll,        // PF_MEMALLOC: it frees memory
};

struct BuddyConfig {
  Release release = Release::k6_1;
  u32 cpus = 1;
  u32 nodes = 1;
  std::span<const PfnRange> ram;       // ascending, disjoint
  std::span<const PfnRange> reserved;  // ascending, disjoint parts of ram that are never handed out
  Yes zeroed_resource = Yes::kNo;  // kYes: fresh memory of the resource is zero and must not be touched early
  PageEvents* events = nullptr;
};

// RAM of a "pc" machine of `size_bytes`: from 0, with the hole below 4 GiB once RAM reaches 3.5 GiB.
[[nodiscard]] std::vector<PfnRange> pc_ram_ranges(u64 size_bytes);

class Buddy {
  struct Pcp;

 public:
  Buddy(const BuddyConfig& config, std::pmr::memory_resource* resource);
  Buddy(const Buddy&) = delete;
  Buddy& operator=(const Buddy&) = delete;
  ~Buddy();

  // A block of 2^order pages, aligned to its size. The place's CPU is whose list serves small orders; its node is below
  // node_count(), or kNoNode.
  [[nodiscard]] PageAllocation alloc(Order order, Gfp gfp, Place at) {
    // Small orders come from this CPU's list of the preferred zone, if that is well above its low watermark (and the
    // machine has one node).
    const u32 type = (gfp / gfp_bit::kMovable) & 3;
    if (order.value <= kCostlyOrder && type < kPcpTypeCount) [[likely]] {
      const Preferred& preferred = preferred_[gfp & (gfp_bit::kDma | gfp_bit::kDma32)];
      Pcp& pcp = preferred.pcp[at.cpu];
      FreeList& list = pcp.lists[order.value][type];
      if (list.head != 0 && preferred.zone->free_pages > preferred.plenty) [[likely]] {
        const u64 page = pop_head(list);
        pcp.count -= 1u << order.value;
        pcp.allocated += 1u << order.value;
        pcp.free_factor >>= 1;
        return hand_out(page, order, gfp);
      }
    }
    return alloc_slowly(order, gfp, at);
  }
  // Gives a block back. Anything but kOk changed nothing.
  PageFreeOutcome free(Pfn pfn, Order order, VcpuId cpu) {
    const u64 page = pfn.value - base_pfn_;
    if (page < page_count_ && order.value <= kCostlyOrder) [[likely]] {
      PageDesc& desc = pages_[page];
      if (desc.state == PageState::kAllocated && desc.order == order.value) [[likely]] {
        desc.tag = 0;
        const u8 block = block_info_[page >> kPageblockOrder];
        ZoneState& zone = zones_[block >> kZoneShift];
        Pcp& pcp = zone.pcp[cpu.value];
        const MigrateType type = pcp_type(static_cast<MigrateType>(block & kTypeMask));
        desc.state = PageState::kPcp;
        desc.type = type;
        push_head(pcp.lists[order.value][index(type)], page);
        pcp.count += 1u << order.value;
        if (pcp.count >= zone.pcp_high) [[unlikely]] {
          shrink_full_pcp(zone, pcp);
        }
        if (events_ != nullptr) events_->block_freed(pfn, order);
        return PageFreeOutcome::kOk;
      }
    }
    return free_slowly(pfn, order, cpu);
  }
  // The same two for small orders, if this CPU's list does; the caller tells who PageEvents would have told. Pages by their
  // number from first_pfn() on. The first returns that plus 1. 0, false: the ordinary way must be asked; nothing changed.
  // Requires: order <= kCostlyOrder.
  [[nodiscard]] u64 alloc_quietly(u32 order, Gfp gfp, u64 cpu) {
    const u32 type = (gfp / gfp_bit::kMovable) & 3;
    if (type >= kPcpTypeCount) return 0;
    const Preferred& preferred = preferred_[gfp & (gfp_bit::kDma | gfp_bit::kDma32)];
    if (preferred.zone == nullptr) return 0;
    Pcp& pcp = preferred.pcp[cpu];
    FreeList& list = pcp.lists[order][type];
    const u64 link = list.head;
    if (link == 0 || preferred.zone->free_pages <= preferred.plenty) return 0;
    PageDesc& desc = pages_[link - 1];
    list.head = link == list.tail ? list.tail = 0 : desc.next;
    pcp.count -= 1u << order;
    pcp.allocated += 1u << order;
    pcp.free_factor >>= 1;
    desc.state = PageState::kAllocated;
    desc.use = PageUse::kPages;
    return link;
  }
  // Where what is freed of a pageblock goes, by what block_info_ says of it.
  struct Home {
    u32 block = ~0u;
    u32 pcp_high = 0;
    Pcp* pcp = nullptr;
    MigrateType type{};
    [[nodiscard]] Zone zone() const { return static_cast<Zone>((block >> kZoneShift) % kZoneCount); }
  };
  // The home of a page, if this CPU freed to the same one last; nullptr: it did not.
  [[nodiscard]] const Home* likely_home(u64 page, u64 cpu) const {
    const Home& home = homes_[cpu];
    return home.block == block_info_[page >> kPageblockOrder] ? &home : nullptr;
  }
  [[nodiscard]] const Home& home_of(u64 page, u64 cpu) {
    const u32 block = block_info_[page >> kPageblockOrder];
    Home& home = homes_[cpu];
    if (home.block != block) [[unlikely]] {
      ZoneState& zone = zones_[block >> kZoneShift];
      home.pcp = &zone.pcp[cpu];
      home.type = pcp_type(static_cast<MigrateType>(block & kTypeMask));
      home.pcp_high = zone.pcp_high;
      home.block = block;
    }
    return home;
  }
  // Requires: the first page of an allocated block of that order, and its home.
  [[nodiscard]] bool free_quietly(u64 page, u32 order, const Home& home) {
    Pcp& pcp = *home.pcp;
    const u32 count = pcp.count + (1u << order);
    if (count >= home.pcp_high) return false;
    PageDesc& desc = pages_[page];
    desc.tag = 0;
    desc.state = PageState::kPcp;
    desc.type = home.type;
    push_head(pcp.lists[order][index(home.type)], page);
    pcp.count = count;
    return true;
  }
  // Fills `pages` with single pages as far as memory goes; returns how many.
  u32 alloc_bulk(Gfp gfp, Place at, std::span<Pfn> pages);
  // The pages that `size_bytes` need, as single pages in a row; the rest of the block is given back.
  [[nodiscard]] PageAllocation alloc_exact(u64 size_bytes, Gfp gfp, Place at);
  PageFreeOutcome free_exact(Pfn first, u64 size_bytes, VcpuId cpu);
  // Turns an allocated block into 2^order single pages (split_page).
  void split(Pfn pfn, Order order);
  // Empties the per-CPU lists of one CPU, or of all.
  void drain(VcpuId cpu);
  void drain_all();
  // What the task that runs now may use beyond its gfp bits; in force until changed.
  void set_reserves(Reserves reserves) { reserves_ = reserves; }
  // Gives one pageblock that was kept for high-order GFP_ATOMIC requests to `gfp`'s mobility group; unless `force`, a
  // zone's last one stays. false: there was none with a free page.
  bool unreserve_highatomic(Gfp gfp, Yes force);

  // Descriptors. desc() needs a pfn below end_pfn(); find() accepts anything.
  [[nodiscard]] PageDesc& desc(Pfn pfn) { return pages_[pfn.value - base_pfn_]; }
  [[nodiscard]] PageDesc* find(Pfn pfn) {
    const u64 index = pfn.value - base_pfn_;
    return index < page_count_ ? &pages_[index] : nullptr;
  }
  // Every allocated block: visit(Pfn, const PageDesc&), by frame number. O(touched pages): descriptors of the hole below
  // 4 GiB and of memory that was never used are not looked at, so that looking does not bring them into being.
  template <class Visit>
  void for_each_allocated(Visit visit) const {
    for (const PfnRange& ram : ram_) {
      for (u64 page = ram.first - base_pfn_; page < ram.end() - base_pfn_;) {
        const u64 unused_end = never_used_end(page);
        const PageDesc& desc = pages_[page];
        if (unused_end != 0) {
          page = unused_end;
        } else if (desc.state == PageState::kAllocated) {
          page += u64{1} << desc.order;
          visit(Pfn{static_cast<u64>(&desc - pages_) + base_pfn_}, desc);
        } else {
          ++page;
        }
      }
    }
  }
  // First page of the allocated block that `pfn` lies in; nullopt: it is not allocated.
  [[nodiscard]] std::optional<Pfn> block_of(Pfn pfn) const;
  [[nodiscard]] bool is_ram(Pfn pfn) const;

  // Observers. Pages on per-CPU lists count as not free, as in the kernel's buddyinfo and NR_FREE_PAGES.
  [[nodiscard]] u64 free_pages() const;
  [[nodiscard]] u64 free_pages(ZoneId zone) const { return zones_[zone.index()].free_pages; }
  [[nodiscard]] u64 free_blocks(ZoneId zone, Order order) const;
  [[nodiscard]] u64 free_blocks(ZoneId zone, Order order, MigrateType type) const {
    return zones_[zone.index()].free_blocks[order.value][index(type)];
  }
  [[nodiscard]] u64 pcp_pages(ZoneId zone, VcpuId cpu) const {
    return zones_[zone.index()].pcp[cpu.value].count;
  }
  [[nodiscard]] u64 pcp_pages() const;
  // Pages handed out since boot. What was ever given back follows from it: whatever is free, or lies on the CPUs' lists, was
  // freed once more often than it was allocated (the first time while booting).
  [[nodiscard]] u64 allocated_ever(ZoneId zone) const;
  [[nodiscard]] u32 pcp_high(ZoneId zone) const { return zones_[zone.index()].pcp_high; }
  [[nodiscard]] u32 pcp_batch(ZoneId zone) const { return zones_[zone.index()].pcp_batch; }
  [[nodiscard]] Watermarks watermarks(ZoneId zone) const { return zones_[zone.index()].marks; }
  [[nodiscard]] u64 lowmem_reserve(ZoneId zone, Zone wanted) const {
    return zones_[zone.index()].lowmem_reserve[index(wanted)];
  }
  [[nodiscard]] u64 managed_pages(ZoneId zone) const { return zones_[zone.index()].managed; }
  [[nodiscard]] u64 present_pages(ZoneId zone) const { return zones_[zone.index()].present; }
  [[nodiscard]] u64 spanned_pages(ZoneId zone) const;
  [[nodiscard]] u64 start_pfn(ZoneId zone) const { return zones_[zone.index()].start; }
  [[nodiscard]] u64 managed_pages() const;
  [[nodiscard]] u64 pageblocks(ZoneId zone, MigrateType type) const;
  [[nodiscard]] u64 reserved_highatomic(ZoneId zone) const {
    return zones_[zone.index()].reserved_highatomic;
  }
  [[nodiscard]] u64 first_pfn() const { return base_pfn_; }
  [[nodiscard]] u64 end_pfn() const { return base_pfn_ + page_count_; }
  [[nodiscard]] static Zone zone_of(Pfn pfn) {
    return pfn.value < kDmaEndPfn ? Zone::kDma : pfn.value < kDma32EndPfn ? Zone::kDma32 : Zone::kNormal;
  }
  [[nodiscard]] ZoneId zone_id(Pfn pfn) const { return {nodes_.of(pfn), zone_of(pfn)}; }
  [[nodiscard]] const NodeMap& nodes() const { return nodes_; }
  [[nodiscard]] u32 node_count() const { return nodes_.count(); }
  // Counted on machines with several nodes only.
  [[nodiscard]] const NumaCounts& numa_counts(ZoneId zone) const { return zones_[zone.index()].numa; }
  [[nodiscard]] const GfpBits& gfp() const { return gfp_; }
  // min_free_kbytes as the kernel computes it for this machine (with huge pages enabled).
  [[nodiscard]] u64 min_free_kbytes() const { return min_free_kbytes_; }
  // Pages whose descriptors may have been touched: what lies below the zones' cursors.
  [[nodiscard]] u64 touched_pages() const;

  // nullopt: all is consistent; otherwise what is not. O(pages below the cursors).
  [[nodiscard]] std::optional<std::string> check_invariants() const;

 private:
  static constexpr u32 kPcpOrders = kCostlyOrder + 2;  // 0..3, then the huge page's

  struct FreeList {
    u32 head = 0, tail = 0;  // page index + 1
  };
  struct Pcp {
    u32 count = 0;  // pages
    u32 free_factor = 0;
    u64 allocated = 0;  // pages handed out from here on the short way
    FreeList lists[kPcpOrders][kPcpTypeCount];
  };
  struct NeverUsed {
    u64 next = 0, end = 0;  // page indexes, multiples of an order-10 block
  };
  struct ZoneState {
    explicit ZoneState(std::pmr::memory_resource* resource) : never_used(resource), pcp(resource) {}
    u64 start = 0, end = 0, present = 0, managed = 0;  // pfns; pages
    u64 free_pages = 0;
    u64 free_blocks[kOrderCount][kMigrateTypeCount] = {};
    FreeList lists[kOrderCount][kMigrateTypeCount];
    std::pmr::vector<NeverUsed> never_used;
    std::pmr::vector<Pcp> pcp;
    u32 pcp_high = 0, pcp_batch = 1;
    Watermarks marks;
    u64 lowmem_reserve[kZoneCount] = {};
    u64 allocated = 0;            // pages handed out since boot, but for those that the CPUs count
    u64 reserved_highatomic = 0;  // pages of pageblocks of that type
    NumaCounts numa;
  };
  // Where a request with these zone bits looks first.
  struct Preferred {
    ZoneState* zone = nullptr;
    Pcp* pcp = nullptr;
    u64 plenty = 0;  // with more free pages than this, no small request is near the low watermark
  };
  // How far below the watermark a request may go.
  struct Reach {
    u64 Watermarks::*mark = &Watermarks::low;
    bool high = false;      // __GFP_HIGH
    bool harder = false;    // GFP_ATOMIC: may not sleep and must not fail lightly
    bool no_block = false;  // 6.12: may not sleep, whatever else
    bool oom = false;       // Reserves::kOomVictim
    bool ignore = false;    // __GFP_MEMALLOC, Reserves::kAll
  };

  template <class E>
  static constexpr u32 index(E e) {
    return static_cast<u32>(e);
  }
  // block_info_: migrate type, zone's index * 8.
  static constexpr u32 kZoneShift = 3, kTypeMask = 7;
  static_assert(kMigrateTypeCount <= kTypeMask + 1 && kMaxNodes * kZoneCount <= 256 >> kZoneShift);
  ZoneState& zone_at(u64 page_index) {
    return zones_[block_info_[page_index >> kPageblockOrder] >> kZoneShift];
  }

  // Per-CPU lists: the head's `prev` and the tail's `next` may be stale.
  u64 pop_head(FreeList& list) {
    const u64 page = list.head - 1;
    list.head = list.head == list.tail ? list.tail = 0 : pages_[page].next;
    return page;
  }
  void push_head(FreeList& list, u64 page) {
    const u32 link = static_cast<u32>(page) + 1;
    if (list.head != 0) {
      pages_[page].next = list.head;
      pages_[list.head - 1].prev = link;
    } else {
      list.tail = link;
    }
    list.head = link;
  }
  u64 pop_tail(FreeList& list) {
    const u64 page = list.tail - 1;
    list.tail = list.head == list.tail ? list.head = 0 : pages_[page].prev;
    return page;
  }
  PageAllocation hand_out(u64 page, Order order, Gfp gfp) {
    PageDesc& desc = pages_[page];
    desc.state = PageState::kAllocated;
    desc.use = PageUse::kPages;
    const Pfn pfn{page + base_pfn_};
    if (events_ != nullptr) events_->block_allocated(pfn, order, gfp);
    return {PageOutcome::kOk, pfn};
  }
  [[nodiscard]] static std::optional<u32> pcp_slot(u8 order);
  // Where the memory around that page that was never used ends; 0: it was.
  [[nodiscard]] u64 never_used_end(u64 page) const {
    for (const ZoneState& zone : zones()) {
      for (const NeverUsed& area : zone.never_used) {
        if (page >= area.next && page < area.end) return area.end;
      }
    }
    return 0;
  }
  [[nodiscard]] Zone highest_zone(Gfp gfp) const;
  [[nodiscard]] MigrateType migrate_type(Gfp gfp) const;

  void seed(const BuddyConfig& config);
  void seed_free(u64 first, u64 end);
  void reserve(u64 first, u64 end);
  void compute_watermarks();
  void compute_pcp_sizes(u32 cpus);
  // The zones there can be, by index.
  [[nodiscard]] std::span<ZoneState> zones() { return {zones_.data(), nodes_.count() * kZoneCount}; }
  [[nodiscard]] std::span<const ZoneState> zones() const {
    return {zones_.data(), nodes_.count() * kZoneCount};
  }

  // Per-CPU lists know no other types than the first three; pages of the others go as movable ones.
  [[nodiscard]] static MigrateType pcp_type(MigrateType type) {
    return index(type) < kPcpTypeCount ? type : MigrateType::kMovable;
  }
  void push(FreeList& list, u32 page, bool to_tail);
  void unlink(FreeList& list, u32 page);
  void add_free(ZoneState& zone, u64 page, u8 order, MigrateType type, bool to_tail);
  void remove_free(ZoneState& zone, u64 page);
  void move_free(ZoneState& zone, u64 page, MigrateType to);
  [[nodiscard]] MigrateType pageblock_type(u64 page) const {
    return MigrateType{static_cast<u8>(block_info_[page >> kPageblockOrder] & kTypeMask)};
  }
  void set_pageblocks(u64 page, u8 order, MigrateType type);

  [[nodiscard]] bool has_free(const ZoneState& zone, u8 order, MigrateType type) const {
    return zone.free_blocks[order][index(type)] != 0;
  }
  u64 take_first(ZoneState& zone, u8 order, MigrateType type);
  u64 carve(ZoneState& zone);
  void give_back(u64 page, u8 order);
  std::optional<u64> take_smallest(ZoneState& zone, u8 order, MigrateType type);
  bool steal(ZoneState& zone, u8 order, MigrateType type);
  void steal_pageblock(ZoneState& zone, u64 page, u8 order, MigrateType type, bool whole_block);
  u64 move_pageblock(ZoneState& zone, u64 page, MigrateType to);
  void reserve_highatomic(ZoneState& zone, u64 page);
  [[nodiscard]] u64 unusable_pages(const ZoneState& zone, const Reach& reach) const;
  std::optional<u64> take_beyond_pcp(ZoneState& zone, u8 order, MigrateType type, const Reach& reach);
  std::optional<u64> take(ZoneState& zone, u8 order, MigrateType type);

  std::optional<u64> take_pcp(ZoneState& zone, u32 slot, u8 order, MigrateType type, u32 cpu);
  void shrink_pcp(Pcp& pcp, u32 pages);
  [[nodiscard]] bool watermark_ok(const ZoneState& zone, u8 order, Zone wanted, const Reach& reach) const;
  std::optional<u64> take_from_zones(u8 order, Gfp gfp, Place at, const Reach& reach);
  std::optional<u64> take_near_the_watermark(u8 order, Gfp gfp, Place at);
  void count_numa(NodeId home, ZoneState& zone, ZoneState& preferred, Place at);
  [[nodiscard]] PageAllocation alloc_slowly(Order order, Gfp gfp, Place at);
  PageFreeOutcome free_slowly(Pfn pfn, Order order, VcpuId cpu);
  void shrink_full_pcp(ZoneState& zone, Pcp& pcp);
  void choose_preferred_zones();
  [[nodiscard]] PageFreeOutcome why_not_freed(const PageDesc* page, Pfn pfn, Order order) const;

  const GfpBits& gfp_;
  const Release release_;
  Reserves reserves_ = Reserves::kNone;
  std::pmr::memory_resource* resource_;
  PageEvents* events_;
  u64 base_pfn_ = 0;
  u64 page_count_ = 0;  // descriptors: up to the next order-10 boundary
  PageDesc* pages_ = nullptr;
  NodeMap nodes_;
  std::pmr::vector<ZoneState> zones_;  // by ZoneId::index()
  Preferred preferred_[8];             // by gfp & (DMA | DMA32)
  Home homes_[kMaxCpus];               // where each CPU freed to last: a guess that spares look-ups
  std::pmr::vector<u8> block_info_;    // of each pageblock: see kZoneShift
  std::pmr::vector<PfnRange> ram_;
  u64 min_free_kbytes_ = 0;
};

}  // namespace koi::mm
