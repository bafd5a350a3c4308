// SPDX-License-Identifier: GPL-2.0-only
// Numbers of the CPU's exceptions (Intel SDM volume 3, 6.15).
#pragma once

#include "base/types.h"

namespace koi::runtime::trap_vectors {

inline constexpr u64 kDivide = 0;
inline constexpr u64 kInt3 = 3;
inline constexpr u64 kUndefined = 6;
inline constexpr u64 kStackSegment = 12;
inline constexpr u64 kProtection = 13;
inline constexpr u64 kPageFault = 14;
inline constexpr u64 kAlignment = 17;

}  // namespace koi::runtime::trap_vectors
