// SPDX-License-Identifier: GPL-2.0-only
// ___ratelimit: at most `burst` messages in each `interval`, and a count of those that were withheld.
//
// The kernel's trylock of the state never fails here: the call is not interrupted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "host/guest_memory.h"

namespace koi::printk {

struct RatelimitState {
  s32 interval = 0;  // jiffies; 0: no limit
  s32 burst = 0;
  s32 printed = 0;
  s32 missed = 0;
  u32 flags = 0;
  u64 begin = 0;  // jiffies
};
inline constexpr u32 kRatelimitMessageOnRelease = 1;  // RATELIMIT_MSG_ON_RELEASE

struct RatelimitVerdict {
  bool allowed = false;
  s32 suppressed = 0;  // above 0: print suppressed_line() at KERN_WARNING before anything else
};

// One call at `jiffies`.
[[nodiscard]] RatelimitVerdict ratelimit(RatelimitState& state, u64 jiffies);

// "func: 3 callbacks suppressed\n"
[[nodiscard]] std::string suppressed_line(std::string_view function, s32 suppressed);

// Offsets in bytes within struct ratelimit_state; the defaults are Debian's 6.12 amd64 (6.1: flags at 32).
struct RatelimitOffsets {
  u32 interval = 4;
  u32 burst = 8;
  u32 printed = 12;
  u32 missed = 16;
  u32 flags = 20;
  u32 begin = 24;
};

// The same on a guest struct. nullopt: it cannot be read or written (guest::last_fault()).
[[nodiscard]] std::optional<RatelimitVerdict> ratelimit_guest(guest::Address state,
                                                              const RatelimitOffsets& offsets, u64 jiffies);

}  // namespace koi::printk
