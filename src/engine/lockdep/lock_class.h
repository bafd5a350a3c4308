// SPDX-License-Identifier: GPL-2.0-only
// Lock classes: what a lock is, for the rules of order. Locks that one piece of code initialises are one class, whatever
// the number of objects. A class knows its dependencies in both directions and in which contexts it was used.
#pragma once

#include <array>
#include <memory_resource>
#include <string>
#include <vector>

#include "base/types.h"
#include "engine/lockdep/held_locks.h"

namespace koi::lockdep {

using TraceId = u32;
inline constexpr TraceId kNoTrace = 0;

// Usage bits in the order that "{+.?.}" shows them: (hardirq, softirq) x (used in, enabled) x (write, read).
enum UsageBit : u8 {
  kUsedInHardirq = 0,
  kUsedInHardirqRead = 1,
  kEnabledHardirq = 2,
  kEnabledHardirqRead = 3,
  kUsedInSoftirq = 4,
  kUsedInSoftirqRead = 5,
  kEnabledSoftirq = 6,
  kEnabledSoftirqRead = 7,
  kUsed = 8,
  kUsedRead = 9,
  kUsageBits = 10,
};
inline constexpr u32 kIrqUsageBits = 8;
inline constexpr u8 kUsageRead = 1;       // within a bit's number
inline constexpr u8 kUsageDirection = 2;  // set: "enabled"
inline constexpr u8 kUsageState = 4;      // set: softirq
[[nodiscard]] constexpr u16 mask_of(u8 bit) { return static_cast<u16>(1U << bit); }
// The state that excludes `bit` for a writer: the other direction.
[[nodiscard]] constexpr u8 exclusive_bit(u8 bit) {
  return static_cast<u8>((bit & kUsageState) | ((bit & kUsageDirection) ^ kUsageDirection));
}

// What a holder may still do: LD_WAIT_* of the kernel.
enum class WaitType : u8 { kNone = 0, kFree = 1, kSpin = 2, kSleep = 3, kMax = 4 };
[[nodiscard]] constexpr WaitType inner_wait_type(LockKind kind) {
  switch (kind) {
    case LockKind::kSpin:
    case LockKind::kRwlock:
    case LockKind::kRcu:
      return WaitType::kSpin;
    case LockKind::kMutex:
    case LockKind::kRwsem:
    case LockKind::kRtMutex:
    case LockKind::kSleep:
      return WaitType::kSleep;
    case LockKind::kMap:
    case LockKind::kReclaim:
      break;
  }
  return WaitType::kNone;
}
[[nodiscard]] constexpr WaitType outer_wait_type(LockKind kind) {
  return kind == LockKind::kRcu ? WaitType::kFree : inner_wait_type(kind);
}

// What makes two locks the same class; the caller gives it meaning.
struct ClassKey {
  u64 kind = 0;
  u64 a = 0;
  u64 b = 0;
  friend bool operator==(const ClassKey&, const ClassKey&) = default;
};
struct ClassKeyHash {
  size_t operator()(const ClassKey& key) const {
    return (key.a * 0x9e37'79b9'7f4a'7c15) ^ (key.b * 0xc2b2'ae3d'27d4'eb4f) ^ key.kind;
  }
};

// How a dependency can be walked: from a holder that is shared (S) or exclusive (E) to a taker that is recursive (R) or
// not (N), as one bit of a mask.
using Strength = u8;
inline constexpr Strength kSharedToRecursive = 1;
inline constexpr Strength kExclusiveToRecursive = 2;
inline constexpr Strength kSharedToNormal = 4;
inline constexpr Strength kExclusiveToNormal = 8;
inline constexpr Strength kFromShared = kSharedToRecursive | kSharedToNormal;
inline constexpr Strength kToNormal = kSharedToNormal | kExclusiveToNormal;
inline constexpr Strength kToRecursive = kSharedToRecursive | kExclusiveToRecursive;
[[nodiscard]] constexpr Strength strength_of(u32 previous_read, u32 next_read) {
  return static_cast<Strength>(1U << ((previous_read == 0 ? 1 : 0) + (next_read != 2 ? 2 : 0)));
}
// The same dependency, walked backwards.
[[nodiscard]] constexpr Strength backward_strength(u32 previous_read, u32 next_read) {
  return static_cast<Strength>(1U << ((next_read == 0 ? 1 : 0) + (previous_read != 2 ? 2 : 0)));
}

struct Dependency {
  ClassId to = kNoClass;
  Strength strength = 0;
  TraceId trace = kNoTrace;
};

struct LockClass {
  explicit LockClass(std::pmr::memory_resource* resource)
      : name(resource), after(resource), before(resource) {}

  ClassKey key;
  std::pmr::string name;
  u32 version = 1;  // of classes with that name: "name#2"
  LockKind kind = LockKind::kSpin;
  bool alive = true;
  u16 usage = 0;  // mask of UsageBit
  std::array<TraceId, kUsageBits> usage_traces{};
  std::pmr::vector<Dependency> after;   // taken while this one was held
  std::pmr::vector<Dependency> before;  // held while this one was taken
};

// "+.?." of a usage mask.
[[nodiscard]] std::array<char, 5> usage_characters(u16 usage);
// "HARDIRQ-ON-W", "IN-SOFTIRQ-R", "INITIAL USE".
[[nodiscard]] const char* usage_name(u8 bit);

}  // namespace koi::lockdep
