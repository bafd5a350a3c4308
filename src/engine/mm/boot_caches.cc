// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/boot_caches.h"

namespace koi::mm {
namespace {

u32 own_size(const SlabAllocator& slabs, const BootCache& cache) {
  const auto sizes = slabs.release() == Release::k6_1 ? boot_own_sizes_6_1() : boot_own_sizes_6_12();
  for (const BootOwnSize& own : sizes) {
    if (own.name == cache.name) return own.object_size;
  }
  return cache.object_size;
}

void create_those(SlabAllocator& slabs, bool early) {
  const auto caches = slabs.release() == Release::k6_1 ? boot_caches_6_1() : boot_caches_6_12();
  for (const BootCache& cache : caches) {
    const bool is_early = cache.reference_count < 0;
    if (is_early != early) continue;
    const bool apart = cache.reference_count > 1 && slabs.keeps_apart(cache.name, cache.flags);
    (void)slabs.create_boot({.name = cache.name,
                             .size = apart ? own_size(slabs, cache) : cache.object_size,
                             .align = cache.align,
                             .flags = cache.flags,
                             .constructor = !cache.constructor.empty() ? kBootConstructor : 0,
                             .usercopy_size = cache.usercopy_bytes},
                            apart ? 1 : cache.reference_count);
  }
}

std::span<const BootAlias> aliases_of(const SlabAllocator& slabs) {
  return slabs.release() == Release::k6_1 ? boot_aliases_6_1() : boot_aliases_6_12();
}

}  // namespace

void create_early_caches(SlabAllocator& slabs) { create_those(slabs, true); }

void create_boot_caches(SlabAllocator& slabs) {
  create_those(slabs, false);
  for (const BootAlias& alias : aliases_of(slabs)) {
    if (!slabs.keeps_apart(alias.name, alias.flags)) continue;
    (void)slabs.create_boot(
        {.name = alias.name, .size = alias.object_size, .align = alias.align, .flags = alias.flags}, 1);
  }
}

std::string_view boot_constructor_name(Release release, std::string_view cache) {
  for (const BootCache& boot : release == Release::k6_1 ? boot_caches_6_1() : boot_caches_6_12()) {
    if (boot.name == cache) return boot.constructor;
  }
  return {};
}

void list_boot_caches(const SlabAllocator& slabs, SlabDirectory& directory) {
  for (Cache* cache : slabs.caches()) directory.created(cache);
  for (const BootAlias& alias : aliases_of(slabs)) {
    if (slabs.keeps_apart(alias.name, alias.flags)) continue;
    Cache* const shared = slabs.find_mergeable(
        {.name = alias.name, .size = alias.object_size, .align = alias.align, .flags = alias.flags});
    if (shared != nullptr) directory.aliased(shared, alias.name);
  }
}

}  // namespace koi::mm
