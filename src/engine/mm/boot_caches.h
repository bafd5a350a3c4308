// SPDX-License-Identifier: GPL-2.0-only
// The slab caches that a booted kernel has before any module is loaded, so that what modules create merges with the
// same neighbours and /proc/slabinfo lists the same names. Data, read off booted Debian kernels (amd64).
#pragma once

#include <span>
#include <string_view>

#include "engine/mm/slab.h"
#include "engine/mm/slab_sysfs.h"

namespace koi::mm {

struct BootCache {
  std::string_view name;
  u32 object_size;
  u32 align;
  u32 flags;
  u32 usercopy_bytes;
  s32 reference_count;
  std::string_view constructor;  // as ctor in sysfs names it; empty: none
};

// A cache that is only a name for another one, unless the boot options keep caches apart.
struct BootAlias {
  std::string_view name;
  u32 object_size;
  u32 align;
  u32 flags;
};

// The object size of a cache that is shared, as long as nobody shares it.
struct BootOwnSize {
  std::string_view name;
  u32 object_size;
};

[[nodiscard]] std::span<const BootOwnSize> boot_own_sizes_6_1();
[[nodiscard]] std::span<const BootOwnSize> boot_own_sizes_6_12();
[[nodiscard]] std::span<const BootAlias> boot_aliases_6_1();
[[nodiscard]] std::span<const BootAlias> boot_aliases_6_12();
[[nodiscard]] std::span<const BootCache> boot_caches_6_1();
[[nodiscard]] std::span<const BootCache> boot_caches_6_12();

// Those that exist before kmalloc's: call before constructing Kmalloc.
void create_early_caches(SlabAllocator& slabs);
// All others: call after. Where caches are kept apart (slab_nomerge, debugging), the aliases come last, each with slabs of
// its own.
void create_boot_caches(SlabAllocator& slabs);
// The constructor of a cache that has kBootConstructor, as the ctor file names it.
[[nodiscard]] std::string_view boot_constructor_name(Release release, std::string_view cache);
// What /sys/kernel/slab shows of all caches that there are, and of the names that share one.
void list_boot_caches(const SlabAllocator& slabs, SlabDirectory& directory);

}  // namespace koi::mm
