// SPDX-License-Identifier: GPL-2.0-only
// Pages from and to the CPU's lists, which hold blocks of up to eight: single ones first, others in a second part.
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

// Where `struct page` number 0 from first_pfn() on lies.
KOI_INLINE u64 page_place(u64 number) { return machine.first_struct_page + number * host::kStructPageSize; }

KOI_INLINE void prepare(PageMirror* page, u64 flags, s32 references) {
  page->flags = flags;
  page->lru[0] = page->lru[1] = page->mapping = page->private_data = 0;
  page->map_count = -1;
  page->reference_count = references;
}
KOI_INLINE void retire(PageMirror* page, u64 flags) {
  page->flags = flags;
  page->lru[0] = page->mapping = 0;
  page->map_count = -1;
  page->reference_count = 0;
}

template <bool kAccounts>
KOI_INLINE u64 take_block(u64 gfp_word, u64 order, u64 index) {
  const auto gfp = static_cast<Gfp>(gfp_word);
  VcpuClock* const clock = this_clock();
  if (in_time(clock) && is_quiet(clock, gfp_word)) [[likely]] {
    if (const u64 link = machine.buddy->alloc_quietly(static_cast<u32>(order), gfp, clock->cpu); link != 0)
        [[likely]] {
      const u64 now_ns = pay(clock);
      const u64 number = link - 1;
      const mm::Zone zone = mm::Buddy::zone_of(Pfn{number + machine.first_pfn});
      const u64 flags = machine.facts.page_flags[static_cast<u32>(zone)];
      const u64 result = page_place(number);
      auto* const page = reinterpret_cast<PageMirror*>(result);
      const u64 bytes = mm::kPageSize << order;
      count_free(zone, -(s64{1} << order));
      prepare(page, flags, 1);
      for (u64 i = 1; i < u64{1} << order; ++i) prepare(page + i, flags, 0);
      if constexpr (kAccounts) {
        const u64 site = take_site();
        machine.pages[number].set_origin({static_cast<u32>(site), gfp, bytes, now_ns});
        counters_of(site).allocated_small(bytes, bytes);
      }
      if (!machine.clears_pages && (gfp & machine.zero) == 0) KOI_LEAF_RETURN(result);
      return koi_leaf_return_cleared(result, machine.first_page + (number << mm::kPageShift), bytes);
    }
  }
  return koi_leaf_slow(gfp_word, order, 0, 0, 0, index);
}

// Is this a page that nobody else holds and that heads a block of that order, which no compound page is?
KOI_INLINE bool is_whole(const PageMirror* page, const mm::PageDesc& desc, u32 order) {
  return desc.state == mm::PageState::kAllocated && desc.order == order && page->reference_count == 1 &&
         (order == 0 || (page->lru[0] & 1) == 0);
}

template <bool kAccounts>
KOI_INLINE u64 give_block(u64 address, u64 order, u64 index) {
  VcpuClock* const clock = this_clock();
  const u64 offset = address - machine.first_struct_page;
  const u64 number = offset / host::kStructPageSize;
  if (in_time(clock) && number < machine.page_count && offset % host::kStructPageSize == 0) [[likely]] {
    mm::PageDesc& desc = machine.pages[number];
    auto* const page = reinterpret_cast<PageMirror*>(address);
    const mm::Zone zone = mm::Buddy::zone_of(Pfn{number + machine.first_pfn});
    const u64 flags = machine.facts.page_flags[static_cast<u32>(zone)];
    const auto small = static_cast<u32>(order);
    // A head of a compound page has a flag of its own, as others may have that are looked at more closely.
    if (is_whole(page, desc, small) && (small == 0 || page->flags == flags)) [[likely]] {
      const observe::ObjectOrigin origin = desc.origin();
      const bool counted = desc.has_origin();
      if (machine.buddy->free_quietly(number, small, clock->cpu)) [[likely]] {
        pay(clock);
        if constexpr (kAccounts) {
          if (counted) counters_of(origin.site).freed(origin.requested, mm::kPageSize << order);
        }
        count_free(zone, s64{1} << order);
        for (u64 i = 0; i < u64{1} << order; ++i) retire(page + i, flags);
        KOI_LEAF_RETURN(0);
      }
    }
  }
  return koi_leaf_slow(address, order, 0, 0, 0, index);
}

// Orders 1 to 3, which the CPUs' lists hold, too. A compound page is prepared elsewhere.
#define KOI_SECOND_PARTS(accounts)                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 alloc_pages_again_##accounts(u64 gfp, u64 order, u64, u64, u64, u64 index) {  \
    if (static_cast<u32>(order) > mm::kCostlyOrder || (gfp & machine.special_block) != 0)               \
      return koi_leaf_slow(gfp, order, 0, 0, 0, index);                                                 \
    return take_block<accounts>(gfp, static_cast<u32>(order), index);                                   \
  }                                                                                                     \
  KOI_CLEAN_LEAF_TEXT u64 free_pages_again_##accounts(u64 page, u64 order, u64, u64, u64, u64 index) {  \
    if (static_cast<u32>(order) > mm::kCostlyOrder) return koi_leaf_slow(page, order, 0, 0, 0, index); \
    return give_block<accounts>(page, static_cast<u32>(order), index);                                  \
  }
KOI_SECOND_PARTS(false)
KOI_SECOND_PARTS(true)
#undef KOI_SECOND_PARTS

// Single pages.
#define KOI_PAGE_LEAVES(accounts)                                                                     \
  KOI_CLEAN_LEAF_TEXT u64 alloc_pages_##accounts(u64 gfp, u64 order, u64, u64, u64, u64 index) {      \
    if (static_cast<u32>(order) == 0) [[likely]]                                                      \
      return take_block<accounts>(gfp, 0, index);                                                     \
    return alloc_pages_again_##accounts(gfp, order, 0, 0, 0, index);                                  \
  }                                                                                                   \
  KOI_CLEAN_LEAF_TEXT u64 free_pages_##accounts(u64 page, u64 order, u64, u64, u64, u64 index) {      \
    if (static_cast<u32>(order) == 0) [[likely]]                                                      \
      return give_block<accounts>(page, 0, index);                                                    \
    return free_pages_again_##accounts(page, order, 0, 0, 0, index);                                  \
  }
KOI_PAGE_LEAVES(false)
KOI_PAGE_LEAVES(true)
#undef KOI_PAGE_LEAVES

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
