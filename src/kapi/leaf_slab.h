// SPDX-License-Identifier: GPL-2.0-only
// What the leaf functions for single objects and for many share.
#pragma once

#include "kapi/leaf_machine.h"

namespace koi::kapi::leaf {

KOI_INLINE bool is_known(const Cache* cache) {
  return cache != nullptr &&
         machine.known[reinterpret_cast<u64>(cache) >> 6 & (runtime::KnownCaches::kSlots - 1)] == cache;
}

KOI_INLINE void note_origin(const Cache& cache, Slab* slab, u64 slot, u64 site, u64 requested, u64 gfp,
                            u64 now_ns) {
  slab->origins()[cache.object_number(slot)] = observe::PackedOrigin::pack(
      {static_cast<observe::SiteNumber>(site), static_cast<Gfp>(gfp), requested, now_ns});
}
// So many objects of the same kind.
KOI_INLINE void count_allocated(const Cache& cache, u64 site, u64 requested, u64 count) {
  const u64 actual = cache.geometry().size;
  const u64 kept = requested < observe::PackedOrigin::kWhole ? requested : actual;
  observe::SiteCounters& counters = counters_of(site);
  counters.calls += count - 1;
  counters.allocated(kept * count, actual * count);
}

KOI_INLINE void note_allocated(const Cache& cache, Slab* slab, u64 slot, u64 site, u64 requested, u64 gfp,
                               u64 now_ns) {
  note_origin(cache, slab, slot, site, requested, gfp, now_ns);
  count_allocated(cache, site, requested, 1);
}

KOI_INLINE void note_freed(const Slab* slab, u64 slot) {
  const Cache& cache = *slab->cache;
  const observe::PackedOrigin origin = const_cast<Slab*>(slab)->origins()[cache.object_number(slot)];
  const u64 actual = cache.geometry().size;
  counters_of(origin.site()).freed(origin.requested(actual), actual);
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
  if (slot < slab->easy_slots) return slab->is_live(slot);
  return slab->watched && slot < slab->slots() && slab->is_live(slot) && !slab->cache->is_debug() &&
         !may_hold_locks(address) && !may_hold_locks(address + slab->cache->object_size() - 1);
}

// Would a free move the slab nowhere? Which kind of slab it is nobody can foretell: one branch for all of them.
KOI_INLINE bool is_only_pushed(const Slab* slab, u64 cpu) {
  const u32 not_foreign = static_cast<u32>(slab->cpu == cpu) | static_cast<u32>(slab->cpu == Slab::kNoCpu);
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
