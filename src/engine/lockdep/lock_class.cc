// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lockdep/lock_class.h"

namespace koi::lockdep {
namespace {

char usage_character(u16 usage, u8 used_in) {
  const bool in = (usage & mask_of(used_in)) != 0;
  const bool enabled = (usage & mask_of(static_cast<u8>(used_in | kUsageDirection))) != 0;
  if (enabled) return in ? '?' : '+';
  return in ? '-' : '.';
}

}  // namespace

std::array<char, 5> usage_characters(u16 usage) {
  return {usage_character(usage, kUsedInHardirq), usage_character(usage, kUsedInHardirqRead),
          usage_character(usage, kUsedInSoftirq), usage_character(usage, kUsedInSoftirqRead), '\0'};
}

const char* usage_name(u8 bit) {
  static constexpr const char* kNames[kUsageBits] = {
      "IN-HARDIRQ-W", "IN-HARDIRQ-R", "HARDIRQ-ON-W", "HARDIRQ-ON-R", "IN-SOFTIRQ-W",
      "IN-SOFTIRQ-R", "SOFTIRQ-ON-W", "SOFTIRQ-ON-R", "INITIAL USE",  "INITIAL READ USE"};
  return bit < kUsageBits ? kNames[bit] : "";
}

}  // namespace koi::lockdep
