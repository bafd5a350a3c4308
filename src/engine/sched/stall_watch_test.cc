// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/stall_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace koi::sched {
namespace {

constexpr u64 kSecondNs = 1'000'000'000;
constexpr u64 kTick = 4'000'000;

struct Found {
  StallKind kind;
  u64 at_s;
  u64 seconds;
  bool operator==(const Found&) const = default;
};

// What a CPU hears that is busy from `begin_s` to `end_s`.
std::vector<Found> watch(StallWatch& watch, u64 begin_s, u64 end_s, Interrupts interrupts, Reader reader) {
  std::vector<Found> found;
  for (u64 now = begin_s * kSecondNs; now < end_s * kSecondNs; now += kTick) {
    if (const auto stall = watch.look(now, interrupts, reader); stall) {
      found.push_back({stall->kind, now / kSecondNs, stall->seconds});
    }
  }
  return found;
}

TEST(StallWatch, ALoopWithPreemptionOnIsASoftLockupOnly) {
  StallWatch w;
  w.touch(0);
  const auto found = watch(w, 0, 60, Interrupts::kOn, Reader::kNo);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (Found{StallKind::kSoftLockup, 24, 22}));
  EXPECT_EQ(found[1], (Found{StallKind::kSoftLockup, 48, 44}));
}

TEST(StallWatch, ASpinnerIsAnRcuStallFirst) {
  StallWatch w;
  w.touch(3 * kSecondNs);
  const auto found = watch(w, 3, 60, Interrupts::kOn, Reader::kYes);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (Found{StallKind::kRcuStall, 24, 0}));
  EXPECT_EQ(found[1].kind, StallKind::kSoftLockup);
  EXPECT_EQ(found[1].at_s, 48U);
  EXPECT_EQ(found[1].seconds, 44U);
}

TEST(StallWatch, InterruptsOffIsAHardLockupOnce) {
  StallWatch w;
  w.touch(3 * kSecondNs);
  const auto found = watch(w, 3, 100, Interrupts::kOff, Reader::kYes);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], (Found{StallKind::kHardLockup, 20, 0}));
}

TEST(StallWatch, WhoSwitchesInTimeHearsNothing) {
  StallWatch w;
  for (u64 second = 0; second < 200; second += 20) {
    w.touch(second * kSecondNs);
    EXPECT_TRUE(watch(w, second, second + 20, Interrupts::kOn, Reader::kYes).empty());
  }
  for (u64 second = 200; second < 260; second += 9) {
    w.touch(second * kSecondNs);
    EXPECT_TRUE(watch(w, second, second + 9, Interrupts::kOff, Reader::kYes).empty());
  }
}

TEST(StallWatch, AReaderThatLeavesNowAndThenIsNoStall) {
  StallWatch w;
  w.touch(0);
  for (u64 now = 0; now < 23 * kSecondNs; now += kTick) {
    const Reader reader = now % (20 * kSecondNs) == 0 ? Reader::kNo : Reader::kYes;
    EXPECT_FALSE(w.look(now, Interrupts::kOn, reader)) << now;
  }
}

TEST(StallWatch, TheRcuStallIsRepeatedAfterThreeTimesAsLong) {
  StallWatch w;
  w.touch(0);
  std::vector<u64> at;
  for (const Found& f : watch(w, 0, 200, Interrupts::kOn, Reader::kYes)) {
    if (f.kind == StallKind::kRcuStall) at.push_back(f.at_s);
  }
  EXPECT_EQ(at, (std::vector<u64>{21, 84, 147}));
}

}  // namespace
}  // namespace koi::sched
