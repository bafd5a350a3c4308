// SPDX-License-Identifier: GPL-2.0-only
// Strong types: an integer that does not mix with another kind of integer.
#pragma once

#include <compare>

#include "base/types.h"

namespace koi {

// Tag makes each instance a type of its own; Rep is the integer it holds.
template <class Tag, class Rep = u64>
struct Strong {
  using rep = Rep;
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
};

// Page frame number: physical address / 4096.
using Pfn = Strong<struct PfnTag, u64>;
// log2 of a number of pages: 0..10 in the buddy allocator.
using Order = Strong<struct OrderTag, u8>;
// A virtual CPU's number: 0..63.
using VcpuId = Strong<struct VcpuIdTag, u32>;
// Nanoseconds since the virtual machine booted.
using VirtualTime = Strong<struct VirtualTimeTag, u64>;

}  // namespace koi
