// SPDX-License-Identifier: GPL-2.0-only
#include "report/advice.h"

#include <gtest/gtest.h>

#include "report/memory_report.h"
#include "report/trace_builder.h"

namespace koi::report {
namespace {

using testing::TraceBuilder;

const Suggestion* find(const Advice& advice, u32 site, Alternative to) {
  for (const Suggestion& s : advice.suggestions) {
    if (s.site == site && s.to == to) return &s;
  }
  return nullptr;
}

TEST(Replay, HoldsWhatTheTraceHolds) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc", "setup+0x1/0x2");
  const u32 cache = b.cache("kmalloc-1k");
  for (u64 i = 0; i < 320; ++i) b.alloc(site, 0x10000 + i * 1024, 1000, 1024, AllocatorKind::kSlab, cache);
  b.alloc(site, 0x900000, 20000, 32768, AllocatorKind::kLarge);
  b.alloc(site, 0xa00000, 16384, 16384, AllocatorKind::kPages);
  b.alloc(site, 0xb00000, 9000, 12288, AllocatorKind::kPages);
  b.alloc(site, 0xc00000, 10000, 12288, AllocatorKind::kVmalloc);
  ReplayOptions options;
  options.change.site = site;
  options.snapshot_after = b.trace.events.size();
  const ReplayResult result = replay(b.trace, options);
  EXPECT_EQ(result.failures, 0U);
  EXPECT_EQ(result.site_peak_bytes, 320 * 1024 + 32768 + 16384 + 12288 + 12288U);
  // Ten slabs of 32 objects in 8 pages each, then 8, 4, 3 and 3 pages.
  EXPECT_EQ(result.peak_pages, 80 + 8 + 4 + 3 + 3U);
  ASSERT_TRUE(result.snapshot);
  ASSERT_EQ(result.snapshot->slabs.size(), 1U);
  EXPECT_EQ(result.snapshot->slabs[0].name, "kmalloc-1k");
  EXPECT_EQ(result.snapshot->slabs[0].objects, 320U);
  EXPECT_EQ(result.snapshot->slabs[0].capacity, 320U);
  u64 on_map = 0;
  for (const u32 pages : result.snapshot->map.taken_pages) on_map += pages;
  EXPECT_GE(on_map, result.peak_pages);
  for (const TraceEvent& e : std::vector<TraceEvent>(b.trace.events)) b.free(e.address);
  EXPECT_EQ(replay(b.trace, options).peak_pages, result.peak_pages);
}

TEST(Advice, AnOwnCacheForAStructJustAboveAClass) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc_trace", "setup+0x1/0x2");
  const u32 cache = b.cache("kmalloc-2k");
  for (u64 i = 0; i < 150; ++i) b.alloc(site, 0x10000 + i * 2048, 1064, 2048, AllocatorKind::kSlab, cache);
  const MemoryReport report = make_memory_report(b.trace);
  const Suggestion* own = find(report.advice, site, Alternative::kOwnCache);
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->bytes_before, 150 * 2048U);
  EXPECT_EQ(own->bytes_after, 150 * 1064U);
  EXPECT_GT(own->pages_saved, 0);
  const Suggestion* smaller = find(report.advice, site, Alternative::kNextClass);
  ASSERT_NE(smaller, nullptr);
  EXPECT_EQ(smaller->size, 1024U);
  EXPECT_EQ(smaller->bytes_after, 150 * 1024U);
}

TEST(Advice, ExactPagesForLargeBlocksAndNothingForTidyOnes) {
  TraceBuilder b;
  const u32 large = b.site("__kmalloc_large_noprof", "rings+0x1/0x2");
  const u32 tidy = b.site("kmalloc_trace", "tidy+0x1/0x2");
  const u32 cache = b.cache("kmalloc-64");
  for (u64 i = 0; i < 10; ++i) {
    b.alloc(large, 0x100000 + i * 32768, 20000, 32768, AllocatorKind::kLarge);
    b.alloc(tidy, 0x10000 + i * 64, 64, 64, AllocatorKind::kSlab, cache);
  }
  const MemoryReport report = make_memory_report(b.trace);
  const Suggestion* exact = find(report.advice, large, Alternative::kExactPages);
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->bytes_saved(), 10 * (32768 - 20480U));
  EXPECT_EQ(exact->pages_saved, 30);
  EXPECT_NE(find(report.advice, large, Alternative::kVmalloc), nullptr);
  EXPECT_EQ(find(report.advice, large, Alternative::kKvmalloc), nullptr);  // it tries kmalloc first
  EXPECT_EQ(find(report.advice, tidy, Alternative::kOwnCache), nullptr);
  EXPECT_EQ(report.advice.other.name, "6.12");
  EXPECT_GT(report.advice.other.peak_pages, 0U);
}

TEST(Report, TheHtmlHoldsTheDataAndCannotBeBrokenByIt) {
  TraceBuilder b;
  const u32 site = b.site("kmalloc", "</script><script>alert(1)</script>");
  b.alloc(site, 0x1000, 65, 128);
  const MemoryReport report = make_memory_report(b.trace);
  const std::string html = report_html(report);
  EXPECT_EQ(html.find("alert(1)</script>"), std::string::npos);
  EXPECT_NE(html.find("koi-memory-report"), std::string::npos);
  EXPECT_EQ(html.find("@KOI_DATA@"), std::string::npos);
  EXPECT_EQ(html.find("src=\"http"), std::string::npos);
  EXPECT_NE(report_text(report).find("wasted 63 (49.2 %)"), std::string::npos);
}

}  // namespace
}  // namespace koi::report
