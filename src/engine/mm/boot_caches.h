// SPDX-License-Identifier: GPL-2.0-only
// The slab caches that a booted kernel has before any module is loaded, so that what modules create merges with the
// same neighbours and /proc/slabinfo lists the same names. Data, read off booted Debian kernels (amd64).
#pragma once

#include <span>
#include <string_view>

#include "engine/mm/slab.h"

namespace koi::mm {

struct BootCache {
  std::string_view name;
  u32 object_size;
  u32 align;
  u32 flags;
  u32 usercopy_bytes;
  s32 reference_count;
  bool has_constructor;
};

[[nodiscard]] std::span<const BootCache> boot_caches_6_1();
[[nodiscard]] std::span<const BootCache> boot_caches_6_12();

// Those that exist before kmalloc's: call before constructing Kmalloc.
void create_early_caches(SlabAllocator& slabs);
// All others: call after.
void create_boot_caches(SlabAllocator& slabs);

}  // namespace koi::mm
