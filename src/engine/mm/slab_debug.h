// SPDX-License-Identifier: GPL-2.0-only
// What debugging caches write around and into their objects, and how damage is found.
//
//   slub_debug=Z  red zones left and right of the object: 0xbb while free, 0xcc while allocated
//   slub_debug=P  a free object is 0x6b...6b 0xa5, padding is 0x5a (an object is handed out filled the same way)
//   slub_debug=U  kmalloc keeps the requested size; 6.12 extends the red zone over what was not asked for
//   slub_debug=F  all of it is checked at each allocation and free
//
// Functions over one object's memory; the allocator calls them, the caller of the allocator prints. Follows
// init_object() and check_object() of 6.1 and 6.12. Deviation: the words of the free pointer and of the two tracks
// are left alone, as koi keeps both elsewhere.
#pragma once

#include <optional>
#include <string_view>

#include "engine/mm/geometry.h"

namespace koi::mm {

namespace slab_poison {
inline constexpr u8 kInuse = 0x5a;
inline constexpr u8 kFree = 0x6b;
inline constexpr u8 kEnd = 0xa5;
inline constexpr u8 kRedInactive = 0xbb;
inline constexpr u8 kRedActive = 0xcc;
}  // namespace slab_poison

enum class ObjectUse : u8 { kFree, kAllocated };

// A run of bytes that are not what they should be.
struct Damage {
  std::string_view what;  // "Left Redzone", "Right Redzone", "kmalloc Redzone", "Poison", "End Poison", ...
  u8* first = nullptr;
  u8* last = nullptr;  // inclusive
  u8 found = 0;        // at `first`
  u8 expected = 0;
  bool repeated = false;  // not the first of this object that was found

  // Puts the expected bytes back, as the kernel does after its report.
  void restore() const;
};

class SlabDebug {
 public:
  SlabDebug(Release release, const Geometry& geometry) : release_(release), g_(geometry) {}

  // A new slab: padding everywhere, then each object free.
  void prepare_slab(u8* start, u64 bytes) const;
  void mark(u8* object, ObjectUse use) const;
  // The first damage of an object that should be in this state.
  [[nodiscard]] std::optional<Damage> check(u8* object, ObjectUse use) const;
  // The unused end of a slab.
  [[nodiscard]] std::optional<Damage> check_slab_padding(u8* start, u64 bytes) const;

  // Requested size of a kmalloc object; its object size where none is kept.
  [[nodiscard]] bool keeps_requested_size() const {
    constexpr u32 both = slab_flag::kStoreUser | slab_flag::kKmalloc;
    return (g_.flags & both) == both;
  }
  void set_requested_size(u8* object, u32 bytes) const;
  [[nodiscard]] u32 requested_size(const u8* object) const;
  // Behind the tracks and the requested size: where padding begins.
  [[nodiscard]] u32 metadata_end() const;

 private:
  [[nodiscard]] bool has(u32 flag) const { return (g_.flags & flag) != 0; }
  [[nodiscard]] bool extends_red_zone(ObjectUse use) const {
    return release_ != Release::k6_1 && use == ObjectUse::kAllocated && has(slab_flag::kRedZone) &&
           keeps_requested_size();
  }

  Release release_;
  const Geometry& g_;
};

}  // namespace koi::mm
