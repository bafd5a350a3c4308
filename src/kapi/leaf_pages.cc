// SPDX-License-Identifier: GPL-2.0-only
// Single pages from and to the CPU's list.
#include "kapi/checks.h"
#include "kapi/leaf_machine.h"

namespace koi::kapi {
namespace {

using namespace leaf;

// struct page as koi_page_allocated() and koi_page_freed() of the C core keep it.
struct PageMirror {
  u64 flags;
  u64 lru[2];  // the first is compound_head, too
  u64 mapping;
  u64 index;
  u64 private_data;
  s32 map_count;
  s32 reference_count;
  u64 last;
};
static_assert(sizeof(PageMirror) == host::kStructPageSize);
static_assert(offsetof(PageMirror, map_count) == 48 && offsetof(PageMirror, reference_count) == 52);

KOI_INLINE void count_free(mm::Zone zone, s64 pages) {
  *reinterpret_cast<s64*>(machine.facts.free_counter) += pages;
  *reinterpret_cast<s64*>(machine.facts.zone_free_counters[static_cast<u32>(zone)]) += pages;
}

template <bool kAccounts>
KOI_INLINE u64 leaf_alloc_pages(u64 gfp_word, u64 order, u64 index) {
  const auto gfp = static_cast<Gfp>(gfp_word);
  VcpuClock* const clock = this_clock();
  const u64 now_ns = clock->now_ns + host::kCrossingCost;
  if (static_cast<u32>(order) == 0 && now_ns < clock->deadline_ns && is_quiet(clock, gfp_word)) [[likely]] {
    if (mm::PageDesc* const desc = machine.buddy->alloc_page_quietly(gfp, clock->cpu); desc != nullptr)
        [[likely]] {
      pay(clock);
      const Pfn pfn{static_cast<u64>(desc - machine.pages) + machine.buddy->first_pfn()};
      const mm::Zone zone = mm::Buddy::zone_of(pfn);
      auto* const page = reinterpret_cast<PageMirror*>(host::kVmemmap + pfn.value * host::kStructPageSize);
      count_free(zone, -1);
      page->flags = machine.facts.page_flags[static_cast<u32>(zone)];
      page->lru[0] = page->lru[1] = page->mapping = page->private_data = 0;
      page->map_count = -1;
      page->reference_count = 1;
      if constexpr (kAccounts) {
        const u64 site = take_site();
        desc->set_origin({static_cast<u32>(site), gfp, mm::kPageSize, now_ns});
        counters_of(site).allocated_small(mm::kPageSize, mm::kPageSize);
      }
      const auto result = reinterpret_cast<u64>(page);
      if (!machine.clears_pages && (gfp & machine.zero) == 0) KOI_LEAF_RETURN(result);
      return koi_leaf_return_cleared(result, host::kDirectMap + (pfn.value << mm::kPageShift), mm::kPageSize);
    }
  }
  return koi_leaf_slow(gfp_word, order, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_free_pages(u64 address, u64 order, u64 index) {
  VcpuClock* const clock = this_clock();
  const u64 now_ns = clock->now_ns + host::kCrossingCost;
  const u64 offset = address - host::kVmemmap - machine.buddy->first_pfn() * host::kStructPageSize;
  const u64 number = offset / host::kStructPageSize;
  if (static_cast<u32>(order) == 0 && now_ns < clock->deadline_ns && number < machine.page_count &&
      offset % host::kStructPageSize == 0) [[likely]] {
    mm::PageDesc& desc = machine.pages[number];
    auto* const page = reinterpret_cast<PageMirror*>(address);
    if (desc.state == mm::PageState::kAllocated && desc.order == 0 && page->reference_count == 1) [[likely]] {
      const observe::ObjectOrigin origin = desc.origin();
      const bool counted = desc.has_origin();
      if (machine.buddy->free_page_quietly(desc, clock->cpu)) [[likely]] {
        pay(clock);
        if constexpr (kAccounts) {
          if (counted) counters_of(origin.site).freed(origin.requested, mm::kPageSize);
        }
        const mm::Zone zone = mm::Buddy::zone_of(Pfn{number + machine.buddy->first_pfn()});
        count_free(zone, 1);
        page->flags = machine.facts.page_flags[static_cast<u32>(zone)];
        page->lru[0] = page->mapping = 0;
        page->map_count = -1;
        page->reference_count = 0;
        KOI_LEAF_RETURN(0);
      }
    }
  }
  return koi_leaf_slow(address, order, 0, 0, 0, index);
}

#define KOI_PAGE_LEAF(name, accounts)                                                 \
  KOI_CLEAN_LEAF_TEXT u64 name##_##accounts(u64 a, u64 b, u64, u64, u64, u64 index) { \
    return leaf_##name<accounts>(a, b, index);                                        \
  }
KOI_PAGE_LEAF(alloc_pages, false)
KOI_PAGE_LEAF(alloc_pages, true)
KOI_PAGE_LEAF(free_pages, false)
KOI_PAGE_LEAF(free_pages, true)
#undef KOI_PAGE_LEAF

}  // namespace

bool pages_are_as_known(const runtime::MemoryFacts& facts) {
  return facts.page_refcount == offsetof(PageMirror, reference_count) &&
         facts.page_mapcount == offsetof(PageMirror, map_count);
}

std::span<const LeafVariants> page_leaves() {
  static constexpr LeafVariants kLeaves[] = {
      {host::Leaf::kAllocPages, alloc_pages_false, alloc_pages_false, alloc_pages_true, alloc_pages_true},
      {host::Leaf::kFreePages, free_pages_false, free_pages_false, free_pages_true, free_pages_true},
  };
  return kLeaves;
}

}  // namespace koi::kapi
