// SPDX-License-Identifier: GPL-2.0-only
#include "report/analysis.h"

#include <gtest/gtest.h>

#include "report/trace_builder.h"

namespace koi::report {
namespace {

using testing::TraceBuilder;

TEST(Analysis, CountsPerSiteSortedByWaste) {
  TraceBuilder b;
  const u32 tidy = b.site("kmalloc", "tidy+0x1/0x2");
  const u32 wasteful = b.site("kmalloc", "wasteful+0x1/0x2");
  const u32 cache = b.cache("kmalloc-128");
  b.alloc(tidy, 0x1000, 128, 128, AllocatorKind::kSlab, cache);
  b.alloc(wasteful, 0x2000, 65, 128, AllocatorKind::kSlab, cache);
  b.alloc(wasteful, 0x3000, 70, 128, AllocatorKind::kSlab, cache);
  b.free(0x2000, 128);
  b.alloc(wasteful, 0x2000, 65, 128, AllocatorKind::kSlab, cache);
  b.free(0x1000);
  const Analysis a = analyse(b.trace);
  ASSERT_EQ(a.sites.size(), 2U);
  EXPECT_EQ(a.sites[0].site, wasteful);
  EXPECT_EQ(a.sites[0].calls, 3U);
  EXPECT_EQ(a.sites[0].live_objects, 2U);
  EXPECT_EQ(a.sites[0].wasted(), 3 * 128U - 200);
  EXPECT_EQ(a.sites[0].peak_actual, 256U);
  EXPECT_EQ(a.sites[0].peak_requested, 135U);
  EXPECT_EQ(a.sites[0].smallest, 65U);
  EXPECT_EQ(a.sites[0].largest, 70U);
  EXPECT_EQ(a.sites[0].lifetimes[0], 1U);  // 200 ns
  EXPECT_EQ(a.sites[0].lifetimes[kLifetimeClasses - 1], 2U);
  EXPECT_EQ(a.sites[1].wasted(), 0U);
  EXPECT_EQ(a.sites[1].live_objects, 0U);
  EXPECT_EQ(a.total.peak_actual, 384U);
  EXPECT_EQ(a.peak_event, 3U);
  ASSERT_EQ(a.caches.size(), 1U);
  EXPECT_EQ(a.caches[0].name, "kmalloc-128");
  ASSERT_EQ(a.sizes.size(), 3U);
  EXPECT_EQ(a.sizes[0].requested, 65U);
  EXPECT_EQ(a.sizes[0].calls, 2U);
  EXPECT_TRUE(a.leaks.empty());
}

TEST(Analysis, WhatHasNoSiteIsApart) {
  TraceBuilder b;
  b.alloc(0, 0x1000, 100, 128);
  b.free(0x1000);
  Analysis a = analyse(b.trace);
  EXPECT_EQ(a.total.calls, 0U);
  EXPECT_EQ(a.unattributed.calls, 1U);
  EXPECT_EQ(a.unattributed.live_actual, 0U);
  EXPECT_TRUE(a.sites.empty());
  b.trace.machine.source = "perf";  // a real kernel's: all count
  a = analyse(b.trace);
  EXPECT_EQ(a.total.calls, 1U);
}

TEST(Analysis, LeaksAreWhatOutlivesItsModule) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc", "setup+0x1/0x2");
  b.trace.stacks.push_back({"setup+0x1/0x2 [driver]"});
  b.alloc(site, 0x1000, 100, 128).stack = 1;
  b.alloc(site, 0x2000, 100, 128).stack = 1;
  b.alloc(site, 0x3000, 100, 128).stack = 1;
  EXPECT_TRUE(analyse(b.trace).leaks.empty());  // still loaded
  b.free(0x1000);
  b.unload();
  EXPECT_EQ(analyse(b.trace).leaks.size(), 1U);
  b.free(0x2000);  // by somebody else, later
  const Analysis a = analyse(b.trace);
  ASSERT_EQ(a.leaks.size(), 1U);
  EXPECT_EQ(a.leaks[0].objects, 1U);
  EXPECT_EQ(a.leaks[0].actual, 128U);
  EXPECT_EQ(a.leaks[0].stack, 1U);
}

TEST(Analysis, BlocksMayGoPageByPage) {
  TraceBuilder b;
  const u32 site = b.site("alloc_pages_exact", "setup+0x1/0x2");
  b.alloc(site, 0x10000, 9000, 12288, AllocatorKind::kPages);
  b.free(0x11000, 4096);
  Analysis a = analyse(b.trace);
  EXPECT_EQ(a.sites[0].live_objects, 1U);
  EXPECT_EQ(a.sites[0].live_actual, 8192U);
  EXPECT_EQ(a.sites[0].live_requested, 9000U - 4096);
  b.free(0x10000, 4096);
  b.free(0x12000, 4096);
  a = analyse(b.trace);
  EXPECT_EQ(a.sites[0].live_objects, 0U);
  EXPECT_EQ(a.sites[0].live_actual, 0U);
  EXPECT_EQ(a.sites[0].live_requested, 0U);
  EXPECT_EQ(a.unknown_frees, 0U);
}

TEST(Analysis, ResizesChangeWhatIsAskedFor) {
  TraceBuilder b;
  const u32 site = b.site("krealloc", "setup+0x1/0x2");
  b.alloc(site, 0x1000, 100, 128);
  b.resize(0x1000, 120);
  EXPECT_EQ(analyse(b.trace).sites[0].live_requested, 120U);
  b.free(0x1000);
  const Analysis a = analyse(b.trace);
  EXPECT_EQ(a.sites[0].live_requested, 0U);
  EXPECT_EQ(a.sites[0].wasted(), 8U);
}

TEST(Analysis, TheTimelineKeepsItsPeakWhenThinned) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc", "setup+0x1/0x2");
  for (u64 i = 0; i < 5000; ++i) {
    b.alloc(site, 0x1000, 100, i == 2345 ? 1'000'000 : 128);
    b.free(0x1000);
  }
  const Analysis a = analyse(b.trace);
  EXPECT_EQ(a.timeline.size(), kTimelinePoints);
  u64 peak = 0;
  for (const Moment& m : a.timeline) peak = std::max(peak, m.actual);
  EXPECT_EQ(peak, 1'000'000U);
  EXPECT_EQ(peak, a.total.peak_actual);
}

TEST(Analysis, FreesOfOlderMemoryAndSecondAllocationsOfOneAddress) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc", "setup+0x1/0x2");
  b.free(0x9000);
  b.alloc(site, 0x1000, 100, 128);
  b.alloc(site, 0x1000, 100, 128);  // the free in between was lost
  const Analysis a = analyse(b.trace);
  EXPECT_EQ(a.unknown_frees, 1U);
  EXPECT_EQ(a.sites[0].live_objects, 1U);
  EXPECT_EQ(a.sites[0].live_actual, 128U);
}

}  // namespace
}  // namespace koi::report
