// SPDX-License-Identifier: GPL-2.0-only
// AddressShadow: a byte for every eight of the world's memory, where code instrumented with -fsanitize=kernel-address looks for it:
// at (address >> 3) + kShadowOffset. Mapped when the first such module is loaded; only touched pages cost memory.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::host {

// -fasan-shadow-offset of `koi build --sanitize=address`. The shadow then lies from 0x2400'0800'0000 (of the window) and
// from 0x2800'0000'0000 (of the direct map) on, where nothing else of the world is.
inline constexpr u64 kShadowOffset = 0x2400'0000'0000;
inline constexpr u64 kShadowGranule = 8;

constexpr u64 shadow_address(u64 address) { return (address >> 3) + kShadowOffset; }

class AddressShadow {
 public:
  AddressShadow() = default;
  ~AddressShadow();
  AddressShadow(const AddressShadow&) = delete;
  AddressShadow& operator=(const AddressShadow&) = delete;

  // Shadow for [begin, begin + bytes). Errors: the host refuses its fixed place.
  Status map(u64 begin, u64 bytes);
  // Is there shadow for all of it?
  [[nodiscard]] bool covers(u64 address, u64 bytes) const;

  // Requires: covered.
  [[nodiscard]] static u8& at(u64 address) { return *reinterpret_cast<u8*>(shadow_address(address)); }

 private:
  struct Range {
    u64 begin, end;
  };
  std::vector<Range> ranges_;
};

}  // namespace koi::host
