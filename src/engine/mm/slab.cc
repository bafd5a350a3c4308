// SPDX-License-Identifier: GPL-2.0-only
// The slab allocator's slow paths: slabs are made, move between the lists, and go back.
#include "engine/mm/slab.h"

#include <algorithm>
#include <cstring>

namespace koi::mm {

// ---- making slabs ----------------------------------------------------------------------------------------------

u64 SlabAllocator::random() {
  u64 z = (random_state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Puts every object on the freelist: in order, or along the cache's random sequence from a random start.
void SlabAllocator::fill_stack(Slab* slab) {
  const Cache* cache = slab->cache;
  const u32 slots_per_object = cache->geometry_.size >> slab->shift;
  slab->set_count(slab->objects);
  u16* next = slab->top;
  if (cache->random_sequence_ != nullptr && slab->objects >= 2) {
    const u32 length = cache->geometry_.objects;
    const u16* const all = cache->random_sequence_;
    const u64 start = random() % length;
    if (slab->objects == length) {
      std::memcpy(next, all + start, (length - start) * sizeof(u16));
      std::memcpy(next + (length - start), all, start * sizeof(u16));
    } else {  // of the smaller order
      const auto is_here = [end = slab->objects * slots_per_object](u16 slot) { return slot < end; };
      next = std::copy_if(all + start, all + length, next, is_here);
      std::copy_if(all, all + start, next, is_here);
    }
  } else {
    for (u32 number = 0; number < slab->objects; ++number)
      *next++ = static_cast<u16>(number * slots_per_object);
  }
}

Slab* SlabAllocator::build_slab(Cache* cache, Pfn pfn, u8 order) {
  const Geometry& g = cache->geometry_;
  const u32 objects = order == g.order ? g.objects : g.min_objects;
  // The only object of a large slab needs one slot, however odd its size.
  const u8 shift = objects == 1 && g.size >= kPageSize ? u8{kPageShift} : cache->shift_;
  const u32 slots = slab_slots(objects, g.size, shift);
  const u64 header_bytes = align_up(sizeof(Slab) + slots, Slab::kOriginBytes);
  const auto origins_at = static_cast<u16>(config_.keep_origins ? header_bytes / Slab::kOriginBytes : 0);
  const u64 stack_bytes = Slab::stack_bytes(objects);
  auto* const meta =
      static_cast<u8*>(meta_.take(stack_bytes + Slab::header_bytes(slots, objects, origins_at)));
  Slab* slab = new (meta + stack_bytes) Slab;
  slab->base = layout_.direct_map + (pfn.value << kPageShift) + g.red_left_pad;
  slab->cache = cache;
  slab->objects = static_cast<u16>(objects);
  slab->easy_slots = cache->is_debug() || cache->clears_freed_ ? 0 : slots;
  slab->origins_at = origins_at;
  slab->shift = shift;
  slab->order = order;
  for (u64 i = 0; i < u64{1} << order; ++i) {
    const Pfn page{pfn.value + i};
    buddy_.desc(page).use = PageUse::kSlab;
    slab_pages_[page.value - buddy_.first_pfn()] = slab;
  }
  fill_stack(slab);
  if (cache->is_debug()) {
    u8* start = slab->base - g.red_left_pad;
    SlabDebug(config_.release, g).prepare_slab(start, kPageSize << order);
  }
  return slab;
}

// The upcalls. The slab is on the constructing list, complete, so a constructor that never returns leaves only that
// slab behind.
void SlabAllocator::construct_objects(Slab* slab) {
  Cache* cache = slab->cache;
  if (cache->constructor_ == 0 || cache->constructor_ == kBootConstructor || config_.events == nullptr)
    return;
  enter(slab, SlabState::kConstructing);
  link(cache->constructing_, slab, /*to_tail=*/true);
  for (u32 i = slab->objects; i > 0; --i) {
    config_.events->construct(*cache, cache->constructor_, slab->object(slab->stack()[i - 1]));
  }
  unlink(cache->constructing_, slab);
}

Slab* SlabAllocator::new_slab(Cache* cache, Gfp gfp, Place at) {
  const GfpBits& bits = buddy_.gfp();
  const Gfp forbidden = bits.dma32 | bits.highmem;
  if ((gfp & forbidden) != 0) {
    if (config_.events != nullptr) config_.events->unexpected_gfp(cache, gfp, gfp & ~forbidden);
    gfp &= ~forbidden;
  }
  const Gfp passed = bits.reclaim() | bits.high | bits.atomic | bits.io | bits.fs | bits.nowarn |
                     bits.retry_mayfail | bits.nofail | bits.noretry | bits.memalloc | bits.nomemalloc |
                     bits.hardwall | bits.thisnode;
  const Gfp wanted = (gfp & passed) | cache->page_gfp_;
  // The preferred order must not cost reclaim or reserves; the smallest may.
  const Geometry& g = cache->geometry_;
  Gfp easy = (wanted | bits.nowarn | bits.noretry) & ~bits.nofail;
  if ((easy & bits.direct_reclaim) != 0 && g.order > g.min_order)
    easy = (easy | bits.nomemalloc) & ~bits.reclaim();
  u8 order = g.order;
  PageAllocation pages = buddy_.alloc(Order{order}, easy, at);
  if (!pages) {
    order = g.min_order;
    pages = buddy_.alloc(Order{order}, wanted, at);
    if (!pages) return nullptr;
  }
  Slab* slab = build_slab(cache, pages.pfn, order);
  if (config_.events != nullptr) config_.events->slab_made(*cache, pages.pfn, Order{order}, slab->objects);
  construct_objects(slab);
  ++cache->slab_count_;
  cache->object_count_ += slab->objects;
  return slab;
}

void SlabAllocator::discard(Slab* slab) {
  Cache* cache = slab->cache;
  --cache->slab_count_;
  cache->object_count_ -= slab->objects;
  const Pfn pfn = pfn_of(slab);
  const Order order{slab->order};
  std::fill_n(slab_pages_ + (pfn.value - buddy_.first_pfn()), u64{1} << order.value, nullptr);
  std::replace(last_freed_to_, last_freed_to_ + config_.cpus, slab, &none_);
  if (config_.events != nullptr) config_.events->slab_gone(*cache, pfn, order);
  const u64 stack_bytes = Slab::stack_bytes(slab->objects);
  meta_.give(reinterpret_cast<u8*>(slab) - stack_bytes,
             stack_bytes + Slab::header_bytes(slab->slots(), slab->objects, slab->origins_at));
  if ((cache->geometry_.flags & slab_flag::kTypesafeByRcu) != 0 && config_.events != nullptr) {
    config_.events->rcu_slab_emptied(pfn, order);
  } else {
    (void)buddy_.free(pfn, order, VcpuId{0});
  }
}

// ---- a CPU's current slab --------------------------------------------------------------------------------------

void* SlabAllocator::pop(Slab* slab) { return slab->object(slab->take_slot()); }

// Joins what other CPUs freed to the slab's freelist, below what this CPU freed.
void SlabAllocator::take_back_remote(Slab* slab) {
  const auto stack = slab->stack();
  const auto local_end = stack + slab->count();
  std::copy_n(stack + (slab->objects - slab->remote), slab->remote, local_end);
  std::reverse(local_end, local_end + slab->remote);
  std::rotate(stack, local_end, local_end + slab->remote);
  slab->set_count(slab->free_objects());
  slab->remote = 0;
}

void SlabAllocator::make_current(Slab* slab, VcpuId cpu) {
  enter(slab, SlabState::kCurrent);
  slab->cpu = static_cast<u8>(cpu.value);
  slab->next = slab->prev = nullptr;
  slab->cache->cpu_slabs()[cpu.value].current = slab;
}

// Puts a slab that no CPU holds where it belongs.
void SlabAllocator::park(Slab* slab, bool to_tail) {
  Cache* cache = slab->cache;
  SlabList& partials = partial(slab);
  if (slab->count() == slab->objects && partials.count >= cache->geometry_.min_partial) {
    discard(slab);
  } else if (slab->has_free()) {
    enter(slab, SlabState::kNodePartial);
    link(partials, slab, to_tail);
  } else {
    enter(slab, SlabState::kFull);
    link(cache->full_, slab, /*to_tail=*/true);
  }
}

void SlabAllocator::deactivate(Cache* cache, VcpuId cpu) {
  CpuSlab& here = cache->cpu_slabs()[cpu.value];
  Slab* slab = here.current;
  if (slab == &none_) return;
  here.current = &none_;
  slab->cpu = Slab::kNoCpu;
  const bool freed_elsewhere = slab->remote != 0;
  take_back_remote(slab);
  park(slab, freed_elsewhere);
}

// ---- CPU chains ------------------------------------------------------------------------------------------------

// Moves a whole chain to the nodes that its slabs belong to.
void SlabAllocator::unchain(Cache* cache, Slab* chain) {
  while (chain != nullptr) {
    Slab* slab = chain;
    chain = slab->next;
    slab->next = nullptr;
    SlabList& partials = partial(slab);
    if (slab->count() == slab->objects && partials.count >= cache->geometry_.min_partial) {
      discard(slab);
      continue;
    }
    enter(slab, SlabState::kNodePartial);
    link(partials, slab, /*to_tail=*/true);
  }
}

void SlabAllocator::put_on_chain(Slab* slab, VcpuId cpu, bool may_drain) {
  Cache* cache = slab->cache;
  CpuSlab& here = cache->cpu_slabs()[cpu.value];
  Slab* too_long = nullptr;
  if (may_drain && here.chain != nullptr && here.chain->chain_length >= cache->geometry_.cpu_partial_slabs) {
    too_long = here.chain;
    here.chain = nullptr;
  }
  enter(slab, SlabState::kCpuPartial);
  slab->chain_length = static_cast<u16>(here.chain == nullptr ? 1 : here.chain->chain_length + 1);
  slab->prev = nullptr;
  slab->next = here.chain;
  here.chain = slab;
  unchain(cache, too_long);
}

// The first partial slab of the node wanted. `others`: or of another one, if that has more than it is to keep; now and then
// (remote_node_defrag_ratio) a new slab at home is preferred.
Slab* SlabAllocator::first_partial(Cache* cache, Place at, bool others) {
  const NodeMap& nodes = buddy_.nodes();
  const NodeId home = at.node != kNoNode ? NodeId{static_cast<u32>(at.node)} : nodes.of(VcpuId{at.cpu});
  const std::span<SlabList> partials = cache->partials();
  if (Slab* const slab = partials[home.value].head; slab != nullptr || !others || nodes.count() == 1)
    return slab;
  constexpr u64 kDefragRatio = 1000;
  if (random() % 1024 > kDefragRatio) return nullptr;
  for (u32 i = 0; i < nodes.count(); ++i) {
    const SlabList& list = partials[nodes.fallback(nodes.of(VcpuId{at.cpu}), i).value];
    if (list.count > cache->geometry_.min_partial) return list.head;
  }
  return nullptr;
}

// That slab, and some more of its node for the CPU's chain.
Slab* SlabAllocator::take_partial(Cache* cache, Place at, bool others) {
  Slab* first = first_partial(cache, at, others);
  if (first == nullptr) return nullptr;
  SlabList& partials = partial(first);
  unlink(partials, first);
  const u32 most = cache->geometry_.cpu_partial_slabs / 2;
  for (u32 taken = 0; taken <= most && partials.head != nullptr; ++taken) {
    Slab* more = partials.head;
    unlink(partials, more);
    put_on_chain(more, VcpuId{at.cpu}, /*may_drain=*/false);
  }
  return first;
}

void SlabAllocator::flush_cpus(Cache* cache) {
  for (u32 cpu = 0; cpu < cache->cpus_; ++cpu) {
    deactivate(cache, VcpuId{cpu});
    Slab* chain = cache->cpu_slabs()[cpu].chain;
    cache->cpu_slabs()[cpu].chain = nullptr;
    unchain(cache, chain);
  }
}

// ---- allocating and freeing ------------------------------------------------------------------------------------

// What the CPU has already, as far as it is on the node wanted: the current slab with what others freed to it, the next of
// the chain. What is not goes to its own node.
Slab* SlabAllocator::take_current(Cache* cache, Place at) {
  CpuSlab& here = cache->cpu_slabs()[at.cpu];
  Slab* slab = here.current;
  if (slab != &none_) {
    if (!is_on(slab, at.node)) {
      deactivate(cache, VcpuId{at.cpu});
    } else if (slab->has_free()) {
      return slab;
    } else if (slab->remote != 0) {
      take_back_remote(slab);
      return slab;
    } else {
      here.current = &none_;
      slab->cpu = Slab::kNoCpu;
      enter(slab, SlabState::kFull);
      link(cache->full_, slab, /*to_tail=*/true);
    }
  }
  while (here.chain != nullptr) {
    slab = here.chain;
    here.chain = slab->next;
    if (is_on(slab, at.node)) {
      make_current(slab, VcpuId{at.cpu});
      return slab;
    }
    slab->next = nullptr;
    park(slab, /*to_tail=*/true);
  }
  return nullptr;
}

// A slab that no CPU holds: partial or new. A node that was asked for comes first; 6.12 then takes another's partial slab
// rather than a new one there.
Slab* SlabAllocator::get_slab(Cache* cache, Gfp gfp, Place at) {
  const GfpBits& bits = buddy_.gfp();
  const bool any = at.node == kNoNode;
  if (Slab* const slab = take_partial(cache, at, any)) return slab;
  if (any || config_.release == Release::k6_1 || (gfp & bits.thisnode) != 0 || buddy_.node_count() == 1)
    return new_slab(cache, gfp, at);
  const Gfp easy = bits.nowait() | bits.nowarn | bits.thisnode | (gfp & (bits.zero | bits.account));
  if (Slab* const slab = new_slab(cache, easy, at)) return slab;
  if (Slab* const slab = take_partial(cache, at, /*others=*/true)) return slab;
  return new_slab(cache, gfp, at);
}

void* SlabAllocator::alloc_slowly(Cache* cache, Gfp gfp, Place at, u32 requested) {
  if (cache->is_debug()) return alloc_debug(cache, gfp, at, requested);
  if (Slab* const slab = take_current(cache, at)) return pop(slab);
  Slab* const slab = get_slab(cache, gfp, at);
  if (slab == nullptr) return nullptr;
  // A constructor may have let somebody else make a slab current.
  deactivate(cache, VcpuId{at.cpu});
  make_current(slab, VcpuId{at.cpu});
  return pop(slab);
}

// init_on_free: the object, and what lies between it and the next one.
void SlabAllocator::clear_freed(const Cache* cache, void* object) {
  const Geometry& g = cache->geometry_;
  std::memset(object, 0, g.object_size);
  std::memset(static_cast<u8*>(object) + g.inuse, 0, g.size - g.inuse - g.red_left_pad);
}

// The object's slab is not this CPU's current one.
FreeOutcome SlabAllocator::free_slowly(Slab* slab, u64 slot, VcpuId cpu) {
  if (slab->cache->is_debug() && !prepare_debug_free(slab, slot)) return FreeOutcome::kDamaged;
  if (slab->cpu != Slab::kNoCpu) {
    slab->live()[slot] = 0;
    ++slab->remote;
    slab->stack()[slab->objects - slab->remote] = static_cast<u16>(slot);
    return FreeOutcome::kOk;
  }
  slab->push_slot(slot);
  Cache* cache = slab->cache;
  if (slab->state == SlabState::kNodePartial) {
    SlabList& partials = partial(slab);
    if (slab->count() == slab->objects && partials.count >= cache->geometry_.min_partial) {
      unlink(partials, slab);
      discard(slab);
    }
  } else if (slab->state == SlabState::kFull) {
    unlink(cache->full_, slab);
    if (cache->is_debug()) {
      park(slab, /*to_tail=*/true);
    } else {
      put_on_chain(slab, cpu, /*may_drain=*/true);
    }
  }
  return FreeOutcome::kOk;
}

FreeOutcome SlabAllocator::why_not_freed(const Slab* slab, u64 slot, const void* object) const {
  const Geometry& g = slab->cache->geometry_;
  const u64 distance = static_cast<u64>(static_cast<const u8*>(object) - slab->base);
  if (distance % g.size != 0 || distance / g.size >= slab->objects) return FreeOutcome::kNotObjectStart;
  const bool head = (slab->has_free() && *slab->top == slot) ||
                    (slab->remote != 0 && slab->stack()[slab->objects - slab->remote] == slot);
  return head ? FreeOutcome::kDoubleFreeOfHead : FreeOutcome::kDoubleFree;
}

u64 SlabAllocator::alloc_bulk(Cache* cache, Gfp gfp, Place at, std::span<void*> objects) {
  for (std::size_t i = 0; i < objects.size(); ++i) {
    objects[i] = alloc_raw(cache, gfp, at);
    if (objects[i] == nullptr) {
      (void)free_bulk(cache, objects.first(i), VcpuId{at.cpu});
      return 0;
    }
  }
  for (void* object : objects) clear(cache, gfp, object, kWholeObject);
  return objects.size();
}

FreeOutcome SlabAllocator::free_bulk(Cache* cache, std::span<void* const> objects, VcpuId cpu) {
  for (std::size_t i = objects.size(); i > 0; --i) {  // the kernel works from the end, too
    void* object = objects[i - 1];
    if (object == nullptr) continue;
    Slab* slab = slab_of(object);
    const FreeOutcome outcome =
        slab == nullptr ? FreeOutcome::kNotSlab : free(cache == nullptr ? slab->cache : cache, object, cpu);
    if (outcome != FreeOutcome::kOk) return outcome;
  }
  return FreeOutcome::kOk;
}

// Empty slabs of a node go back; of the rest, those with few free objects come first, so that allocations fill them up.
void SlabAllocator::shrink_node(SlabList& partials) {
  constexpr u32 kPromoted = 32;
  SlabList by_free[kPromoted] = {};
  for (Slab* slab = partials.head; slab != nullptr;) {
    Slab* next = slab->next;
    if (slab->count() == slab->objects) {
      unlink(partials, slab);
      discard(slab);
    } else if (slab->count() <= kPromoted) {
      unlink(partials, slab);
      link(by_free[slab->count() - 1], slab, /*to_tail=*/false);
    }
    slab = next;
  }
  for (u32 i = kPromoted; i > 0; --i) {
    while (Slab* slab = by_free[i - 1].tail) {
      unlink(by_free[i - 1], slab);
      link(partials, slab, /*to_tail=*/false);
    }
  }
}

int SlabAllocator::shrink(Cache* cache) {
  flush_cpus(cache);
  for (SlabList& partials : cache->partials()) shrink_node(partials);
  return cache->slab_count_ != 0 ? 1 : 0;
}

}  // namespace koi::mm
