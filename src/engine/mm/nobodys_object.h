// SPDX-License-Identifier: GPL-2.0-only
// Objects that slub_debug took out of use ("Marking all objects used"): they count as allocated, and nobody asked for them.
#pragma once

#include "observe/allocation_sites.h"

namespace koi::mm {

// The origin of such an object. No allocation happens at that time.
inline constexpr observe::PackedOrigin kNobodysOrigin{0, ~u64{0}};
[[nodiscard]] constexpr bool is_nobodys(const observe::PackedOrigin& origin) {
  return origin.time_ns == kNobodysOrigin.time_ns;
}

}  // namespace koi::mm
