// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/ratelimit.h"

#include <fmt/format.h>

namespace koi::printk {
namespace {

// time_before(): right across the wrap of jiffies.
bool is_before(u64 a, u64 b) { return static_cast<s64>(a - b) < 0; }

template <class T>
bool load_field(T& field, guest::Address base, u32 offset) {
  return guest::copy_in(&field, base + offset, sizeof(T)) == 0;
}

}  // namespace

RatelimitVerdict ratelimit(RatelimitState& state, u64 jiffies) {
  RatelimitVerdict verdict;
  if (state.interval == 0) {
    verdict.allowed = true;
    return verdict;
  }
  if (state.begin == 0) state.begin = jiffies;
  if (is_before(state.begin + static_cast<u64>(static_cast<s64>(state.interval)), jiffies)) {
    if (state.missed != 0 && !(state.flags & kRatelimitMessageOnRelease)) {
      verdict.suppressed = state.missed;
      state.missed = 0;
    }
    state.begin = jiffies;
    state.printed = 0;
  }
  if (state.burst != 0 && state.burst > state.printed) {
    ++state.printed;
    verdict.allowed = true;
  } else {
    ++state.missed;
  }
  return verdict;
}

std::string suppressed_line(std::string_view function, s32 suppressed) {
  return fmt::format("{}: {} callbacks suppressed\n", function, suppressed);
}

std::optional<RatelimitVerdict> ratelimit_guest(guest::Address address, const RatelimitOffsets& offsets,
                                                u64 jiffies) {
  RatelimitState state;
  if (!load_field(state.interval, address, offsets.interval) ||
      !load_field(state.burst, address, offsets.burst) ||
      !load_field(state.printed, address, offsets.printed) ||
      !load_field(state.missed, address, offsets.missed) ||
      !load_field(state.flags, address, offsets.flags) || !load_field(state.begin, address, offsets.begin)) {
    return std::nullopt;
  }
  const RatelimitVerdict verdict = ratelimit(state, jiffies);
  if (state.interval == 0) return verdict;  // the kernel writes nothing then
  if (!guest::store(address + offsets.printed, state.printed) ||
      !guest::store(address + offsets.missed, state.missed) ||
      !guest::store(address + offsets.begin, state.begin)) {
    return std::nullopt;
  }
  return verdict;
}

}  // namespace koi::printk
