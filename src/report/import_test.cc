// SPDX-License-Identifier: GPL-2.0-only
#include "report/import.h"

#include <gtest/gtest.h>

#include "report/analysis.h"

namespace koi::report {
namespace {

constexpr std::string_view kPerf =
    "insmod   213 [001]    12.345678: kmem:kmalloc: call_site=setup+0x42 [driver] ptr=0xffff888003a1c000 "
    "bytes_req=100 bytes_alloc=128 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false\n"
    "insmod   213/214 [000]    12.345700: kmem:kmem_cache_alloc: call_site=open+0x1/0x2 "
    "ptr=0xffff888003a1d000 "
    "bytes_req=192 bytes_alloc=192 gfp_flags=GFP_KERNEL_ACCOUNT node=-1 accounted=true\n"
    "kworker/0:1-ev   9 [000]    12.345800: kmem:kfree: call_site=drop+0x1/0x2 [driver] "
    "ptr=0xffff888003a1c000\n"
    "insmod   213 [000]    12.345900: kmem:kmem_cache_free: call_site=close+0x1/0x2 ptr=0xffff888003a1d000 "
    "name=filp\n"
    "insmod   213 [000]    12.346000: kmem:mm_page_alloc: page=0xffffea0000123400 pfn=0x48d0 order=2 "
    "migratetype=0 "
    "gfp_flags=GFP_KERNEL\n"
    "insmod   213 [000]    12.346100: kmem:mm_page_free: page=0xffffea0000123400 pfn=0x48d0 order=2\n";

constexpr std::string_view kTraceCmd =
    "cpus=2\n"
    "          insmod-213   [001]    12.345678: kmalloc:              call_site=setup+0x42 "
    "ptr=0xffff888003a1c000 "
    "bytes_req=20000 bytes_alloc=32768 gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
    "          insmod-213   [001] ...1.    12.345690123: kfree:                call_site=drop+0x1 "
    "ptr=0xffff888003a1c000\n"
    "          insmod-213   [001]    12.345700: sched_switch:         prev_comm=insmod prev_pid=213\n";

TEST(Import, PerfScript) {
  ImportNotes notes;
  const auto trace = import_trace(kPerf, "t", "6.1", notes);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(notes.events, 6U);
  EXPECT_EQ(notes.bad_line_count, 0U);
  EXPECT_EQ(trace->machine.source, "perf");
  EXPECT_EQ(trace->machine.cpus, 2U);
  const TraceEvent& first = trace->events[0];
  EXPECT_EQ(first.time_ns, 0U);
  EXPECT_EQ(first.pid, 213);
  EXPECT_EQ(first.cpu, 1);
  EXPECT_EQ(first.requested, 100U);
  EXPECT_EQ(first.actual, 128U);
  EXPECT_EQ(trace->caches[first.cache], "kmalloc-128");
  EXPECT_EQ(trace->sites[first.site].module, "driver");
  EXPECT_EQ(trace->sites[first.site].function, "setup+0x42");
  EXPECT_EQ(trace->events[1].time_ns, 22'000U);
  EXPECT_EQ(trace->events[1].pid, 214);
  EXPECT_EQ(trace->caches[trace->events[1].cache], "filp");
  EXPECT_EQ(trace->events[4].actual, 16384U);
  const Analysis a = analyse(*trace);
  EXPECT_EQ(a.total.calls, 3U);
  EXPECT_EQ(a.total.live_objects, 0U);
  EXPECT_EQ(a.unknown_frees, 0U);
}

TEST(Import, TraceCmdReport) {
  ImportNotes notes;
  const auto trace = import_trace(kTraceCmd, "t", "6.12", notes);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->machine.source, "trace-cmd");
  EXPECT_EQ(notes.events, 2U);
  EXPECT_EQ(notes.other_events, 2U);
  EXPECT_EQ(notes.bad_line_count, 0U);
  EXPECT_EQ(trace->events[0].kind, AllocatorKind::kLarge);
  EXPECT_EQ(trace->events[1].time_ns, 12'123U);
}

TEST(Import, BadLinesAreNamedByNumber) {
  ImportNotes notes;
  const std::string text =
      std::string(kPerf) +
      "x 1 [000] 13.000000: kmem:kmalloc: call_site=f bytes_req=1 bytes_alloc=8 gfp_flags=0\n"
      "x 1 [000] 13.000001: kmem:kmalloc: ptr=0x1 bytes_req=9 bytes_alloc=8 gfp_flags=0\n"
      "x 1 [000] 13.000002: kmem:mm_page_alloc: pfn=0x10 order=77 gfp_flags=0\n"
      "x 1 [000] 13.000003: kmem:kfree: call_site=f ptr=zzz\n";
  const auto trace = import_trace(text, "t", "6.1", notes);
  ASSERT_TRUE(trace.ok());
  const std::vector<std::string> expected = {"7: no ptr=", "8: bytes_req= is more than bytes_alloc=",
                                             "9: no order=, or an impossible one", "10: ptr= is no number"};
  EXPECT_EQ(notes.bad_lines, expected);
  EXPECT_EQ(notes.bad_line_count, 4U);
}

TEST(Import, NothingIsAnError) {
  ImportNotes notes;
  EXPECT_NE(
      import_trace("hello\nworld\n", "t", "6.1", notes).error().message.find("no kmem event in 2 lines"),
      std::string::npos);
}

TEST(Import, PagesOfASlabCountOnce) {
  ImportNotes notes;
  const std::string text =
      "a 7 [000] 1.000001: kmem:mm_page_alloc: page=0x1 pfn=0x100 order=3 migratetype=0 "
      "gfp_flags=GFP_KERNEL|__GFP_COMP\n"
      "a 7 [000] 1.000002: kmem:kmalloc: call_site=f+0x1 ptr=0xffff888000100000 bytes_req=20000 "
      "bytes_alloc=32768 "
      "gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
      "a 7 [000] 1.000003: kmem:mm_page_alloc: page=0x2 pfn=0x200 order=0 migratetype=0 "
      "gfp_flags=GFP_KERNEL\n";
  const auto trace = import_trace(text, "t", "6.1", notes);
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(analyse(*trace).total.actual, 32768U + 4096);
}

}  // namespace
}  // namespace koi::report
