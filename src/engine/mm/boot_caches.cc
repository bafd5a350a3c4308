// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/boot_caches.h"

namespace koi::mm {
namespace {

void create_those(SlabAllocator& slabs, bool early) {
  const auto caches = slabs.release() == Release::k6_1 ? boot_caches_6_1() : boot_caches_6_12();
  for (const BootCache& cache : caches) {
    const bool is_early = cache.reference_count < 0;
    if (is_early != early) continue;
    (void)slabs.create_boot({.name = cache.name,
                             .size = cache.object_size,
                             .align = cache.align,
                             .flags = cache.flags,
                             .constructor = cache.has_constructor ? kBootConstructor : 0,
                             .usercopy_size = cache.usercopy_bytes},
                            cache.reference_count);
  }
}

}  // namespace

void create_early_caches(SlabAllocator& slabs) { create_those(slabs, true); }
void create_boot_caches(SlabAllocator& slabs) { create_those(slabs, false); }

}  // namespace koi::mm
