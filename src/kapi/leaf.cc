// SPDX-License-Identifier: GPL-2.0-only
// The allocators' common cases, on the module's own stack: an object from the CPU's current slab, an object back to a slab
// that moves nowhere by it, a page from or to the CPU's list.
//
// Each function first finds out whether all of the call is such a case, having changed nothing, and otherwise is left
// through slow(). This file is compiled for general registers only, without instrumentation, optimised in every build;
// tests/system/leaf.sh looks at its machine code: a few pushes, no calls.
#include <array>
#include <cstddef>

#include "host/address_map.h"
#include "host/crossing.h"
#include "kapi/leaf.h"
#include "runtime/accounting.h"
#include "runtime/lock_checks.h"
#include "runtime/memory.h"

extern "C" {
koi::u64 koi_leaf_return(koi::u64 result);
koi::u64 koi_leaf_return_cleared(koi::u64 result, koi::u64 address, koi::u64 bytes);
koi::u64 koi_leaf_slow(koi::u64, koi::u64, koi::u64, koi::u64, koi::u64, koi::u64 index);
}

namespace koi::kapi {
namespace {

using host::VcpuClock;
using mm::Cache;
using mm::Gfp;
using mm::Slab;

#define KOI_INLINE [[gnu::always_inline]] inline

constexpr u64 kClasses = mm::kKmallocMaxCacheSize / 8 + 1;

// What the leaves look at, copied from the machine when they are installed.
struct Hot {
  u64 first_page;
  u64 page_count;
  mm::PageDesc* pages;
  mm::Buddy* buddy;
  mm::SlabAllocator* slabs;
  const Cache* const* known;
  Gfp special;  // other than the normal kmalloc caches
  Gfp zero;
  bool clears_pages;  // init_on_alloc
  observe::SiteCounters* const* counters;
  runtime::MemoryFacts facts;
  // What the checks have a word in: allocations that may wait, and frees of memory with locks, timers or works in it.
  Gfp watched;           // __GFP_DIRECT_RECLAIM, or 0 without checks
  u64 preempt_count_at;  // in the per-CPU area
  u64 current_task_at;
  u64 rcu_nesting_at;  // in task_struct
  const u32* frees_matter;
  const u8* lock_pages;
  std::array<Cache*, kClasses> classes;  // of the normal kmalloc caches, by (size + 7) / 8
  std::array<Slab*, mm::kMaxCpus> last_freed_to;
};
Hot g_hot;

KOI_INLINE VcpuClock* this_clock() {
  VcpuClock* clock;
  asm volatile("mov %%gs:%c1, %0" : "=r"(clock) : "i"(offsetof(host::GsArea, clock)));
  return clock;
}

KOI_INLINE u64 take_site() {
  u32 site;
  asm volatile("mov %%gs:%c1, %0\n\tmovl $0, %%gs:%c1" : "=&r"(site) : "i"(offsetof(host::GsArea, site)));
  return site;
}

KOI_INLINE bool may_wait_here() {
  u64 interrupt_flag;
  u32 count;
  u64 task;
  asm volatile("mov %%gs:%c1, %0" : "=r"(interrupt_flag) : "i"(offsetof(host::GsArea, interrupt_flag)));
  asm volatile("movl %%gs:(%1), %0" : "=r"(count) : "r"(g_hot.preempt_count_at));
  asm volatile("mov %%gs:(%1), %0" : "=r"(task) : "r"(g_hot.current_task_at));
  constexpr u32 kPreemptAndSoftirq = 0xffff;
  const s32 nesting = *reinterpret_cast<const s32*>(task + g_hot.rcu_nesting_at);
  return interrupt_flag != 0 && (count & kPreemptAndSoftirq) == 0 && nesting <= 0;
}

// Nothing that the checks would have to say about this allocation.
KOI_INLINE bool is_quiet(Gfp gfp) { return (gfp & g_hot.watched) == 0 || may_wait_here(); }

// The same about giving this memory back.
KOI_INLINE bool is_quiet_free(u64 address, const Cache& cache) {
  const auto has_lock = [](u64 at) {
    return g_hot.lock_pages[(at >> mm::kPageShift) % runtime::LockChecks::kPageSlots] != 0;
  };
  return *g_hot.frees_matter == 0 && !has_lock(address) && !has_lock(address + cache.object_size() - 1);
}

// The call's cost is paid when it is certain that it is served here.
KOI_INLINE void pay(VcpuClock* clock) {
  clock->now_ns += host::kCrossingCost;
  ++clock->crossings;
}

KOI_INLINE bool is_known(const Cache* cache) {
  return cache != nullptr &&
         g_hot.known[reinterpret_cast<u64>(cache) >> 6 & (runtime::KnownCaches::kSlots - 1)] == cache;
}

// The CPU's current slab, if an object can come from there with nothing else to do; nullptr: not.
KOI_INLINE Slab* ready(const Cache* cache, const VcpuClock* clock, u64 gfp) {
  Slab* const slab = cache->current(clock->cpu);
  return is_quiet(static_cast<Gfp>(gfp)) && clock->now_ns + host::kCrossingCost < clock->deadline_ns &&
                 slab->count != 0
             ? slab
             : nullptr;
}

// Requires: ready() gave the slab. Returns to the module.
template <bool kAccounts>
KOI_INLINE u64 serve(const Cache* cache, Slab* slab, VcpuClock* clock, u64 requested, Gfp gfp) {
  pay(clock);
  const u64 slot = slab->take_slot();
  if constexpr (kAccounts) {
    const u64 site = take_site();
    observe::PackedOrigin& origin = slab->origins()[cache->object_number(slot)];
    origin = observe::PackedOrigin::pack({static_cast<u32>(site), gfp, requested, clock->now_ns});
    const u64 actual = cache->geometry().size;
    (*g_hot.counters)[site].allocated(requested < observe::PackedOrigin::kWhole ? requested : actual, actual);
  }
  const auto object = reinterpret_cast<u64>(slab->object(slot));
  const u64 bytes = cache->bytes_to_clear(gfp, g_hot.zero);
  return bytes == 0 ? koi_leaf_return(object) : koi_leaf_return_cleared(object, object, bytes);
}

// The slot that `address` is freed from, if all there is to do is to push it; kNoSlot: not.
constexpr u64 kNoSlot = ~u64{0};
KOI_INLINE u64 slot_to_push(const Slab* slab, u64 address, const VcpuClock* clock) {
  const u64 slot = slab->slot_of(reinterpret_cast<const void*>(address));
  if (slot >= slab->slots || !slab->is_live(slot) || !is_quiet_free(address, *slab->cache)) return kNoSlot;
  if (slab->cpu != clock->cpu && slab->count >= slab->push_below) return kNoSlot;
  return clock->now_ns + host::kCrossingCost < clock->deadline_ns ? slot : kNoSlot;
}

// Requires: slot_to_push() gave the slot. Returns to the module.
template <bool kAccounts>
KOI_INLINE u64 push(Slab* slab, u64 slot, VcpuClock* clock) {
  pay(clock);
  if constexpr (kAccounts) {
    const Cache& cache = *slab->cache;
    const observe::PackedOrigin origin = slab->origins()[cache.object_number(slot)];
    const u64 actual = cache.geometry().size;
    (*g_hot.counters)[origin.site()].freed(origin.requested(actual), actual);
  }
  slab->push_slot(slot);
  return koi_leaf_return(0);
}

// The slab an address lies in; nullptr: none. Most frees go where the last one went: the guess, which the compiler must
// not know to be the same, spares the processor waiting for the look-up.
KOI_INLINE Slab* slab_of(u64 address, const VcpuClock* clock) {
  const u64 page = (address - g_hot.first_page) >> mm::kPageShift;
  if (page >= g_hot.page_count) return nullptr;
  auto* const slab = static_cast<Slab*>(g_hot.pages[page].owner);
  Slab* guess = g_hot.last_freed_to[clock->cpu];
  if (slab == guess) [[likely]] {
    asm("" : "+r"(guess));
    return guess;
  }
  return g_hot.last_freed_to[clock->cpu] = slab;
}

// Second tries, which move slabs between the lists; what they cannot do crosses the border.
template <bool kAccounts>
KOI_INLINE u64 refill_and_serve(const Cache* cache, u64 requested, Gfp gfp, u64 a, u64 b, u64 c, u64 index) {
  VcpuClock* const clock = this_clock();
  if (is_quiet(gfp) && clock->now_ns + host::kCrossingCost < clock->deadline_ns &&
      g_hot.slabs->refill_from_chain(const_cast<Cache*>(cache), clock->cpu)) {
    return serve<kAccounts>(cache, cache->current(clock->cpu), clock, requested, gfp);
  }
  return koi_leaf_slow(a, b, c, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 free_first(Slab* slab, u64 address, u64 a, u64 b, u64 index) {
  VcpuClock* const clock = this_clock();
  const u64 slot = slab->slot_of(reinterpret_cast<const void*>(address));
  if (slot < slab->slots && slab->is_live(slot) && is_quiet_free(address, *slab->cache) &&
      clock->now_ns + host::kCrossingCost < clock->deadline_ns) {
    const Cache& cache = *slab->cache;
    const u32 number = cache.object_number(slot);
    if (mm::SlabAllocator::free_first_of(slab, slot, clock->cpu)) {
      pay(clock);
      if constexpr (kAccounts) {
        const observe::PackedOrigin origin = slab->origins()[number];
        const u64 actual = cache.geometry().size;
        (*g_hot.counters)[origin.site()].freed(origin.requested(actual), actual);
      }
      return koi_leaf_return(0);
    }
  }
  return koi_leaf_slow(a, b, 0, 0, 0, index);
}

#define KOI_LEAF_TEXT [[gnu::section("koi_leaf_text"), gnu::noinline]]
#define KOI_SECOND_TRIES(suffix, accounts)                                                                \
  KOI_LEAF_TEXT u64 again_kmalloc_##suffix(u64 size, u64 gfp, u64 cache, u64, u64, u64 index) {           \
    return refill_and_serve<accounts>(reinterpret_cast<const Cache*>(cache), size, static_cast<Gfp>(gfp), \
                                      size, gfp, 0, index);                                               \
  }                                                                                                       \
  KOI_LEAF_TEXT u64 again_from_cache_##suffix(u64 cache, u64 gfp, u64 size, u64, u64, u64 index) {        \
    return refill_and_serve<accounts>(reinterpret_cast<const Cache*>(cache), size, static_cast<Gfp>(gfp), \
                                      cache, gfp, size, index);                                           \
  }                                                                                                       \
  KOI_LEAF_TEXT u64 again_kfree_##suffix(u64 address, u64 slab, u64, u64, u64, u64 index) {               \
    return free_first<accounts>(reinterpret_cast<Slab*>(slab), address, address, 0, index);               \
  }                                                                                                       \
  KOI_LEAF_TEXT u64 again_cache_free_##suffix(u64 cache, u64 address, u64 slab, u64, u64, u64 index) {    \
    return free_first<accounts>(reinterpret_cast<Slab*>(slab), address, cache, address, index);           \
  }
KOI_SECOND_TRIES(plain, false)
KOI_SECOND_TRIES(counted, true)
#undef KOI_SECOND_TRIES

template <bool kAccounts>
KOI_INLINE u64 leaf_kmalloc(u64 size, u64 gfp, u64 /*third*/, u64 index) {
  if (size - 1 < mm::kKmallocMaxCacheSize && (gfp & g_hot.special) == 0) [[likely]] {
    const Cache* const cache = g_hot.classes[(size + 7) / 8];
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready(cache, clock, gfp); slab != nullptr) [[likely]] {
      return serve<kAccounts>(cache, slab, clock, size, static_cast<Gfp>(gfp));
    }
    return (kAccounts ? again_kmalloc_counted : again_kmalloc_plain)(size, gfp, reinterpret_cast<u64>(cache),
                                                                     0, 0, index);
  }
  return koi_leaf_slow(size, gfp, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_kmalloc_from_cache(u64 handle, u64 gfp, u64 size, u64 index) {
  const auto* const cache = reinterpret_cast<const Cache*>(handle);
  if (is_known(cache)) [[likely]] {
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready(cache, clock, gfp); slab != nullptr) [[likely]] {
      return serve<kAccounts>(cache, slab, clock, size, static_cast<Gfp>(gfp));
    }
    return (kAccounts ? again_from_cache_counted : again_from_cache_plain)(handle, gfp, size, 0, 0, index);
  }
  return koi_leaf_slow(handle, gfp, size, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_cache_alloc(u64 handle, u64 gfp, u64 /*third*/, u64 index) {
  const auto* const cache = reinterpret_cast<const Cache*>(handle);
  if (is_known(cache)) [[likely]] {
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready(cache, clock, gfp); slab != nullptr) [[likely]] {
      return serve<kAccounts>(cache, slab, clock, cache->object_size(), static_cast<Gfp>(gfp));
    }
    return (kAccounts ? again_from_cache_counted : again_from_cache_plain)(handle, gfp, cache->object_size(),
                                                                           0, 0, index);
  }
  return koi_leaf_slow(handle, gfp, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_kfree(u64 address, u64 /*second*/, u64 /*third*/, u64 index) {
  VcpuClock* const clock = this_clock();
  if (Slab* const slab = slab_of(address, clock); slab != nullptr) [[likely]] {
    if (const u64 slot = slot_to_push(slab, address, clock); slot != kNoSlot) [[likely]] {
      return push<kAccounts>(slab, slot, clock);
    }
    return (kAccounts ? again_kfree_counted : again_kfree_plain)(address, reinterpret_cast<u64>(slab), 0, 0,
                                                                 0, index);
  }
  return koi_leaf_slow(address, 0, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_cache_free(u64 handle, u64 address, u64 /*third*/, u64 index) {
  VcpuClock* const clock = this_clock();
  Slab* const slab = slab_of(address, clock);
  if (slab != nullptr && slab->cache == reinterpret_cast<const Cache*>(handle)) [[likely]] {
    if (const u64 slot = slot_to_push(slab, address, clock); slot != kNoSlot) [[likely]] {
      return push<kAccounts>(slab, slot, clock);
    }
    return (kAccounts ? again_cache_free_counted : again_cache_free_plain)(
        handle, address, reinterpret_cast<u64>(slab), 0, 0, index);
  }
  return koi_leaf_slow(handle, address, 0, 0, 0, index);
}

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
  *reinterpret_cast<s64*>(g_hot.facts.free_counter) += pages;
  *reinterpret_cast<s64*>(g_hot.facts.zone_free_counters[static_cast<u32>(zone)]) += pages;
}

template <bool kAccounts>
KOI_INLINE u64 leaf_alloc_pages(u64 gfp_word, u64 order, u64 /*third*/, u64 index) {
  const auto gfp = static_cast<Gfp>(gfp_word);
  VcpuClock* const clock = this_clock();
  const u64 now_ns = clock->now_ns + host::kCrossingCost;
  if (static_cast<u32>(order) == 0 && now_ns < clock->deadline_ns) [[likely]] {
    if (mm::PageDesc* const desc = g_hot.buddy->alloc_page_quietly(gfp, clock->cpu); desc != nullptr)
        [[likely]] {
      pay(clock);
      const Pfn pfn{static_cast<u64>(desc - g_hot.pages) + g_hot.buddy->first_pfn()};
      const mm::Zone zone = mm::Buddy::zone_of(pfn);
      auto* const page = reinterpret_cast<PageMirror*>(host::kVmemmap + pfn.value * host::kStructPageSize);
      count_free(zone, -1);
      page->flags = g_hot.facts.page_flags[static_cast<u32>(zone)];
      page->lru[0] = page->lru[1] = page->mapping = page->private_data = 0;
      page->map_count = -1;
      page->reference_count = 1;
      if constexpr (kAccounts) {
        const u64 site = take_site();
        desc->set_origin({static_cast<u32>(site), gfp, mm::kPageSize, now_ns});
        (*g_hot.counters)[site].allocated(mm::kPageSize, mm::kPageSize);
      }
      const auto result = reinterpret_cast<u64>(page);
      if (!g_hot.clears_pages && (gfp & g_hot.zero) == 0) return koi_leaf_return(result);
      return koi_leaf_return_cleared(result, host::kDirectMap + (pfn.value << mm::kPageShift), mm::kPageSize);
    }
  }
  return koi_leaf_slow(gfp_word, order, 0, 0, 0, index);
}

template <bool kAccounts>
KOI_INLINE u64 leaf_free_pages(u64 address, u64 order, u64 /*third*/, u64 index) {
  VcpuClock* const clock = this_clock();
  const u64 now_ns = clock->now_ns + host::kCrossingCost;
  const u64 offset = address - host::kVmemmap - g_hot.buddy->first_pfn() * host::kStructPageSize;
  const u64 number = offset / host::kStructPageSize;
  if (static_cast<u32>(order) == 0 && now_ns < clock->deadline_ns && number < g_hot.page_count &&
      offset % host::kStructPageSize == 0) [[likely]] {
    mm::PageDesc& desc = g_hot.pages[number];
    auto* const page = reinterpret_cast<PageMirror*>(address);
    if (desc.state == mm::PageState::kAllocated && desc.order == 0 && page->reference_count == 1) [[likely]] {
      const observe::ObjectOrigin origin = desc.origin();
      const bool counted = desc.has_origin();
      if (g_hot.buddy->free_page_quietly(desc, clock->cpu)) [[likely]] {
        pay(clock);
        if constexpr (kAccounts) {
          if (counted) (*g_hot.counters)[origin.site].freed(origin.requested, mm::kPageSize);
        }
        const mm::Zone zone = mm::Buddy::zone_of(Pfn{number + g_hot.buddy->first_pfn()});
        count_free(zone, 1);
        page->flags = g_hot.facts.page_flags[static_cast<u32>(zone)];
        page->lru[0] = page->mapping = 0;
        page->map_count = -1;
        page->reference_count = 0;
        return koi_leaf_return(0);
      }
    }
  }
  return koi_leaf_slow(address, order, 0, 0, 0, index);
}

// The functions themselves; a section does not stick to a template.
#define KOI_LEAF(name)                                                         \
  KOI_LEAF_TEXT u64 name##_plain(u64 a, u64 b, u64 c, u64, u64, u64 index) {   \
    return leaf_##name<false>(a, b, c, index);                                 \
  }                                                                            \
  KOI_LEAF_TEXT u64 name##_counted(u64 a, u64 b, u64 c, u64, u64, u64 index) { \
    return leaf_##name<true>(a, b, c, index);                                  \
  }
KOI_LEAF(kmalloc)
KOI_LEAF(kmalloc_from_cache)
KOI_LEAF(kfree)
KOI_LEAF(cache_alloc)
KOI_LEAF(cache_free)
KOI_LEAF(alloc_pages)
KOI_LEAF(free_pages)
#undef KOI_LEAF

using LeafFunction = u64 (*)(u64, u64, u64, u64, u64, u64);
struct LeafEntry {
  host::Leaf leaf;
  LeafFunction plain;    // accounting off
  LeafFunction counted;  // accounting on
};
constexpr LeafEntry kLeaves[] = {
    {host::Leaf::kKmalloc, kmalloc_plain, kmalloc_counted},
    {host::Leaf::kKmallocFromCache, kmalloc_from_cache_plain, kmalloc_from_cache_counted},
    {host::Leaf::kKfree, kfree_plain, kfree_counted},
    {host::Leaf::kCacheAlloc, cache_alloc_plain, cache_alloc_counted},
    {host::Leaf::kCacheFree, cache_free_plain, cache_free_counted},
    {host::Leaf::kAllocPages, alloc_pages_plain, alloc_pages_counted},
    {host::Leaf::kFreePages, free_pages_plain, free_pages_counted},
};

}  // namespace

void install_leaves(runtime::Kernel& kernel) {
  runtime::Memory& m = kernel.memory();
  mm::Buddy& pages = m.pages();
  Hot& hot = g_hot;
  hot = {};
  hot.first_page = host::kDirectMap + (pages.first_pfn() << mm::kPageShift);
  hot.page_count = pages.end_pfn() - pages.first_pfn();
  hot.pages = &pages.desc(Pfn{pages.first_pfn()});
  hot.buddy = &pages;
  hot.slabs = &m.slabs();
  hot.known = m.known_caches().slots();
  hot.special = m.kmalloc().special_gfp();
  hot.zero = pages.gfp().zero;
  hot.clears_pages = m.slabs().config().init_on_alloc;
  hot.counters = m.accounting().sites().counters_place();
  hot.facts = m.facts();
  hot.watched = kernel.config().checks == runtime::Checks::kAll ? pages.gfp().direct_reclaim : 0;
  const u64 area = kernel.world().percpu_area(VcpuId{0});
  hot.preempt_count_at = reinterpret_cast<u64>(&kernel.preempt_count(VcpuId{0})) - area;
  hot.current_task_at = kernel.core().address_of(kernel.is_6_12() ? "pcpu_hot" : "current_task");
  hot.rcu_nesting_at = kernel.task_rcu_offset();
  hot.frees_matter = reinterpret_cast<const u32*>(kernel.core().address_of("koi_frees_matter"));
  hot.lock_pages = kernel.locks().pages_place();
  for (u64 i = 1; i < kClasses; ++i) {
    hot.classes[i] = m.kmalloc().cache(mm::KmallocType::kNormal, mm::Kmalloc::index(i * 8));
  }
  const bool accounts = m.accounting().enabled();
  const bool on =
      m.accounting().recorder() == nullptr && !kernel.config().no_leaves && kernel.guard() == nullptr;
  const bool same_page = hot.facts.page_refcount == offsetof(PageMirror, reference_count) &&
                         hot.facts.page_mapcount == offsetof(PageMirror, map_count);
  host::StubArea& stubs = kernel.stubs();
  stubs.open();
  for (const LeafEntry& entry : kLeaves) {
    const bool is_page = entry.leaf == host::Leaf::kAllocPages || entry.leaf == host::Leaf::kFreePages;
    const bool random_copy = entry.leaf == host::Leaf::kKmalloc && hot.facts.random_kmalloc_caches != 0;
    const bool usable = on && (!is_page || same_page) && !random_copy;
    const LeafFunction function = accounts ? entry.counted : entry.plain;
    stubs.set_leaf(entry.leaf, usable ? reinterpret_cast<const void*>(function) : host::leaf_off());
  }
  stubs.seal();
}

}  // namespace koi::kapi
