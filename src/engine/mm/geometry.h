// SPDX-License-Identifier: GPL-2.0-only
// How a slab cache lays out its objects: SLUB's rule, as a function from what the creator asked for.
//
//   one object's slot of `size` bytes (debug parts only with their flags):
//   | red_left_pad | object_size | pad to inuse | free pointer | 2 tracks | requested size | red zone | align |
//                                                 ^ or inside the object at `offset` when nothing forbids it
//
// Complexity: a few divisions. Follows the behaviour of calculate_sizes() and calculate_order() of 6.1 and 6.12; the
// two choose different orders only where 6.1 would rather hold fewer objects than waste.
#pragma once

#include <optional>
#include <string_view>

#include "engine/mm/types.h"

namespace koi::mm {

// Flags of a slab cache in koi's own numbering; SlabFlagBits translates a module's.
namespace slab_flag {
inline constexpr u32 kConsistencyChecks = 1u << 0;
inline constexpr u32 kRedZone = 1u << 1;
inline constexpr u32 kPoison = 1u << 2;
inline constexpr u32 kKmalloc = 1u << 3;
inline constexpr u32 kHwcacheAlign = 1u << 4;
inline constexpr u32 kCacheDma = 1u << 5;
inline constexpr u32 kCacheDma32 = 1u << 6;
inline constexpr u32 kStoreUser = 1u << 7;
inline constexpr u32 kPanic = 1u << 8;
inline constexpr u32 kTypesafeByRcu = 1u << 9;
inline constexpr u32 kTrace = 1u << 10;
inline constexpr u32 kNoLeakTrace = 1u << 11;
inline constexpr u32 kNoMerge = 1u << 12;
inline constexpr u32 kAccount = 1u << 13;
inline constexpr u32 kNoUserFlags = 1u << 14;
inline constexpr u32 kReclaimAccount = 1u << 15;
inline constexpr u32 kMemSpread = 1u << 16;
inline constexpr u32 kSkipKfence = 1u << 17;
inline constexpr u32 kNoObjExt = 1u << 18;
inline constexpr u32 kObjectPoison = 1u << 19;  // the object itself is poisoned (set by the geometry)
inline constexpr u32 kUnknown = 1u << 31;       // a bit that the release's table does not have

inline constexpr u32 kDebug = kConsistencyChecks | kRedZone | kPoison | kStoreUser | kTrace;
inline constexpr u32 kDebugMetadata = kRedZone | kPoison | kStoreUser;
inline constexpr u32 kNeverMerge =
    kRedZone | kPoison | kStoreUser | kTrace | kTypesafeByRcu | kNoLeakTrace | kNoMerge;
inline constexpr u32 kMergeSame = kReclaimAccount | kCacheDma | kCacheDma32 | kAccount;
}  // namespace slab_flag

// A slab_flags_t as the module passed it, in koi's numbering. `kfence`: CONFIG_KFENCE, which shifts 6.12's bits.
// Bits that the release lacks come back as slab_flag::kUnknown (kmem_cache_create then fails with -EINVAL).
[[nodiscard]] u32 slab_flags_from_module(Release release, u32 value, Yes kfence = Yes::kNo);

// The debug options of slub_debug= (F, Z, P, U, T; "-" none; O is in `no_higher_order`).
struct SlabDebugOptions {
  u32 flags = 0;
  bool no_higher_order = false;
};
// Does a boot option's value switch anything on, for all caches or for some?
[[nodiscard]] bool slab_debug_enabled(std::string_view text);
[[nodiscard]] SlabDebugOptions parse_slab_debug_letters(std::string_view letters);

struct GeometryRequest {
  Release release = Release::k6_1;
  u32 cpus = 1;
  u32 object_size = 0;
  u32 align = 8;  // as calculate_alignment() gave it
  u32 flags = 0;
  bool has_constructor = false;
  bool no_higher_order_debug = false;           // slub_debug=O
  std::optional<u32> free_pointer_offset = {};  // 6.12: kmem_cache_args.freeptr_offset
};

struct Geometry {
  u32 object_size = 0;
  u32 size = 0;    // distance of two objects
  u32 inuse = 0;   // bytes up to the metadata
  u32 offset = 0;  // of the free pointer
  u32 align = 0;
  u32 red_left_pad = 0;
  u32 flags = 0;  // the request's, and kObjectPoison
  u8 order = 0;
  u8 min_order = 0;     // what is tried when `order` is not to be had
  u32 objects = 0;      // per slab of `order`
  u32 min_objects = 0;  // per slab of `min_order`
  u32 cpu_partial = 0;  // objects kept on a CPU's partial list, as sysfs shows it
  u32 cpu_partial_slabs = 0;
  u32 min_partial = 0;

  // The metadata behind the object, as offsets from its start.
  [[nodiscard]] u32 track_offset() const { return offset >= inuse ? offset + 8 : inuse; }
};

inline constexpr u32 kTrackBytes = 32;  // struct track with a stack depot handle

// Alignment of a cache's objects: the request, raised by SLAB_HWCACHE_ALIGN (less for small objects) and by 8.
[[nodiscard]] u32 calculate_alignment(u32 flags, u32 align, u32 size);

// nullopt: no slab can hold such an object (-EINVAL in the kernel).
[[nodiscard]] std::optional<Geometry> calculate_geometry(const GeometryRequest& request);

}  // namespace koi::mm
