// SPDX-License-Identifier: GPL-2.0-only
// The fields of a CPU's preempt_count (include/linux/preempt.h), the same in every release that koi presents.
#pragma once

#include "base/types.h"

namespace koi::runtime::preempt_count {

inline constexpr u32 kPreemptMask = 0x0000'00ff;
inline constexpr u32 kSoftirqShift = 8;
inline constexpr u32 kSoftirqMask = 0x0000'ff00;  // bottom halves off, or a soft interrupt is served
inline constexpr u32 kSoftirqServing = 1U << kSoftirqShift;
inline constexpr u32 kHardirqShift = 16;
inline constexpr u32 kHardirqMask = 0x000f'0000;
inline constexpr u32 kNmiMask = 0x00f0'0000;
inline constexpr u32 kHardirqOrNmi = kHardirqMask | kNmiMask;
inline constexpr u32 kInInterrupt = kSoftirqMask | kHardirqOrNmi;  // in_interrupt()
inline constexpr u32 kNeedReschedInverted = 0x8000'0000;

}  // namespace koi::runtime::preempt_count
