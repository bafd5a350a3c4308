// SPDX-License-Identifier: GPL-2.0-only
// A cache of objects of one size: what a module holds as struct kmem_cache *.
#pragma once

#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "engine/mm/geometry.h"
#include "engine/mm/slab_page.h"

namespace koi::mm {

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
  u16* random_sequence_ = nullptr;  // a permutation of the slots where objects start, or none
  std::pmr::string name_;
  Cache* newer_ = nullptr;  // the list of caches, in order of creation
  Cache* older_ = nullptr;
};

inline u32 Slab::slots() const { return slab_slots(objects, cache->geometry().size, shift); }

}  // namespace koi::mm
