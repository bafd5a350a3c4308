// SPDX-License-Identifier: GPL-2.0-only
// The kinds of cache that the modules behind kmem_cache_geometry_*.tsv made, under the names of its `variant` column.
#pragma once

#include "base/check.h"
#include "engine/mm/geometry.h"

namespace koi::mm::test {

struct Variant {
  std::string_view name = {};
  u32 flags = 0;
  u32 align = 0;
  bool constructor = false, usercopy = false;
};
inline constexpr Variant kVariants[] = {
    {"v0", 0, 0, false, false},
    {"hw", slab_flag::kHwcacheAlign, 0, false, false},
    {"pr", slab_flag::kPoison | slab_flag::kRedZone, 0, false, false},
    {"po", slab_flag::kPoison, 0, false, false},
    {"rz", slab_flag::kRedZone, 0, false, false},
    {"su", slab_flag::kStoreUser, 0, false, false},
    {"dbg", slab_flag::kConsistencyChecks | slab_flag::kRedZone | slab_flag::kPoison | slab_flag::kStoreUser,
     0, false, false},
    {"ctor", 0, 0, true, false},
    {"ctorpr", slab_flag::kPoison | slab_flag::kRedZone, 0, true, false},
    {"a4", 0, 4, false, false},
    {"a16", 0, 16, false, false},
    {"a32", 0, 32, false, false},
    {"a64", 0, 64, false, false},
    {"a128", 0, 128, false, false},
    {"a4096", 0, 4096, false, false},
    {"hwa16", slab_flag::kHwcacheAlign, 16, false, false},
    {"rcu", slab_flag::kTypesafeByRcu, 0, false, false},
    {"acc", slab_flag::kAccount, 0, false, false},
    {"rec", slab_flag::kReclaimAccount, 0, false, false},
    {"usr", 0, 0, false, true},
};

inline const Variant& variant_named(std::string_view name) {
  for (const Variant& variant : kVariants)
    if (variant.name == name) return variant;
  CHECK(false, "variant {}", name);
  return kVariants[0];
}

}  // namespace koi::mm::test
