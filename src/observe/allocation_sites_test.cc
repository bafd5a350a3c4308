// SPDX-License-Identifier: GPL-2.0-only
#include "observe/allocation_sites.h"

#include <gtest/gtest.h>

namespace koi::observe {
namespace {

TEST(PackedOrigin, KeepsWhatFits) {
  const ObjectOrigin origin{kMaxSites - 1, 0x1000cc0, 8192, ~u64{0}};
  const ObjectOrigin back = PackedOrigin::pack(origin).unpack(9999);
  EXPECT_EQ(back.site, origin.site);
  EXPECT_EQ(back.gfp, origin.gfp);
  EXPECT_EQ(back.requested, 8192u);
  EXPECT_EQ(back.time_ns, origin.time_ns);
}

TEST(PackedOrigin, RequestsBeyondItsFieldAreTheWholeObject) {
  EXPECT_EQ(PackedOrigin::pack({1, 0, 65534, 0}).unpack(70000).requested, 65534u);
  EXPECT_EQ(PackedOrigin::pack({1, 0, 65535, 0}).unpack(70000).requested, 70000u);
  EXPECT_EQ(PackedOrigin::pack({1, 0, 69999, 0}).unpack(70000).requested, 70000u);
}

TEST(AllocationSites, LiveIsWhatWasNotFreed) {
  AllocationSites sites(std::pmr::get_default_resource());
  const SiteNumber site = sites.add();
  sites.allocated(site, 100, 128);
  sites.allocated(site, 50, 64);
  sites.freed(site, 100, 128);
  sites.allocated(site, 10, 16);
  sites.failed(site);
  const SiteTotals totals = sites.totals(site);
  EXPECT_EQ(totals.calls, 3u);
  EXPECT_EQ(totals.requested_bytes, 160u);
  EXPECT_EQ(totals.actual_bytes, 208u);
  EXPECT_EQ(totals.live_objects, 2u);
  EXPECT_EQ(totals.live_requested, 60u);
  EXPECT_EQ(totals.live_actual, 80u);
  EXPECT_EQ(totals.peak_actual, 192u);
  EXPECT_EQ(totals.failures, 1u);
  EXPECT_EQ(sites.totals(kNoSite).calls, 0u);
}

TEST(AllocationSites, SplittingMakesObjectsAndNoCalls) {
  AllocationSites sites(std::pmr::get_default_resource());
  sites.allocated(kNoSite, 16384, 16384);
  sites.split(kNoSite, 3);
  EXPECT_EQ(sites.totals(kNoSite).calls, 1u);
  EXPECT_EQ(sites.totals(kNoSite).live_objects, 4u);
  for (int i = 0; i < 4; ++i) sites.freed(kNoSite, 4096, 4096);
  EXPECT_EQ(sites.totals(kNoSite).live_objects, 0u);
  EXPECT_EQ(sites.totals(kNoSite).live_actual, 0u);
}

TEST(AllocationSites, ResizingInPlaceMovesOnlyWhatWasAsked) {
  AllocationSites sites(std::pmr::get_default_resource());
  sites.allocated(kNoSite, 100, 128);
  sites.resized(kNoSite, 100, 20);
  EXPECT_EQ(sites.totals(kNoSite).live_requested, 20u);
  EXPECT_EQ(sites.totals(kNoSite).live_actual, 128u);
  sites.freed(kNoSite, 20, 128);
  EXPECT_EQ(sites.totals(kNoSite).live_requested, 0u);
}

// The leaf functions' way to count: as the other, however many there are.
TEST(SiteCounters, SmallObjectsAddUpBeyondTheSharedWord) {
  SiteCounters counters;
  constexpr u64 kTimes = (u64{1} << 24) + 5;
  constexpr u64 kBytes = SiteCounters::kMostBytes - 1;
  for (u64 i = 0; i < kTimes; ++i) counters.allocated_small(kBytes, 2 * kBytes);
  counters.allocated_small(3, 8, 64);
  EXPECT_EQ(counters.all_calls(), kTimes + 64);
  EXPECT_EQ(counters.all_requested(), kTimes * kBytes + 3 * 64);
  EXPECT_EQ(counters.actual, kTimes * 2 * kBytes + 8 * 64);
  for (u64 i = 0; i < kTimes; ++i) counters.freed_small(kBytes, 2 * kBytes);
  EXPECT_EQ(counters.all_freed_objects(), kTimes);
  EXPECT_EQ(counters.all_freed_requested(), kTimes * kBytes);
  EXPECT_EQ(counters.peak_actual, kTimes * 2 * kBytes + 8 * 64);
}

TEST(SiteCounters, BothWaysCountTheSame) {
  AllocationSites sites(std::pmr::get_default_resource());
  const SiteNumber site = sites.add();
  sites.counters()[site].allocated_small(100, 128);
  sites.allocated(site, 70000, 73728);
  sites.counters()[site].freed_small(100, 128);
  const SiteTotals totals = sites.totals(site);
  EXPECT_EQ(totals.calls, 2U);
  EXPECT_EQ(totals.requested_bytes, 70100U);
  EXPECT_EQ(totals.actual_bytes, 73856U);
  EXPECT_EQ(totals.live_objects, 1U);
  EXPECT_EQ(totals.live_requested, 70000U);
  EXPECT_EQ(totals.live_actual, 73728U);
  EXPECT_EQ(totals.peak_actual, 73856U);
}

// The leaf functions keep the counters' address.
TEST(AllocationSites, SayWhenTheCountersMove) {
  AllocationSites sites(std::pmr::get_default_resource());
  const SiteCounters* known = sites.counters();
  u32 moves = 0;
  sites.on_move([&] {
    known = sites.counters();
    ++moves;
  });
  for (u32 i = 0; i < 5000; ++i) {
    static_cast<void>(sites.add());
    ASSERT_EQ(known, sites.counters());
  }
  EXPECT_GT(moves, 0U);
}

}  // namespace
}  // namespace koi::observe
