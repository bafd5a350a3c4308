// SPDX-License-Identifier: GPL-2.0-only
// What the slab allocator is asked, what it answers, and whom it tells.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/mm/buddy.h"
#include "engine/mm/slab_cache.h"
#include "engine/mm/slab_debug.h"

namespace koi::mm {

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

}  // namespace koi::mm
