// SPDX-License-Identifier: GPL-2.0-only
// Slab objects: from the CPU's current slab, and back to a slab.
//
// Each leaf has two parts. The first is the commonest case alone; whatever is not goes to the second, which moves slabs
// between the lists, too, and leaves through koi_leaf_slow() when that is not enough.
#include "kapi/leaf_slab.h"

namespace koi::kapi {
namespace {

using namespace leaf;

// ---- second parts ----

template <bool kAccounts, bool kClears>
KOI_INLINE u64 serve(const Cache* cache, Slab* slab, VcpuClock* clock, u64 requested, u64 gfp) {
  const u64 now_ns = pay(clock);
  const u64 slot = slab->take_slot();
  if constexpr (kAccounts) note_allocated(cache->books(), slab, slot, take_site(), requested, gfp, now_ns);
  const auto object = reinterpret_cast<u64>(slab->object(slot));
  if constexpr (kClears) {
    const u64 bytes = cache->bytes_to_clear(static_cast<Gfp>(gfp), machine.zero);
    if (bytes != 0) return koi_leaf_return_cleared(object, object, bytes);
  }
  KOI_LEAF_RETURN(object);
}

template <bool kAccounts>
KOI_INLINE u64 alloc_again(Cache* cache, u64 requested, u64 gfp, u64 a, u64 b, u64 c, u64 index) {
  VcpuClock* const clock = this_clock();
  if (is_quiet(clock, gfp) && in_time(clock) && (gfp & kWideGfp) == 0) {
    if (Slab* const slab = slab_with_object(cache, clock->cpu); slab != nullptr)
      return serve<kAccounts, true>(cache, slab, clock, requested, gfp);
  }
  return koi_leaf_slow(a, b, c, 0, 0, index);
}

// `owner`: the cache it must come from, or nullptr.
template <bool kAccounts>
KOI_INLINE u64 free_again(const Cache* owner, u64 address, u64 a, u64 b, u64 index) {
  VcpuClock* const clock = this_clock();
  Slab* const slab = slab_of(address);
  if (slab != nullptr && (owner == nullptr || slab->cache == owner) && in_time(clock)) {
    machine.last_freed_to[clock->cpu] = slab;
    const u64 slot = slab->slot_of(reinterpret_cast<const void*>(address));
    if (is_freed_quietly(slab, slot, address) && free_object<kAccounts>(slab, slot, clock->cpu)) {
      pay(clock);
      KOI_LEAF_RETURN(0);
    }
  }
  return koi_leaf_slow(a, b, 0, 0, 0, index);
}

#define KOI_SECOND_PARTS(suffix, accounts)                                                               \
  KOI_CLEAN_LEAF_TEXT u64 kmalloc_again_##suffix(u64 size, u64 gfp, u64, u64, u64, u64 index) {          \
    if (size - 1 >= mm::kKmallocMaxCacheSize || (gfp & machine.special) != 0) {                          \
      return koi_leaf_slow(size, gfp, 0, 0, 0, index);                                                   \
    }                                                                                                    \
    return alloc_again<accounts>(machine.classes[(size - 1) / 8], size, gfp, size, gfp, 0, index);       \
  }                                                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 from_cache_again_##suffix(u64 cache, u64 gfp, u64 size, u64, u64, u64 index) { \
    return alloc_again<accounts>(reinterpret_cast<Cache*>(cache), size, gfp, cache, gfp, size, index);   \
  }                                                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 cache_again_##suffix(u64 cache, u64 gfp, u64, u64, u64, u64 index) {           \
    Cache* const from = reinterpret_cast<Cache*>(cache);                                                 \
    return alloc_again<accounts>(from, from->object_size(), gfp, cache, gfp, 0, index);                  \
  }                                                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 kfree_again_##suffix(u64 address, u64, u64, u64, u64, u64 index) {             \
    return free_again<accounts>(nullptr, address, address, 0, index);                                    \
  }                                                                                                      \
  KOI_CLEAN_LEAF_TEXT u64 cache_free_again_##suffix(u64 cache, u64 address, u64, u64, u64, u64 index) {  \
    return free_again<accounts>(reinterpret_cast<const Cache*>(cache), address, cache, address, index);  \
  }
KOI_SECOND_PARTS(plain, false)
KOI_SECOND_PARTS(counted, true)
#undef KOI_SECOND_PARTS

// ---- first parts ----

// How a machine is set up: LeafVariants.
template <bool kAccountsFor, bool kClearsAll>
struct Variant {
  static constexpr bool kAccounts = kAccountsFor;
  static constexpr bool kClears = kClearsAll;
};

// The current slab, if all there is to do is to take an object from it; nullptr: not.
template <class V>
KOI_INLINE Slab* ready(const Cache* cache, const VcpuClock* clock) {
  if (!may_wait_here(clock) || !in_time(clock)) return nullptr;
  Slab* const slab = cache->current(clock->cpu);
  return slab->has_free() ? slab : nullptr;
}

template <class V>
KOI_INLINE u64 leaf_kmalloc(u64 size, u64 gfp, u64 /*third*/, u64 index) {
  const Gfp& unusual = V::kClears ? machine.special : machine.special_or_zero;
  if (size - 1 < mm::kKmallocMaxCacheSize && has_none_of(gfp, unusual)) [[likely]] {
    const Cache* const cache = machine.classes[(size - 1) / 8];
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready<V>(cache, clock); slab != nullptr) [[likely]]
      return serve<V::kAccounts, V::kClears>(cache, slab, clock, size, gfp);
  }
  return (V::kAccounts ? kmalloc_again_counted : kmalloc_again_plain)(size, gfp, 0, 0, 0, index);
}

// ready(), unless the gfp bits ask for something else.
template <class V>
KOI_INLINE Slab* ready_slab(const Cache* cache, u64 gfp, const VcpuClock* clock) {
  const bool usual = V::kClears ? (gfp & kWideGfp) == 0 : has_none_of(gfp, machine.wide_or_zero);
  return usual ? ready<V>(cache, clock) : nullptr;
}

template <class V>
KOI_INLINE u64 leaf_kmalloc_from_cache(u64 handle, u64 gfp, u64 size, u64 index) {
  const auto* const cache = reinterpret_cast<const Cache*>(handle);
  if (is_known(cache)) [[likely]] {
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready_slab<V>(cache, gfp, clock); slab != nullptr) [[likely]]
      return serve<V::kAccounts, V::kClears>(cache, slab, clock, size, gfp);
    const auto again = V::kAccounts ? from_cache_again_counted : from_cache_again_plain;
    return again(handle, gfp, size, 0, 0, index);
  }
  return koi_leaf_slow(handle, gfp, size, 0, 0, index);
}

template <class V>
KOI_INLINE u64 leaf_cache_alloc(u64 handle, u64 gfp, u64 /*third*/, u64 index) {
  const auto* const cache = reinterpret_cast<const Cache*>(handle);
  if (is_known(cache)) [[likely]] {
    VcpuClock* const clock = this_clock();
    if (Slab* const slab = ready_slab<V>(cache, gfp, clock); slab != nullptr) [[likely]]
      return serve<V::kAccounts, V::kClears>(cache, slab, clock, cache->object_size(), gfp);
    return (V::kAccounts ? cache_again_counted : cache_again_plain)(handle, gfp, 0, 0, 0, index);
  }
  return koi_leaf_slow(handle, gfp, 0, 0, 0, index);
}

template <class V>
KOI_INLINE u64 push(Slab* slab, u64 slot, VcpuClock* clock) {
  pay(clock);
  if constexpr (V::kAccounts) note_freed(slab, slot);
  slab->push_slot(slot);
  KOI_LEAF_RETURN(0);
}

// Slab::is_plain() in one instruction.
KOI_INLINE bool has_mark(const Slab* slab, u64 slot) {
  bool marked;
  asm volatile("cmpb %4, %c1(%2, %3)"
               : "=@cce"(marked)
               : "i"(sizeof(Slab)), "r"(slab), "r"(slot), "i"(Slab::kAllocated));
  return marked;
}

// Does the free only push the slot of the slab that is known beforehand?
KOI_INLINE bool is_plain_push(const Slab* slab, u64 slot, const VcpuClock* clock) {
  if (slot >= slab->easy_slots || !has_mark(slab, slot)) return false;
  if (slab->cpu != static_cast<u8>(clock->cpu)) [[unlikely]] {
    if (slab->cpu != Slab::kNoCpu || slab->count() >= slab->push_below) return false;
  }
  return in_time(clock);
}

template <class V>
KOI_INLINE u64 leaf_kfree(u64 address, u64 /*second*/, u64 /*third*/, u64 index) {
  VcpuClock* const clock = this_clock();
  Slab* const slab = likely_slab(clock);
  const u64 slot = slab->slot_of(reinterpret_cast<const void*>(address));
  if (is_plain_push(slab, slot, clock)) [[likely]]
    return push<V>(slab, slot, clock);
  return (V::kAccounts ? kfree_again_counted : kfree_again_plain)(address, 0, 0, 0, 0, index);
}

template <class V>
KOI_INLINE u64 leaf_cache_free(u64 handle, u64 address, u64 /*third*/, u64 index) {
  VcpuClock* const clock = this_clock();
  Slab* const slab = likely_slab(clock);
  if (slab->cache == reinterpret_cast<const Cache*>(handle)) [[likely]] {
    const u64 slot = slab->slot_of(reinterpret_cast<const void*>(address));
    if (is_plain_push(slab, slot, clock)) [[likely]]
      return push<V>(slab, slot, clock);
  }
  return (V::kAccounts ? cache_free_again_counted : cache_free_again_plain)(handle, address, 0, 0, 0, index);
}

// The functions themselves; a section does not stick to a template.
using Plain = Variant<false, false>;
using Clearing = Variant<false, true>;
using Counted = Variant<true, false>;
using CountedClearing = Variant<true, true>;
#define KOI_LEAF(name, variant)                                                        \
  KOI_CLEAN_LEAF_TEXT u64 name##_##variant(u64 a, u64 b, u64 c, u64, u64, u64 index) { \
    return leaf_##name<variant>(a, b, c, index);                                       \
  }
#define KOI_LEAVES(name)   \
  KOI_LEAF(name, Plain)    \
  KOI_LEAF(name, Clearing) \
  KOI_LEAF(name, Counted)  \
  KOI_LEAF(name, CountedClearing)
KOI_LEAVES(kmalloc)
KOI_LEAVES(kmalloc_from_cache)
KOI_LEAVES(cache_alloc)
KOI_LEAF(kfree, Plain)
KOI_LEAF(kfree, Counted)
KOI_LEAF(cache_free, Plain)
KOI_LEAF(cache_free, Counted)
#undef KOI_LEAVES
#undef KOI_LEAF

}  // namespace

std::span<const LeafVariants> slab_leaves() {
  using host::Leaf;
  static constexpr LeafVariants kLeaves[] = {
      {Leaf::kKmalloc, kmalloc_Plain, kmalloc_Clearing, kmalloc_Counted, kmalloc_CountedClearing},
      {Leaf::kKmallocFromCache, kmalloc_from_cache_Plain, kmalloc_from_cache_Clearing,
       kmalloc_from_cache_Counted, kmalloc_from_cache_CountedClearing},
      {Leaf::kCacheAlloc, cache_alloc_Plain, cache_alloc_Clearing, cache_alloc_Counted,
       cache_alloc_CountedClearing},
      {Leaf::kKfree, kfree_Plain, kfree_Plain, kfree_Counted, kfree_Counted},
      {Leaf::kCacheFree, cache_free_Plain, cache_free_Plain, cache_free_Counted, cache_free_Counted},
  };
  return kLeaves;
}

}  // namespace koi::kapi
