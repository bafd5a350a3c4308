// SPDX-License-Identifier: GPL-2.0-only
#include "report/trace.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "report/memory_report.h"
#include "report/trace_builder.h"

namespace koi::report {
namespace {

using testing::TraceBuilder;

Trace sample() {
  TraceBuilder b;
  const u32 site = b.site("__kmalloc", "setup+0x42/0x1a0", "/src/driver.c:42");
  const u32 cache = b.cache("kmalloc-128");
  b.trace.stacks.push_back({"setup+0x42/0x1a0 [driver]", "init+0x1/0x2 [driver]"});
  b.alloc(site, 0x1000, 100, 128, AllocatorKind::kSlab, cache).stack = 1;
  b.resize(0x1000, 120);
  b.alloc(site, 0x8000, 20000, 32768, AllocatorKind::kLarge).type = TraceEventType::kFail;
  b.free(0x1000, 128);
  b.unload();
  return b.trace;
}

TEST(Trace, TextAndBack) {
  const Trace trace = sample();
  const std::string text = trace_text(trace);
  const auto back = parse_trace(text, "t");
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(trace_text(*back), text);
  ASSERT_EQ(back->events.size(), 5U);
  EXPECT_EQ(back->events[0].actual, 128U);
  EXPECT_EQ(back->events[2].type, TraceEventType::kFail);
  EXPECT_EQ(back->sites[1], trace.sites[1]);
  EXPECT_EQ(back->stacks[1].size(), 2U);
}

TEST(Trace, FilesAreCompressed) {
  const std::string path = ::testing::TempDir() + "koi_trace_test";
  const Trace trace = sample();
  ASSERT_TRUE(write_trace(trace, path).ok());
  const auto back = read_trace(path);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(trace_text(*back), trace_text(trace));
  std::ofstream(path, std::ios::binary | std::ios::app) << "more";
  EXPECT_FALSE(read_trace(path).ok());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << trace_text(trace);
  EXPECT_NE(read_trace(path).error().message.find("not compressed with zstd"), std::string::npos);
  std::remove(path.c_str());
  EXPECT_FALSE(read_trace(path).ok());
}

TEST(Trace, DamageIsNamedByLine) {
  const std::string head = "koi-trace\t1\nmachine\t6.1\t1\t0\t0\tkoi\nsite\t1\tkmalloc\td\tf+0x0/0x1\t\n";
  const auto wrong = [&](const std::string& line) {
    const auto trace = parse_trace(head + line + "\n", "t");
    return trace.ok() ? std::string("nothing") : trace.error().message;
  };
  EXPECT_EQ(wrong("a\t1\t0\t0\t1\t0\tslab\t0\t8\t8\tcc0\t1000"), "nothing");
  EXPECT_EQ(wrong("a\t1\t0\t0\t2\t0\tslab\t0\t8\t8\tcc0\t1000"),
            "t:4: not an allocation; the trace is damaged");
  EXPECT_EQ(wrong("a\t1\t0\t0\t1\t0\tslap\t0\t8\t8\tcc0\t1000"),
            "t:4: not an allocation; the trace is damaged");
  EXPECT_EQ(wrong("a\t1\t0\t0\t1\t0\tslab\t0\t8\t8\tcc0"), "t:4: not an allocation; the trace is damaged");
  EXPECT_EQ(wrong("f\t1\t0\t0\txyz\t0"), "t:4: not an event; the trace is damaged");
  EXPECT_EQ(wrong("site\t3\tkmalloc\td\tf\t"), "t:4: not a site; the trace is damaged");
  EXPECT_EQ(wrong("b\t1"), "t:4: an unknown kind of line; the trace is damaged");
  EXPECT_EQ(wrong("f\t9\t0\t0\t1000\t0\nf\t8\t0\t0\t1000\t0"),
            "t:5: time goes backwards; the trace is damaged");
  EXPECT_NE(parse_trace("koi-trace\t2\n", "t").error().message.find("this koi reads format 1"),
            std::string::npos);
  EXPECT_FALSE(parse_trace("", "t").ok());
  EXPECT_FALSE(parse_trace("something else\n", "t").ok());
  EXPECT_FALSE(parse_trace("koi-trace\t1\n", "t").ok());
}

// Whatever a file says, reading, analysing and replaying it comes to an end.
TEST(Trace, DamagedTextIsRefusedOrHarmless) {
  Trace small = sample();
  small.machine.memory_bytes = 64ULL << 20;
  const std::string text = trace_text(small);
  u64 state = 1;
  const auto below = [&state](u64 n) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % n;
  };
  u32 accepted = 0;
  for (u32 round = 0; round < 20'000; ++round) {
    std::string damaged = text;
    for (u64 i = 0; i <= below(3); ++i) damaged[below(damaged.size())] = "0123456789abcdef\t\nxr"[below(20)];
    const auto trace = parse_trace(damaged, "t");
    if (!trace.ok()) continue;
    ++accepted;
    const Analysis analysis = analyse(*trace);
    EXPECT_LE(analysis.timeline.size(), kTimelinePoints);
    if (accepted % 64 == 0) {
      EXPECT_FALSE(report_text(make_memory_report(*trace)).empty());
    }
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(Trace, NamesOfSites) {
  EXPECT_EQ((TraceSite{"kmalloc", "driver", "setup+0x42/0x1a0", "/a/driver.c:42"}).name(),
            "driver.c:42 setup");
  EXPECT_EQ((TraceSite{"kmalloc", "driver", "setup+0x42/0x1a0", ""}).name(), "setup+0x42/0x1a0 [driver]");
  EXPECT_EQ((TraceSite{"alloc_pages", "", "", ""}).name(), "alloc_pages");
  EXPECT_EQ(TraceSite{}.name(), "(no call site)");
}

}  // namespace
}  // namespace koi::report
