// SPDX-License-Identifier: GPL-2.0-only
// The slab allocator: SLUB as far as anybody can observe it, with a fast path of its own.
//
//   Cache ──► per CPU: the current slab, a chain of partial slabs
//         └─► each node: partial slabs (list); full slabs (one list)
//   page number ──► Slab: { stack of free slots │ header │ live marks }   all outside the objects
//
// A slab's free objects are a stack of slot numbers beside its header, never links inside objects: a module's stray
// write cannot mislead koi, and freeing a cold object touches none of its bytes. A slot is the largest power of two
// that divides the object distance, so object start <-> slot is a shift. A live mark per slot makes a
// double free or a pointer that is no object's start visible at the cost of one test.
//
// Order of reuse, slab transitions (current, CPU partial, node partial, full), when empty slabs go back, and what
// /proc/slabinfo counts follow mm/slub.c of 6.1 and 6.12. Deviations: a freed object keeps its contents (the kernel
// overwrites a word with an obfuscated link); freeing what is not an allocated object is refused and named, where the
// kernel corrupts itself.
// Not reentrant, except that a constructor may call anything or never return: when it runs, nothing is half done.
#pragma once

#include <cstring>
#include <iterator>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mm/meta_pool.h"
#include "engine/mm/slab_types.h"

namespace koi::mm {

class SlabAllocator {
 public:
  SlabAllocator(Buddy& buddy, const MemoryLayout& layout, const SlabConfig& config,
                std::pmr::memory_resource* resource);
  SlabAllocator(const SlabAllocator&) = delete;
  SlabAllocator& operator=(const SlabAllocator&) = delete;
  ~SlabAllocator();

  [[nodiscard]] CreateResult create(const CacheRequest& request);
  // A cache made while booting: it merges with none, and its alignment is taken as it is. -1 as count: none merges
  // with it.
  Cache* create_boot(const CacheRequest& request, s32 reference_count);
  [[nodiscard]] DestroyResult destroy(Cache* cache);
  // Every later random choice, and the order of free objects in new slabs of the caches that there are, follow from `seed`.
  void apply_seed(u64 seed);
  // Gives empty slabs back and sorts the partial ones. Returns 1 if slabs remain, as the kernel does, else 0.
  int shrink(Cache* cache);

  // An object, zeroed if the kernel would; nullptr: no memory.
  // `requested`: bytes that kmalloc was asked for.
  [[nodiscard]] void* alloc(Cache* cache, Gfp gfp, Place at, u32 requested = kWholeObject) {
    void* object = alloc_raw(cache, gfp, at, requested);
    if (object != nullptr) clear(cache, gfp, object, requested);
    return object;
  }
  // The same without zeroing.
  [[nodiscard]] void* alloc_raw(Cache* cache, Gfp gfp, Place at, u32 requested = kWholeObject) {
    void* object = alloc_fast(cache, at);
    return object != nullptr ? object : alloc_slowly(cache, gfp, at, requested);
  }
  // Pops from the CPU's current slab; nullptr: the slow path must be asked.
  [[nodiscard]] void* alloc_fast(Cache* cache, Place at) {
    Slab* slab = cache->cpu_slabs()[at.cpu].current;
    if (!slab->has_free() || (at.node != kNoNode && !is_on(slab, at.node))) [[unlikely]] {
      return nullptr;
    }
    return slab->object(slab->take_slot());
  }
  // The slow paths that only move slabs between the lists, for the leaf functions. false: it takes more than that, and nothing
  // changed. When the CPU's current slab is used up, the next one of its chain takes its place.
  [[nodiscard]] bool refill(Cache* cache, u64 cpu) {
    CpuSlab& here = cache->cpu_slabs()[cpu];
    Slab* const used_up = here.current;
    Slab* const next = here.chain;
    if (next == nullptr || used_up->remote != 0 || cache->is_debug()) return false;
    if (used_up != &none_) {
      used_up->cpu = Slab::kNoCpu;
      enter(used_up, SlabState::kFull);
      link(cache->full_, used_up, /*to_tail=*/true);
    }
    here.chain = next->next;
    enter(next, SlabState::kCurrent);
    next->cpu = static_cast<u8>(cpu);
    next->next = next->prev = nullptr;
    here.current = next;
    return true;
  }
  // The first object freed of a full slab puts it on the CPU's chain: would that be all?
  [[nodiscard]] static bool takes_first_free(const Slab* slab, u64 cpu) {
    const Cache* const cache = slab->cache;
    if (slab->state != SlabState::kFull || cache->is_debug()) return false;
    const CpuSlab& here = cache->cpu_slabs()[cpu];
    return here.chain == nullptr || here.chain->chain_length < cache->geometry_.cpu_partial_slabs;
  }
  // Requires: takes_first_free() said so, and the object is free by now.
  static void chain_full(Slab* slab, u64 cpu) {
    Cache* const cache = slab->cache;
    CpuSlab& here = cache->cpu_slabs()[cpu];
    const u32 length = here.chain == nullptr ? 0 : here.chain->chain_length;
    unlink(cache->full_, slab);
    enter(slab, SlabState::kCpuPartial);
    slab->chain_length = static_cast<u16>(length + 1);
    slab->prev = nullptr;
    slab->next = here.chain;
    here.chain = slab;
  }
  // How many bytes of a new object must be cleared.
  [[nodiscard]] u64 bytes_to_clear(const Cache* cache, Gfp gfp) const {
    return cache->bytes_to_clear(gfp, zero_gfp_);
  }

  FreeOutcome free(Cache* cache, void* object, VcpuId cpu) {
    Slab* slab = slab_of(object);
    if (slab == nullptr) [[unlikely]] {
      return FreeOutcome::kNotSlab;
    }
    const FreeOutcome outcome = free_to(slab, object, cpu);
    if (slab->cache != cache && outcome == FreeOutcome::kOk) [[unlikely]] {
      return FreeOutcome::kWrongCache;
    }
    return outcome;
  }
  // Frees whatever slab object this is.
  FreeOutcome free_to(Slab* slab, void* object, VcpuId cpu) {
    // Most frees go where the last one went. If the look-up agrees, going on with the guess (which the compiler must not
    // know to be the same) spares the processor waiting for it.
    Slab* const last = last_freed_to_[cpu.value];
    Slab* guess = last;
    asm("" : "+r"(guess));
    if (slab == last) [[likely]] {
      slab = guess;
    } else {
      last_freed_to_[cpu.value] = slab;
    }
    const u64 slot = slab->slot_of(object);
    if (slot >= slab->easy_slots) [[unlikely]] {
      if (slot >= slab->slots()) return why_not_freed(slab, slot, object);
      if (slab->cache->clears_freed_ && slab->is_live(slot)) clear_freed(slab->cache, object);
    }
    if (!slab->is_live(slot)) [[unlikely]] {
      return why_not_freed(slab, slot, object);
    }
    if (slab->cpu != cpu.value) return free_slowly(slab, slot, cpu);
    slab->push_slot(slot);
    return FreeOutcome::kOk;
  }

  // All or nothing; returns how many.
  u64 alloc_bulk(Cache* cache, Gfp gfp, Place at, std::span<void*> objects);
  // `cache` nullptr: each object's own. Stops at the first object that is not freed and returns its outcome.
  FreeOutcome free_bulk(Cache* cache, std::span<void* const> objects, VcpuId cpu);
  void free_rcu_slab(Pfn pfn, Order order) { (void)buddy_.free(pfn, order, VcpuId{0}); }

  // The slab an address lies in; nullptr: none.
  [[nodiscard]] Slab* slab_of(const void* address) const {
    const u64 page = (reinterpret_cast<u64>(address) - reinterpret_cast<u64>(first_page_)) >> kPageShift;
    return page < page_count_ ? slab_pages_[page] : nullptr;
  }
  // Where each CPU freed to last: a slab that is there, or one that has nothing.
  [[nodiscard]] Slab** last_freed_to() { return last_freed_to_; }
  // slab_of() as an array, by page; it stays where it is.
  [[nodiscard]] Slab* const* slab_pages() const { return slab_pages_; }
  [[nodiscard]] Cache* find_cache_of(const void* address) const {
    const Slab* slab = slab_of(address);
    return slab == nullptr ? nullptr : slab->cache;
  }
  static constexpr u32 kWholeObject = ~0u;
  struct ObjectAt {
    Cache* cache;
    u8* start;
    u64 number;  // in its slab
    bool allocated;
  };
  // The object that an address lies in, padding included.
  [[nodiscard]] std::optional<ObjectAt> object_at(const void* address) const;
  // What ksize() says of any object of the cache.
  [[nodiscard]] u32 ksize(const Cache* cache) const;
  // 6.12's ksize() lets the caller use the whole object: its red zone no longer starts at the requested size.
  void forget_requested_size(const Cache* cache, const void* object) const;
  // Bytes that kmalloc was asked for, where the cache keeps it (slub_debug=U); else the object size.
  [[nodiscard]] u32 requested_size(const Cache* cache, const void* object) const {
    return SlabDebug(config_.release, cache->geometry_).requested_size(static_cast<const u8*>(object));
  }

  // An allocated object's origin. Requires: keep_origins; an allocated object's start.
  [[nodiscard]] static observe::PackedOrigin origin_of(Slab* slab, const void* object) {
    return slab->origin(slab->cache->object_number(slab->slot_of(object)));
  }
  static void set_origin_of(Slab* slab, const void* object, const observe::PackedOrigin& origin) {
    slab->set_origin(slab->cache->object_number(slab->slot_of(object)), origin);
  }
  [[nodiscard]] static bool is_allocated(const Slab* slab, const void* object) {
    const u64 slot = slab->slot_of(object);
    return slot < slab->slots() && slab->is_live(slot);
  }
  // Frees of this slab's objects are not served without a closer look from now on (Slab::easy_slots).
  static void watch(Slab* slab) {
    slab->watched = true;
    slab->easy_slots = 0;
  }
  // The same for the object that `address` lies in, until it is freed; for the whole slab, if that object is a free one (a
  // constructor's).
  static void watch_object(Slab* slab, u64 address) {
    const u64 distance = address - reinterpret_cast<u64>(slab->base);
    const auto number = static_cast<u32>(distance / slab->cache->geometry_.size);
    const u64 slot = slab->slot_at(number);
    if (number >= slab->objects || !slab->is_live(slot)) return watch(slab);
    slab->live()[slot] = Slab::kWatched;
  }
  [[nodiscard]] bool keeps_origins() const { return config_.keep_origins; }
  // Every allocated object: visit(Cache&, Slab&, void* object), cache by cache from the oldest, slab by slab.
  template <class Visit>
  void for_each_object(Visit visit) const {
    for (Cache* cache = oldest_; cache != nullptr; cache = cache->newer_) {
      for_each_slab(cache, [&](const Slab* slab) {
        for (u32 number = 0; number < slab->objects; ++number) {
          u8* const object = slab->base + u64{number} * cache->geometry_.size;
          if (slab->is_live(slab->slot_of(object))) visit(*cache, const_cast<Slab&>(*slab), object);
        }
      });
    }
  }

  [[nodiscard]] std::vector<Cache*> caches() const;  // oldest first
  [[nodiscard]] Cache* find_cache(std::string_view name) const;
  [[nodiscard]] SlabInfo slab_info(const Cache* cache) const;
  // Name of the cache's directory in /sys/kernel/slab: its own, or the id that mergeable caches share.
  [[nodiscard]] std::string sysfs_name(const Cache* cache) const;
  [[nodiscard]] bool is_mergeable(const Cache* cache) const;
  // The cache that a request for a new one would share; nullptr: none.
  [[nodiscard]] Cache* find_mergeable(const CacheRequest& request) const;
  // Would the boot options keep a cache of that name and those flags from sharing another's slabs?
  [[nodiscard]] bool keeps_apart(std::string_view name, u32 flags) const {
    return config_.nomerge || (flags_for(name, flags) & slab_flag::kNeverMerge) != 0;
  }
  // min_partial and cpu_partial as sysfs sets them.
  // A second free of a free object: 6.1 ends the freelist there before it checks.
  void cut_freelist(Slab* slab, const void* object);
  // What the freelist starts with, and what follows a free object on it; nullptr: the end.
  [[nodiscard]] static u8* first_free(const Slab* slab);
  [[nodiscard]] static u8* next_free(const Slab* slab, const void* object);
  [[nodiscard]] static u32 used_objects(const Slab* slab) {
    return slab->objects - slab->free_objects() - slab->lost;
  }
  [[nodiscard]] Pfn first_page(const Slab* slab) const { return pfn_of(slab); }
  // slub_debug: every object of the cache is looked at; damage is reported.
  void validate(Cache* cache);
  void set_min_partial(Cache* cache, u32 slabs);
  void set_cpu_partial(Cache* cache, u32 objects);
  // Slabs with objects in use, partial ones first.
  [[nodiscard]] std::vector<RemainingSlab> remaining_slabs(const Cache* cache) const;
  [[nodiscard]] u64 partial_slabs(const Cache* cache) const;
  [[nodiscard]] u64 cpu_slab_count(const Cache* cache) const;
  // The same numbers for one node.
  struct NodeUse {
    u64 slabs = 0, objects = 0, free_objects = 0;  // free: in its partial slabs
    u64 partial = 0, partial_in_use = 0, cpu_slabs = 0;
  };
  [[nodiscard]] NodeUse node_use(const Cache* cache, NodeId node) const;
  [[nodiscard]] NodeId node_of(const Slab* slab) const {
    return buddy_.node_count() == 1 ? NodeId{0} : buddy_.nodes().of(pfn_of(slab));
  }
  // On a CPU's chain.
  [[nodiscard]] u64 chained_slabs(const Cache* cache, VcpuId cpu) const {
    const Slab* chain = cache->cpu_slabs()[cpu.value].chain;
    return chain == nullptr ? 0 : chain->chain_length;
  }
  // Allocated objects in the node's partial slabs.
  [[nodiscard]] u64 partial_objects_in_use(const Cache* cache) const;
  [[nodiscard]] Buddy& buddy() { return buddy_; }
  [[nodiscard]] const Buddy& buddy() const { return buddy_; }
  [[nodiscard]] Release release() const { return config_.release; }
  [[nodiscard]] const SlabConfig& config() const { return config_; }
  [[nodiscard]] std::optional<std::string> check_invariants() const;

 private:
  void clear(const Cache* cache, Gfp gfp, void* object, u32 requested) const {
    u64 bytes = bytes_to_clear(cache, gfp);
    if (bytes == 0) return;
    if (cache->clears_requested_only_ && requested < bytes) [[unlikely]] {
      bytes = requested;  // the rest is red zone
    }
    std::memset(object, 0, bytes);
  }
  static void clear_freed(const Cache* cache, void* object);
  [[nodiscard]] u32 flags_for(std::string_view name, u32 flags) const;
  [[nodiscard]] Cache* build(const CacheRequest& request, u32 align, u32 flags);
  void prepare_random_sequence(Cache* cache);
  void shuffle_random_sequence(Cache* cache);
  void release(Cache* cache);
  u64 random();

  // What a free must know of the state is one number: below how many free objects it only pushes.
  static void enter(Slab* slab, SlabState state) {
    slab->state = state;
    slab->push_below = push_below(slab, state);
  }
  [[nodiscard]] static u16 push_below(const Slab* slab, SlabState state) {
    if (slab->cache->is_debug()) return 0;
    // Even empty slabs stay where they are.
    if (state == SlabState::kCpuPartial || state == SlabState::kCurrent) return u16{0xffff};
    return state == SlabState::kNodePartial ? static_cast<u16>(slab->objects - 1) : u16{0};
  }
  [[nodiscard]] bool is_on(const Slab* slab, s32 node) const {
    return node == kNoNode || node_of(slab).value == static_cast<u32>(node);
  }
  [[nodiscard]] SlabList& partial(const Slab* slab) const {
    return slab->cache->partials()[node_of(slab).value];
  }
  void* alloc_slowly(Cache* cache, Gfp gfp, Place at, u32 requested);
  void* alloc_debug(Cache* cache, Gfp gfp, Place at, u32 requested);
  [[nodiscard]] Slab* take_current(Cache* cache, Place at);
  [[nodiscard]] Slab* get_slab(Cache* cache, Gfp gfp, Place at);
  [[nodiscard]] Slab* first_partial(Cache* cache, Place at, bool others);
  [[nodiscard]] bool is_sound(Slab* slab, u8* object, ObjectUse use);
  [[nodiscard]] static bool is_checked(const Slab* slab);
  [[nodiscard]] bool prepare_debug_free(Slab* slab, u64 slot);
  void retire_if_full(Slab* slab);
  bool recount(Slab* slab);
  void tell(Slab* slab, u8* object, SlabDebugEvent what, u64 value);
  void give_up(Slab* slab);
  FreeOutcome free_slowly(Slab* slab, u64 slot, VcpuId cpu);
  [[nodiscard]] FreeOutcome why_not_freed(const Slab* slab, u64 slot, const void* object) const;
  [[nodiscard]] static void* pop(Slab* slab);
  [[nodiscard]] Slab* new_slab(Cache* cache, Gfp gfp, Place at);
  [[nodiscard]] Slab* build_slab(Cache* cache, Pfn pfn, u8 order);
  void fill_stack(Slab* slab);
  void construct_objects(Slab* slab);
  void discard(Slab* slab);
  [[nodiscard]] Pfn pfn_of(const Slab* slab) const {
    const u8* page = slab->base - slab->cache->geometry_.red_left_pad;
    return Pfn{static_cast<u64>(page - layout_.direct_map) >> kPageShift};
  }
  void take_back_remote(Slab* slab);
  void make_current(Slab* slab, VcpuId cpu);
  void deactivate(Cache* cache, VcpuId cpu);
  void park(Slab* slab, bool to_tail);
  void put_on_chain(Slab* slab, VcpuId cpu, bool may_drain);
  void unchain(Cache* cache, Slab* chain);
  [[nodiscard]] Slab* take_partial(Cache* cache, Place at, bool others);
  void flush_cpus(Cache* cache);
  void shrink_node(SlabList& partials);
  static void link(SlabList& list, Slab* slab, bool to_tail) {
    slab->next = slab->prev = nullptr;
    if (list.head == nullptr) {
      list.head = list.tail = slab;
    } else if (to_tail) {
      slab->prev = list.tail;
      list.tail = list.tail->next = slab;
    } else {
      slab->next = list.head;
      list.head = list.head->prev = slab;
    }
    ++list.count;
  }
  static void unlink(SlabList& list, Slab* slab) {
    (slab->prev != nullptr ? slab->prev->next : list.head) = slab->next;
    (slab->next != nullptr ? slab->next->prev : list.tail) = slab->prev;
    slab->next = slab->prev = nullptr;
    --list.count;
  }
  [[nodiscard]] std::optional<std::string> check_slab(const Slab* slab, SlabState state) const;
  [[nodiscard]] std::optional<std::string> check_cache(const Cache* cache) const;
  template <class Visit>
  void for_each_slab(const Cache* cache, Visit visit) const {
    for (const SlabList& list : cache->partials()) {
      for (const Slab* slab = list.head; slab != nullptr; slab = slab->next) visit(slab);
    }
    for (const Slab* slab = cache->full_.head; slab != nullptr; slab = slab->next) visit(slab);
    for (u32 cpu = 0; cpu < cache->cpus_; ++cpu) {
      const CpuSlab& here = cache->cpu_slabs()[cpu];
      if (here.current != &none_) visit(static_cast<const Slab*>(here.current));
      for (const Slab* slab = here.chain; slab != nullptr; slab = slab->next) visit(slab);
    }
  }

  Buddy& buddy_;
  MemoryLayout layout_;
  SlabConfig config_;
  std::pmr::memory_resource* resource_;
  u8* first_page_;  // host address of the first descriptor's page
  u64 page_count_;
  Slab** slab_pages_;  // which slab each page belongs to
  Gfp zero_gfp_;
  u64 random_state_;
  MetaPool meta_;
  std::pmr::string debug_text_;  // slub_debug=
  bool no_higher_order_debug_ = false;
  Cache* oldest_ = nullptr;
  Cache* newest_ = nullptr;
  Slab none_;
  Slab* last_freed_to_[kMaxCpus];
};

}  // namespace koi::mm
