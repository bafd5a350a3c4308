// SPDX-License-Identifier: GPL-2.0-only
// Caches with debug flags: each object is checked, marked and tracked. They have no current slabs, so nothing of this is on
// the fast path. Follows alloc_debug_processing() and free_debug_processing() of 6.1 and 6.12.
#include <algorithm>

#include "engine/mm/nobodys_object.h"
#include "engine/mm/slab.h"

namespace koi::mm {
namespace {

void take_out_of_use(Slab* slab, u64 slot) {
  slab->live()[slot] = Slab::kAllocated;
  if (slab->origins_at != 0) slab->set_origin(slab->cache->object_number(slot), kNobodysOrigin);
}

}  // namespace

void SlabAllocator::tell(Slab* slab, u8* object, SlabDebugEvent what, u64 value) {
  if (config_.events != nullptr) config_.events->slab_debug(*slab->cache, *slab, object, what, value);
}

// Reports and mends damage. `object` is what is being allocated or freed.
bool SlabAllocator::is_sound(Slab* slab, u8* object, ObjectUse use) {
  const Cache* cache = slab->cache;
  const SlabDebug debug(config_.release, cache->geometry_);
  const auto report = [&](u8* where, const Damage& damage) {
    if (config_.events != nullptr) config_.events->damaged(*cache, *slab, where, use, damage);
    damage.restore();
  };
  u8* start = slab->base - cache->geometry_.red_left_pad;
  if (const auto damage = debug.check_slab_padding(start, kPageSize << slab->order)) report(nullptr, *damage);
  // 6.12 goes on to what else is damaged, after the first of them with one line each; 6.1 stops, but for mere padding.
  bool sound = true;
  constexpr u32 kAreas = 7;
  for (u32 i = 0; i < kAreas; ++i) {
    auto damage = debug.check(object, use);
    if (!damage) break;
    damage->repeated = !sound;
    report(object, *damage);
    const bool padding = damage->what == "Object padding" || damage->what == "Alignment padding";
    if (config_.release == Release::k6_1 && !padding) return false;
    if (config_.release != Release::k6_1) sound = false;
  }
  return sound;
}

bool SlabAllocator::is_checked(const Slab* slab) {
  return (slab->cache->geometry_.flags & slab_flag::kConsistencyChecks) != 0;
}

// "Marking all objects used": nothing more comes from a slab whose free objects are damaged.
void SlabAllocator::give_up(Slab* slab) {
  while (slab->has_free()) take_out_of_use(slab, slab->take_slot());
  (void)recount(slab);
  slab->disabled = true;
  unlink(partial(slab), slab);
  slab->state = SlabState::kFull;
  link(slab->cache->full_, slab, /*to_tail=*/false);
}

// Each object comes from the node's first partial slab.
void* SlabAllocator::alloc_debug(Cache* cache, Gfp gfp, Place at, u32 requested) {
  const SlabDebug debug(config_.release, cache->geometry_);
  for (;;) {
    Slab* slab = first_partial(cache, at, /*others=*/at.node == kNoNode);
    if (slab == nullptr) {
      slab = new_slab(cache, gfp, at);
      if (slab == nullptr) return nullptr;
      slab->state = SlabState::kNodePartial;
      link(partial(slab), slab, /*to_tail=*/false);
    }
    if (!slab->has_free()) {  // its list was cut short: the kernel reads through NULL
      tell(slab, nullptr, SlabDebugEvent::kEmptyFreelist, cache->geometry_.offset);
      (void)recount(slab);
      retire_if_full(slab);
      continue;
    }
    u8* object = slab->object(*slab->top);
    if (is_checked(slab) && !is_sound(slab, object, ObjectUse::kFree)) {
      give_up(slab);
      tell(slab, object, SlabDebugEvent::kMarkedUsed, 0);
      continue;
    }
    (void)pop(slab);
    debug.set_requested_size(object, std::min(requested, cache->geometry_.object_size));
    debug.mark(object, ObjectUse::kAllocated);
    retire_if_full(slab);
    tell(slab, object, SlabDebugEvent::kAllocated, 0);
    return object;
  }
}

void SlabAllocator::retire_if_full(Slab* slab) {
  if (slab->has_free() || slab->lost != 0) return;
  unlink(partial(slab), slab);
  slab->state = SlabState::kFull;
  link(slab->cache->full_, slab, /*to_tail=*/false);
}

// Objects that a cut list lost count as allocated from now on. True: there were some.
bool SlabAllocator::recount(Slab* slab) {
  if (slab->lost == 0) return false;
  for (u32 number = 0; number < slab->objects; ++number) {
    const u64 slot = slab->slot_of(slab->base + u64{number} * slab->cache->geometry_.size);
    const bool listed = slab->find_free(slot) != slab->count();
    if (!listed && !slab->is_live(slot)) take_out_of_use(slab, slot);
  }
  slab->lost = 0;
  return true;
}

bool SlabAllocator::prepare_debug_free(Slab* slab, u64 slot) {
  u8* const object = slab->object(slot);
  if (is_checked(slab)) {
    if (slab->disabled) {
      tell(slab, object, SlabDebugEvent::kDisabled, 0);
      return false;
    }
    const u32 counted = slab->objects - slab->count();
    if (slab->lost != 0) {
      tell(slab, object, SlabDebugEvent::kWrongCount, counted);
      (void)recount(slab);
    }
    if (!is_sound(slab, object, ObjectUse::kAllocated)) return false;
  }
  SlabDebug(config_.release, slab->cache->geometry_).mark(object, ObjectUse::kFree);
  tell(slab, object, SlabDebugEvent::kFreed, 0);
  return true;
}

void SlabAllocator::cut_freelist(Slab* slab, const void* object) {
  if (config_.release != Release::k6_1 || !slab->cache->is_debug()) return;
  const u32 count = slab->count();
  const u32 at = slab->find_free(slab->slot_of(object));
  if (at == count) return;
  slab->lost = static_cast<u16>(slab->lost + at);
  std::copy(slab->stack() + at, slab->stack() + count, slab->stack());
  slab->set_count(count - at);
}

u8* SlabAllocator::first_free(const Slab* slab) {
  return slab->has_free() ? slab->object(*slab->top) : nullptr;
}

u8* SlabAllocator::next_free(const Slab* slab, const void* object) {
  const u32 at = slab->find_free(slab->slot_of(object));
  return at == slab->count() || at == 0 ? nullptr : slab->object(slab->stack()[at - 1]);
}

void SlabAllocator::validate(Cache* cache) {
  for_each_slab(cache, [&](const Slab* each) {
    Slab* const slab = const_cast<Slab*>(each);
    for (u32 number = 0; number < slab->objects; ++number) {
      u8* const object = slab->base + u64{number} * cache->geometry_.size;
      const bool live = slab->is_live(slab->slot_of(object));
      (void)is_sound(slab, object, live ? ObjectUse::kAllocated : ObjectUse::kFree);
    }
  });
}

}  // namespace koi::mm
