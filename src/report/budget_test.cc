// SPDX-License-Identifier: GPL-2.0-only
#include "report/budget.h"

#include <gtest/gtest.h>

#include "report/trace_builder.h"

namespace koi::report {
namespace {

TEST(Budget, KeysSurviveMovedCode) {
  testing::TraceBuilder b;
  const u32 first = b.site("__kmalloc", "setup+0x10/0x80");
  const u32 second = b.site("__kmalloc", "setup+0x40/0x80");
  b.site("__kmalloc", "never+0x1/0x2");
  b.alloc(first, 0x1000, 100, 128);
  b.alloc(second, 0x2000, 30, 32);
  MemoryReport report;
  report.trace = &b.trace;
  report.analysis = analyse(b.trace);
  const Budget now = budget_of(report);
  const Budget expected = {{"driver/setup/__kmalloc", {128, 28}}, {"driver/setup/__kmalloc#2", {32, 2}}};
  EXPECT_EQ(now, expected);
  const auto back = parse_budget(budget_text(now), "b");
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, now);
  EXPECT_TRUE(over_budget(*back, now).empty());
}

TEST(Budget, GrowthAndUnknownSitesAreOver) {
  const Budget allowed = {{"d/f/kmalloc", {100, 10}}};
  EXPECT_TRUE(over_budget(allowed, {{"d/f/kmalloc", {100, 10}}}).empty());
  EXPECT_EQ(over_budget(allowed, {{"d/f/kmalloc", {101, 10}}}).size(), 1U);
  EXPECT_EQ(over_budget(allowed, {{"d/f/kmalloc", {101, 11}}}).size(), 2U);
  EXPECT_EQ(over_budget(allowed, {{"d/g/kmalloc", {1, 0}}}).size(), 1U);
  EXPECT_TRUE(over_budget(allowed, {}).empty());
}

TEST(Budget, BadFilesAreRefused) {
  EXPECT_FALSE(parse_budget("", "b").ok());
  EXPECT_FALSE(parse_budget("koi-budget 2\n", "b").ok());
  EXPECT_EQ(parse_budget("koi-budget 1\nd/f/kmalloc\t1\n", "b").error().message,
            "b:2: not call site, peak and wasted bytes, separated by tabs");
  EXPECT_EQ(parse_budget("koi-budget 1\n# c\nd/f/kmalloc\t1\tx\n", "b").error().message,
            "b:3: not a number of bytes");
}

}  // namespace
}  // namespace koi::report
