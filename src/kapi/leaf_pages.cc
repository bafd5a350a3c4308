// SPDX-License-Identifier: GPL-2.0-only
// Pages from and to the CPU's lists, which hold blocks of up to eight: single ones first, others in a second part.
#include <bit>

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

// Does somebody count on a page of a block that is free? The ordinary way reports that.
KOI_INLINE bool is_held(const PageMirror* page, u32 order) {
  for (u64 i = 0; i < u64{1} << order; ++i) {
    if (page[i].reference_count != 0) return true;
  }
  return false;
}
// Is nothing left in the pages of a block that has one reference? What is, is a matter for the ordinary way.
KOI_INLINE bool is_clean(const PageMirror* page, u32 order, u64 flags) {
  for (u64 i = 0; i < u64{1} << order; ++i) {
    if (page[i].flags != flags || page[i].mapping != 0 || page[i].map_count != -1) return false;
    if (i != 0 && page[i].reference_count != 0) return false;
  }
  return true;
}

// Takes a block and prepares it; returns its page's number plus 1. 0: nothing changed.
template <bool kAccounts>
KOI_INLINE u64 take_block(Gfp gfp, u32 order, VcpuClock* clock) {
  if (!in_time(clock) || !is_quiet(clock, gfp)) return 0;
  const u64 link = machine.buddy->alloc_quietly(order, gfp, clock->cpu);
  if (link == 0) return 0;
  const u64 number = link - 1;
  if (is_held(reinterpret_cast<const PageMirror*>(page_place(number)), order)) [[unlikely]] {
    static_cast<void>(machine.buddy->free_quietly(number, order, machine.buddy->home_of(number, clock->cpu)));
    return 0;
  }
  const u64 now_ns = pay(clock);
  const mm::Zone zone = mm::Buddy::zone_of(Pfn{number + machine.first_pfn});
  const u64 flags = machine.facts.page_flags[static_cast<u32>(zone)];
  auto* const page = reinterpret_cast<PageMirror*>(page_place(number));
  count_free(zone, -(s64{1} << order));
  prepare(page, flags, 1);
  for (u64 i = 1; i < u64{1} << order; ++i) prepare(page + i, flags, 0);
  if constexpr (kAccounts) {
    const u64 bytes = mm::kPageSize << order;
    const u64 site = take_site();
    machine.pages[number].set_origin({static_cast<u32>(site), gfp, bytes, now_ns});
    counters_of(site).allocated_small(bytes, bytes);
  }
  return link;
}

// Back to the module with that block.
KOI_INLINE u64 hand_out(u64 link, u64 gfp, u32 order) {
  const u64 result = page_place(link - 1);
  if (!machine.clears_pages && (gfp & machine.zero) == 0) KOI_LEAF_RETURN(result);
  return koi_leaf_return_cleared(result, machine.first_page + ((link - 1) << mm::kPageShift),
                                 mm::kPageSize << order);
}

// Is this a page that nobody else holds and that heads a block of that order, which no compound page is?
KOI_INLINE bool is_whole(const PageMirror* page, const mm::PageDesc& desc, u32 order) {
  return desc.state == mm::PageState::kAllocated && desc.order == order && page->reference_count == 1 &&
         (order == 0 || (page->lru[0] & 1) == 0);
}

// Frees a block that nobody else holds; false: nothing changed.
template <bool kAccounts>
KOI_INLINE bool give_block(PageMirror* page, u64 number, u32 order, const mm::Buddy::Home& home,
                           VcpuClock* clock) {
  mm::PageDesc& desc = machine.pages[number];
  const u64 flags = machine.facts.page_flags[static_cast<u32>(home.zone())];
  // A head of a compound page has a flag of its own, as others may have that are looked at more closely.
  if (!is_whole(page, desc, order) || !is_clean(page, order, flags) || !in_time(clock)) return false;
  const u64 tag = desc.tag;
  if (!machine.buddy->free_quietly(number, order, home)) return false;
  pay(clock);
  if constexpr (kAccounts) {
    if ((tag & mm::PageDesc::kHasOrigin) != 0)
      counters_of(observe::PackedOrigin{tag, 0}.site()).freed(desc.requested, mm::kPageSize << order);
  }
  count_free(home.zone(), s64{1} << order);
  for (u64 i = 0; i < u64{1} << order; ++i) retire(page + i, flags);
  return true;
}

// The number of the page that a `struct page` stands for; at least page_count: it stands for none.
KOI_INLINE u64 number_of(u64 address) {
  const u64 offset = address - machine.first_struct_page;
  static_assert(host::kStructPageSize == 64);
  return std::rotr(offset, 6);
}

// ---- second parts: orders 1 to 3, which the CPUs' lists hold, too; single pages that the first ones leave ----

template <bool kAccounts>
KOI_INLINE u64 alloc_block_again(u64 gfp, u64 order, u64 index) {
  const auto small = static_cast<u32>(order);
  // A compound page is prepared elsewhere.
  if (small <= mm::kCostlyOrder && (small == 0 || (gfp & machine.special_block) == 0)) {
    if (const u64 link = take_block<kAccounts>(static_cast<Gfp>(gfp), small, this_clock()); link != 0)
      return hand_out(link, gfp, small);
  }
  return koi_leaf_slow(gfp, order, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 free_block_again(u64 page, u64 order, u64 index) {
  const u64 number = number_of(page);
  if (static_cast<u32>(order) <= mm::kCostlyOrder && number < machine.page_count) {
    VcpuClock* const clock = this_clock();
    const mm::Buddy::Home& home = machine.buddy->home_of(number, clock->cpu);
    if (give_block<kAccounts>(reinterpret_cast<PageMirror*>(page), number, static_cast<u32>(order), home,
                              clock))
      KOI_LEAF_RETURN(0);
  }
  return koi_leaf_slow(page, order, 0, 0, 0, index);
}

// ---- first parts: single pages ----

template <bool kAccounts>
KOI_INLINE u64 alloc_first(u64 gfp, u64 order) {
  return static_cast<u32>(order) == 0 ? take_block<kAccounts>(static_cast<Gfp>(gfp), 0, this_clock()) : 0;
}

template <bool kAccounts>
KOI_INLINE bool free_first(u64 page, u64 order) {
  const u64 number = number_of(page);
  if (static_cast<u32>(order) != 0 || number >= machine.page_count) return false;
  VcpuClock* const clock = this_clock();
  const mm::Buddy::Home* const home = machine.buddy->likely_home(number, clock->cpu);
  return home != nullptr &&
         give_block<kAccounts>(reinterpret_cast<PageMirror*>(page), number, 0, *home, clock);
}

#define KOI_PAGE_LEAVES(accounts)                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 alloc_pages_again_##accounts(u64 gfp, u64 order, u64, u64, u64, u64 index) { \
    return alloc_block_again<accounts>(gfp, order, index);                                             \
  }                                                                                                    \
  KOI_CLEAN_LEAF_TEXT u64 free_pages_again_##accounts(u64 page, u64 order, u64, u64, u64, u64 index) { \
    return free_block_again<accounts>(page, order, index);                                             \
  }                                                                                                    \
  KOI_CLEAN_LEAF_TEXT u64 alloc_pages_##accounts(u64 gfp, u64 order, u64, u64, u64, u64 index) {       \
    if (const u64 link = alloc_first<accounts>(gfp, order); link != 0) [[likely]]                      \
      return hand_out(link, gfp, 0);                                                                   \
    return alloc_pages_again_##accounts(gfp, order, 0, 0, 0, index);                                   \
  }                                                                                                    \
  KOI_CLEAN_LEAF_TEXT u64 free_pages_##accounts(u64 page, u64 order, u64, u64, u64, u64 index) {       \
    if (free_first<accounts>(page, order)) [[likely]]                                                  \
      KOI_LEAF_RETURN(0);                                                                              \
    return free_pages_again_##accounts(page, order, 0, 0, 0, index);                                   \
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
