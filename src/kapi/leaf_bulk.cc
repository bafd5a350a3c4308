// SPDX-License-Identifier: GPL-2.0-only
// Many slab objects at once: from the CPU's current slab and its chain, and back to slabs that move nowhere by it. All or
// nothing is served here.
#include "host/fault_range.h"
#include "kapi/leaf_slab.h"

namespace koi::kapi {
namespace {

using namespace leaf;

// So many pointers lie in two pages at most.
constexpr u64 kMostObjects = 64;

enum class Access { kRead, kWrite };

// Is the module's array there? Nothing of it changes.
template <Access kAccess>
KOI_INLINE bool is_there(const u64* objects, u64 count) {
  for (const u64* word : {objects, objects + (count - 1)}) {
    if constexpr (kAccess == Access::kWrite) {
      asm goto("1: mov (%0), %%rax\n\tmov %%rax, (%0)\n2:\n\t" KOI_EX_RANGE("1b", "2b", "%l[missing]")
               :
               : "r"(word)
               : "rax", "memory"
               : missing);
    } else {
      asm goto("1: mov (%0), %%rax\n2:\n\t" KOI_EX_RANGE("1b", "2b", "%l[missing]")
               :
               : "r"(word)
               : "rax", "memory"
               : missing);
    }
  }
  return true;
missing:
  return false;
}

// Can the current slab and the chain give so many?
KOI_INLINE bool has_objects(const Cache* cache, u64 cpu, u64 count) {
  const Slab* const current = cache->current(cpu);
  u64 found = current->count();
  if (found >= count) return true;
  if (current->remote != 0) return false;  // they come before the chain
  for (const Slab* slab = cache->chain(cpu); slab != nullptr && found < count; slab = slab->next)
    found += slab->count();
  return found >= count;
}

template <bool kAccounts>
KOI_INLINE u64 leaf_alloc_bulk(u64 handle, u64 gfp, u64 count, u64 array, u64 index) {
  auto* const cache = reinterpret_cast<Cache*>(handle);
  auto* const objects = reinterpret_cast<u64*>(array);
  VcpuClock* const clock = this_clock();
  const u64 cpu = clock->cpu;
  if (is_known(cache) && count - 1 < kMostObjects && is_quiet(clock, gfp) && in_time(clock) &&
      cache->bytes_to_clear(static_cast<Gfp>(gfp), machine.zero) == 0 && !cache->is_debug() &&
      (gfp & kWideGfp) == 0 && has_objects(cache, cpu, count) && is_there<Access::kWrite>(objects, count))
      [[likely]] {
    const u64 now_ns = pay(clock);
    const u64 site = kAccounts ? take_site() : 0;
    for (u64 i = 0; i < count; ++i) {
      Slab* const slab = slab_with_object(cache, cpu);
      const u64 slot = slab->take_slot();
      if constexpr (kAccounts)
        store_origin(slab, cache->object_number(slot), site, cache->object_size(), gfp, now_ns);
      objects[i] = reinterpret_cast<u64>(slab->object(slot));
    }
    if constexpr (kAccounts) count_allocated(cache->books(), site, cache->object_size(), count);
    KOI_LEAF_RETURN(count);
  }
  return koi_leaf_slow(handle, gfp, count, array, 0, index);
}

struct Found {
  Slab* slab;
  u64 slot;
};
// Where an object lies, given where its neighbour lay.
KOI_INLINE Found find(u64 object, Slab* guess) {
  const void* const p = reinterpret_cast<const void*>(object);
  const u64 slot = guess->slot_of(p);
  if (slot < guess->easy_slots) [[likely]]
    return {guess, slot};
  Slab* const slab = slab_of(object);
  return {slab, slab == nullptr ? 0 : slab->slot_of(p)};
}

// May `slab` take so many objects and stay where it is?
KOI_INLINE bool is_pushed(const Slab* slab, u64 slot, const Cache* owner, u64 cpu, u64 count) {
  return slab != nullptr && slot < slab->easy_slots && slab->is_plain(slot) &&
         (owner == nullptr || slab->cache == owner) &&
         (slab->cpu == cpu || (slab->cpu == Slab::kNoCpu && slab->count() + count < slab->push_below));
}

// Objects of one site that were freed, before they are counted.
struct Freed {
  u64 site = 0;
  u64 objects = 0;
  u64 requested = 0;
  u64 actual = 0;

  // One more; false: it is another site's.
  KOI_INLINE bool add(Slab* slab, u64 slot) {
    const Cache::Books books = slab->cache->books();
    const observe::PackedOrigin origin{origin_word(books, slab, slot), 0};
    if (objects == 0) site = origin.site();
    if (origin.site() != site) return false;
    ++objects;
    requested += origin.requested(books.size());
    actual += books.size();
    return true;
  }
  KOI_INLINE void count() const {
    observe::SiteCounters& counters = counters_of(site);
    counters.freed_objects += objects;
    counters.freed_requested += requested;
    counters.freed_actual += actual;
  }
};

// Pushes objects from the last, as the kernel does; returns how many it did not get to: the next one needs more than that.
template <bool kAccounts>
KOI_INLINE u64 push_all(const u64* objects, u64 count, const Cache* owner, u64 cpu, Freed& freed) {
  Slab* guess = machine.last_freed_to[cpu];
  for (u64 left = count; left > 0; --left) {
    const auto [slab, slot] = find(objects[left - 1], guess);
    if (!is_pushed(slab, slot, owner, cpu, count)) [[unlikely]]
      return left;
    if constexpr (kAccounts) {
      if (!freed.add(slab, slot)) [[unlikely]]
        return left;
    }
    slab->push_slot(slot);
    guess = slab;
  }
  machine.last_freed_to[cpu] = guess;
  return 0;
}

// The stacks become what they were before objects[left] to objects[count - 1] were pushed, and the marks.
KOI_INLINE void take_back(const u64* objects, u64 left, u64 count) {
  for (u64 i = left; i < count; ++i) static_cast<void>(slab_of(objects[i])->take_slot());
}

template <bool kAccounts>
KOI_INLINE u64 leaf_free_bulk(u64 handle, u64 count, u64 array, u64 index) {
  const auto* const owner = reinterpret_cast<const Cache*>(handle);
  const auto* const objects = reinterpret_cast<const u64*>(array);
  VcpuClock* const clock = this_clock();
  if (count - 1 < kMostObjects && in_time(clock) && (owner == nullptr || is_known(owner)) &&
      is_there<Access::kRead>(objects, count)) [[likely]] {
    Freed freed;
    const u64 left = push_all<kAccounts>(objects, count, owner, clock->cpu, freed);
    if (left == 0) [[likely]] {
      pay(clock);
      if constexpr (kAccounts) freed.count();
      KOI_LEAF_RETURN(0);
    }
    take_back(objects, left, count);
  }
  return koi_leaf_slow(handle, count, array, 0, 0, index);
}

#define KOI_BULK_LEAVES(suffix, accounts)                                                                 \
  KOI_CLEAN_LEAF_TEXT u64 alloc_bulk_##suffix(u64 cache, u64 gfp, u64 count, u64 array, u64, u64 index) { \
    return leaf_alloc_bulk<accounts>(cache, gfp, count, array, index);                                    \
  }                                                                                                       \
  KOI_CLEAN_LEAF_TEXT u64 free_bulk_##suffix(u64 cache, u64 count, u64 array, u64, u64, u64 index) {      \
    return leaf_free_bulk<accounts>(cache, count, array, index);                                          \
  }
KOI_BULK_LEAVES(plain, false)
KOI_BULK_LEAVES(counted, true)
#undef KOI_BULK_LEAVES

}  // namespace

std::span<const LeafVariants> bulk_leaves() {
  static constexpr LeafVariants kLeaves[] = {
      {host::Leaf::kBulkAlloc, alloc_bulk_plain, alloc_bulk_plain, alloc_bulk_counted, alloc_bulk_counted},
      {host::Leaf::kBulkFree, free_bulk_plain, free_bulk_plain, free_bulk_counted, free_bulk_counted},
  };
  return kLeaves;
}

}  // namespace koi::kapi
