// SPDX-License-Identifier: GPL-2.0-only
// Times of events, in ns of virtual time.
#pragma once

#include "base/types.h"

namespace koi::sched {

// An event that will not come: later than every other.
inline constexpr u64 kNever = ~0ULL;

}  // namespace koi::sched
