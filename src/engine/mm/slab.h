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

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mm/buddy.h"
#include "engine/mm/geometry.h"
#include "engine/mm/meta_pool.h"
#include "engine/mm/slab_debug.h"
#include "observe/allocation_sites.h"

namespace koi::mm {

class Cache;

enum class SlabState : u8 {
  kConstructing,  // its constructor runs (or never came back)
  kCurrent,       // the slab a CPU allocates from
  kCpuPartial,    // on a CPU's chain
  kNodePartial,
  kFull,
};

// Header of one slab. Before it lies the stack of free slots, which grows towards lower addresses; the live marks and, if
// the allocator keeps them, the objects' origins follow it. So the top of the stack, the marks and what says when
// there is nothing left are found from the header's address alone.
struct Slab {
  u8* base = nullptr;  // first object
  Cache* cache = nullptr;
  u16* top = stack_end();  // free slots: [top, stack_end()), the next to be allocated first
  u64 easy_slots =
      0;  // slot numbers, or 0: whoever frees must look closer (debug caches; watched slabs; init_on_free)
  u16 objects = 0;
  u16 push_below =
      0;  // with fewer free objects than this a free moves the slab nowhere (on other CPUs' current slabs: no free)
  u8 shift = 0;     // log2 of a slot's bytes
  u8 cpu = kNoCpu;  // whose current slab this is
  SlabState state = SlabState::kFull;
  u8 order : 4 = 0;
  bool disabled : 1 = false;  // damaged while free: takes no more part (debug caches)
  bool watched : 1 = false;   // somebody has to hear of frees: locks may lie in its pages
  u16 remote = 0;  // freed by other CPUs while current: stack()[objects - remote, objects), latest first
  u16 chain_length = 0;  // on a CPU's chain: slabs from here on
  u16 lost = 0;  // free objects behind the end of a list that a double free has cut short (6.1, debug caches)
  u16 origins_at = 0;  // offset of the origins, by object number, in their own size; 0: none are kept
  Slab* next = nullptr;
  Slab* prev = nullptr;

  static constexpr u64 kOriginBytes = sizeof(observe::PackedOrigin);
  static constexpr u8 kNoCpu = 0xff;
  static constexpr u64 kStackUnit = 64;  // the stack's room, so that the header starts a cache line
  // A byte per slot: 1 where an allocated object starts.
  [[nodiscard]] u8* live() { return reinterpret_cast<u8*>(this + 1); }
  [[nodiscard]] const u8* live() const { return reinterpret_cast<const u8*>(this + 1); }
  // The free slots from the bottom up: [0, count()), the next to be allocated last.
  [[nodiscard]] std::reverse_iterator<u16*> stack() { return std::reverse_iterator(stack_end()); }
  [[nodiscard]] std::reverse_iterator<const u16*> stack() const { return std::reverse_iterator(stack_end()); }
  [[nodiscard]] u32 count() const { return static_cast<u32>(stack_end() - top); }
  void set_count(u64 count) { top = stack_end() - count; }
  // Where on the stack a slot is; count(): it is not.
  [[nodiscard]] u32 find_free(u64 slot) const {
    return static_cast<u32>(std::find(stack(), stack() + count(), static_cast<u16>(slot)) - stack());
  }
  [[nodiscard]] observe::PackedOrigin* origins() {
    return reinterpret_cast<observe::PackedOrigin*>(reinterpret_cast<u8*>(this) +
                                                    u64{origins_at} * kOriginBytes);
  }
  // Slot numbers are below this.
  [[nodiscard]] u32 slots() const;
  // What the header, marks and origins take.
  [[nodiscard]] static u64 header_bytes(u32 slots, u32 objects, u32 origins_at) {
    return origins_at == 0 ? sizeof(Slab) + slots : (u64{origins_at} + objects) * kOriginBytes;
  }
  [[nodiscard]] static u64 stack_bytes(u64 objects) { return align_up(objects * sizeof(u16), kStackUnit); }
  [[nodiscard]] bool has_free() const { return top != stack_end(); }
  // Takes the last free slot from the stack. Requires: has_free().
  u64 take_slot() {
    const u64 slot = *top++;
    live()[slot] = 1;
    return slot;
  }
  // Requires: live.
  void push_slot(u64 slot) {
    live()[slot] = 0;
    *--top = static_cast<u16>(slot);
  }
  [[nodiscard]] bool is_live(u64 slot) const { return live()[slot] != 0; }
  [[nodiscard]] u32 free_objects() const { return count() + remote; }
  [[nodiscard]] u8* object(u64 slot) const { return base + (slot << shift); }
  // Slot of an address; at least `slots` if no slot starts there.
  [[nodiscard]] u64 slot_of(const void* p) const {
    return std::rotr(static_cast<u64>(static_cast<const u8*>(p) - base), shift);
  }

 private:
  [[nodiscard]] u16* stack_end() { return reinterpret_cast<u16*>(this); }
  [[nodiscard]] const u16* stack_end() const { return reinterpret_cast<const u16*>(this); }
};
static_assert(sizeof(Slab) == 64);

inline u32 slab_slots(u32 objects, u32 size, u8 shift) {
  return objects == 1 ? 1 : objects * (size >> shift);
}

struct SlabList {
  Slab* head = nullptr;
  Slab* tail = nullptr;
  u64 count = 0;
};

struct CpuSlab {
  Slab* current;  // never null: the allocator's empty slab stands for none
  Slab* chain;    // partial slabs
};

// What a module holds as struct kmem_cache *.
class Cache {
 public:
  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  [[nodiscard]] u32 object_size() const { return geometry_.object_size; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] u32 flags() const { return geometry_.flags; }
  [[nodiscard]] u64 constructor() const { return constructor_; }
  [[nodiscard]] u32 usercopy_offset() const { return usercopy_offset_; }
  [[nodiscard]] u32 usercopy_size() const { return usercopy_size_; }
  // Names that share this cache; minus one it is sysfs' `aliases`. -1: a boot cache that never merges.
  [[nodiscard]] s32 reference_count() const { return reference_count_; }
  [[nodiscard]] bool is_debug() const { return (geometry_.flags & slab_flag::kDebug) != 0; }
  [[nodiscard]] u64 slab_count() const { return slab_count_; }
  // The slab that a CPU allocates from; it has no free objects when the allocator must be asked.
  [[nodiscard]] Slab* current(u64 cpu) const { return cpu_slabs()[cpu].current; }
  // Its partial slabs, in the order in which they come next.
  [[nodiscard]] const Slab* chain(u64 cpu) const { return cpu_slabs()[cpu].chain; }
  // How many bytes of a new object must be cleared, given this release's __GFP_ZERO.
  [[nodiscard]] u64 bytes_to_clear(Gfp gfp, Gfp zero) const {
    return zero_bytes_ != 0 ? zero_bytes_ : (gfp & zero) != 0 ? geometry_.object_size : 0;
  }
  // What accounting an object takes, in one word.
  struct Books {
    u64 word;
    // The distance of its objects, in bytes.
    [[nodiscard]] u32 size() const { return static_cast<u32>(word); }
    // Number of the object that starts at a slot.
    [[nodiscard]] u32 object_number(u64 slot) const {
      return static_cast<u32>(slot) * static_cast<u32>(word >> 32);
    }
  };
  [[nodiscard]] Books books() const { return books_; }
  [[nodiscard]] u32 object_number(u64 slot) const { return books_.object_number(slot); }
  // Added to the gfp bits of each request for pages.
  [[nodiscard]] Gfp page_gfp() const { return page_gfp_; }

 private:
  friend class SlabAllocator;
  explicit Cache(std::pmr::memory_resource* resource) : name_(resource) {}
  [[nodiscard]] CpuSlab* cpu_slabs() { return reinterpret_cast<CpuSlab*>(this + 1); }
  [[nodiscard]] const CpuSlab* cpu_slabs() const { return reinterpret_cast<const CpuSlab*>(this + 1); }
  // The partial slabs of each node.
  [[nodiscard]] std::span<SlabList> partials() {
    return {reinterpret_cast<SlabList*>(cpu_slabs() + cpus_), nodes_};
  }
  [[nodiscard]] std::span<const SlabList> partials() const {
    return {reinterpret_cast<const SlabList*>(cpu_slabs() + cpus_), nodes_};
  }
  [[nodiscard]] static u64 bytes(u32 cpus, u32 nodes) {
    return sizeof(Cache) + cpus * sizeof(CpuSlab) + nodes * sizeof(SlabList);
  }

  Geometry geometry_;
  u64 zero_bytes_ = 0;  // what init_on_alloc clears; 0: only on __GFP_ZERO
  Gfp page_gfp_ = 0;    // added to each page request
  u8 shift_ = 3;
  Books books_{};  // its upper half: the inverse of the odd number of slots in an object, modulo 2^32
  bool clears_requested_only_ = false;
  bool clears_freed_ = false;  // init_on_free
  SlabList full_;
  SlabList constructing_;
  u64 slab_count_ = 0;
  u64 object_count_ = 0;
  u64 constructor_ = 0;
  u32 usercopy_offset_ = 0, usercopy_size_ = 0;
  s32 reference_count_ = 1;
  u32 cpus_ = 0, nodes_ = 1;
  u16* random_sequence_ = nullptr;  // a permutation of the object numbers, or none
  std::pmr::string name_;
  Cache* newer_ = nullptr;  // the list of caches, in order of creation
  Cache* older_ = nullptr;
};

inline u32 Slab::slots() const { return slab_slots(objects, cache->geometry().size, shift); }

enum class FreeOutcome : u8 {
  kOk,
  kWrongCache,        // freed into the cache it came from; the kernel WARNs
  kNotSlab,           // no slab page
  kDoubleFree,        // not allocated; nothing changed
  kDoubleFreeOfHead,  // the same, and it was freed last: the kernel BUGs (set_freepointer)
  kNotObjectStart,    // inside a slab, but no object starts there; nothing changed
  kDamaged,           // slub_debug=F found damage and reported it (SlabEvents::damaged); not freed
};

enum class CreateOutcome : u8 {
  kCreated,
  kMerged,    // an existing cache got another name
  kBadFlags,  // -EINVAL
  kBadSize,   // -EINVAL: no slab can hold it
  kZeroSize,  // the kernel divides by zero
};

struct CacheRequest {
  std::string_view name;
  u32 size = 0;
  u32 align = 0;
  u32 flags = 0;        // slab_flag
  u64 constructor = 0;  // opaque to the engine; 0: none
  u32 usercopy_offset = 0;
  u32 usercopy_size = 0;
  std::optional<u32> free_pointer_offset = {};
};

// The constructor of caches that only koi's kernel would fill: never called.
inline constexpr u64 kBootConstructor = ~u64{0};

struct CreateResult {
  Cache* cache = nullptr;
  CreateOutcome outcome = CreateOutcome::kCreated;
  bool bad_usercopy = false;  // the kernel WARNs and ignores the region
};

// A slab that still has objects: what the kernel's "Objects remaining" report needs.
struct RemainingSlab {
  Pfn pfn{};
  SlabState state = SlabState::kFull;  // the kernel's report lists partial slabs only
  u32 objects = 0;
  const u8* first_free = nullptr;
  std::vector<u8*> allocated;
};

enum class DestroyOutcome : u8 { kDestroyed, kStillReferenced, kHasObjects };

struct DestroyResult {
  DestroyOutcome outcome = DestroyOutcome::kDestroyed;
  std::vector<RemainingSlab> remaining;
};

// One line of /proc/slabinfo.
struct SlabInfo {
  std::string_view name;
  u64 active_objects, objects, object_size, objects_per_slab, pages_per_slab, active_slabs, slabs;
};

// What happens in a debugging cache, beside damage.
enum class SlabDebugEvent : u8 {
  kAllocated,  // user tracking: now
  kFreed,
  kMarkedUsed,  // "Marking all objects used"
  kDisabled,    // a free into a slab that was given up; refused
  kWrongCount,  // the freelist was cut short; `value`: objects that are not on it. It is adjusted afterwards
  kEmptyFreelist,  // an allocation met the end of a cut list; `value`: the address that the kernel reads
};

// Calls out of the engine; nothing is half done when they come.
class SlabEvents {
 public:
  virtual ~SlabEvents() = default;
  // Runs a constructor. May call into the allocator; may never return.
  virtual void construct(Cache& cache, u64 constructor, void* object) = 0;
  // A slab of a SLAB_TYPESAFE_BY_RCU cache emptied: call free_rcu_slab() after a grace period.
  virtual void rcu_slab_emptied(Pfn pfn, Order order) = 0;
  // Pages became a slab (before its constructors run), or stopped being one (before they are given back).
  virtual void slab_made(const Cache& /*cache*/, Pfn /*pfn*/, Order /*order*/, u32 /*objects*/) {}
  virtual void slab_gone(const Cache& /*cache*/, Pfn /*pfn*/, Order /*order*/) {}
  // A new slab or a large block (cache nullptr) was wanted with gfp bits that neither may have; they are dropped
  // (the kernel prints "Unexpected gfp").
  virtual void unexpected_gfp(const Cache* cache, Gfp gfp, Gfp used) = 0;
  // A debugging cache found overwritten bytes, which are restored afterwards. `object` nullptr: the slab's unused end.
  virtual void damaged(const Cache& cache, const Slab& slab, u8* object, ObjectUse expected,
                       const Damage& damage) = 0;
  virtual void slab_debug(const Cache& /*cache*/, const Slab& /*slab*/, u8* /*object*/,
                          SlabDebugEvent /*what*/, u64 /*value*/) {}
};

struct SlabConfig {
  Release release = Release::k6_1;
  u32 cpus = 1;
  bool nomerge = false;
  bool hardened_usercopy = true;
  bool freelist_random = true;
  bool init_on_alloc = true;
  bool init_on_free = false;
  u64 seed = 0;
  Yes zeroed_resource = Yes::kNo;                   // as BuddyConfig has it
  bool keep_origins = false;                        // room for an ObjectOrigin beside each object
  std::optional<std::string_view> slab_debug = {};  // the boot option's value ("" is `slub_debug` alone)
  SlabEvents* events = nullptr;
};

struct MemoryLayout {
  u8* direct_map = nullptr;  // host address of pfn 0
};

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

  // Where an allocated object's origin is kept. Requires: keep_origins; an allocated object's start.
  [[nodiscard]] static observe::PackedOrigin& origin_of(Slab* slab, const void* object) {
    return slab->origins()[slab->cache->object_number(slab->slot_of(object))];
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
