// SPDX-License-Identifier: GPL-2.0-only
// What the leaf functions for single objects and for many share.
#pragma once

#include "kapi/leaf_machine.h"

namespace koi::kapi::leaf {

KOI_INLINE bool is_known(const Cache* cache) {
  return cache != nullptr &&
         machine.known[reinterpret_cast<u64>(cache) >> 6 & (runtime::KnownCaches::kSlots - 1)] == cache;
}

// PackedOrigin::pack(). Requires: gfp has none of kWideGfp.
KOI_INLINE void store_origin(Slab* slab, u32 number, u64 site, u64 requested, u64 gfp, u64 now_ns) {
  using observe::PackedOrigin;
  const u64 kept = requested < PackedOrigin::kWhole ? requested : PackedOrigin::kWhole;
  const u64 what =
      site | u64{static_cast<Gfp>(gfp)} << PackedOrigin::kGfpShift | kept << PackedOrigin::kRequestedShift;
  slab->set_origin(number, {what, now_ns});
}
// PackedOrigin::what alone.
KOI_INLINE u64 origin_word(Cache::Books books, Slab* slab, u64 slot) {
  return slab->origin_words()[books.object_number(slot)];
}
// So many objects of the same kind.
KOI_INLINE void count_allocated(Cache::Books books, u64 site, u64 requested, u64 count) {
  using observe::PackedOrigin;
  const u64 actual = books.size();
  observe::SiteCounters& counters = counters_of(site);
  if (requested < PackedOrigin::kWhole) [[likely]]
    counters.allocated_small(requested, actual, count);
  else
    counters.allocated(actual, actual, count);
}
KOI_INLINE void note_allocated(Cache::Books books, Slab* slab, u64 slot, u64 site, u64 requested, u64 gfp,
                               u64 now_ns) {
  store_origin(slab, books.object_number(slot), site, requested, gfp, now_ns);
  count_allocated(books, site, requested, 1);
}
KOI_INLINE void note_freed(Slab* slab, u64 slot) {
  const Cache::Books books = slab->cache->books();
  const u64 what = origin_word(books, slab, slot);
  const u64 requested = what >> observe::PackedOrigin::kRequestedShift;
  observe::SiteCounters& counters = counters_of(what & (observe::kMaxSites - 1));
  if (requested < observe::PackedOrigin::kWhole) [[likely]]
    counters.freed_small(requested, books.size());
  else
    counters.freed(books.size(), books.size());
}

// The current slab with an object in it; nullptr: the lists cannot provide one.
KOI_INLINE Slab* slab_with_object(Cache* cache, u64 cpu) {
  Slab* const slab = cache->current(cpu);
  if (slab->has_free()) return slab;
  return machine.slabs->refill(cache, cpu) ? cache->current(cpu) : nullptr;
}

// Where an address lies in a slab that is freed to without a closer look; at least easy_slots: it does not. Most frees go
// where the last one did, which spares the look-up: what `slab` is, is known beforehand.
KOI_INLINE Slab* likely_slab(const VcpuClock* clock) { return machine.last_freed_to[clock->cpu]; }
KOI_INLINE Slab* slab_of(u64 address) {
  const u64 page = (address - machine.first_page) >> mm::kPageShift;
  return page < machine.page_count ? machine.slab_pages[page] : nullptr;
}

KOI_INLINE bool may_hold_locks(u64 address) {
  return machine.lock_pages[(address >> mm::kPageShift) % runtime::LockChecks::kPageSlots] != 0;
}

// Is the slot an allocated object's, about whose going nobody has anything to say?
KOI_INLINE bool is_freed_quietly(const Slab* slab, u64 slot, u64 address) {
  if (slot < slab->easy_slots) return slab->is_plain(slot);
  return slab->watched && slot < slab->slots() && slab->is_plain(slot) && !slab->cache->is_debug() &&
         !may_hold_locks(address) && !may_hold_locks(address + slab->cache->object_size() - 1);
}

// Would a free move the slab nowhere? Which kind of slab it is nobody can foretell: one branch for all of them.
KOI_INLINE bool is_only_pushed(const Slab* slab, u64 cpu) {
  const u32 not_foreign =
      static_cast<u32>(slab->cpu == static_cast<u8>(cpu)) | static_cast<u32>(slab->cpu == Slab::kNoCpu);
  return (not_foreign & static_cast<u32>(slab->count() < slab->push_below)) != 0;
}

// Frees an object; false: it takes more than moving slabs between the lists, and nothing changed.
template <bool kAccounts>
KOI_INLINE bool free_object(Slab* slab, u64 slot, u64 cpu) {
  const bool only_pushed = is_only_pushed(slab, cpu);
  if (!only_pushed && !machine.slabs->takes_first_free(slab, cpu)) return false;
  if constexpr (kAccounts) note_freed(slab, slot);
  slab->push_slot(slot);
  if (!only_pushed) mm::SlabAllocator::chain_full(slab, cpu);
  return true;
}

}  // namespace koi::kapi::leaf
