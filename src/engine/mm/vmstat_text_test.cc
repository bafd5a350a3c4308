// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/vmstat_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

u64 value_of(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  std::string key;
  u64 value = 0;
  while (lines >> key >> value) {
    if (key == name) return value;
  }
  return ~u64{0};
}

TEST(VmstatText, PagesAllocatedAndFreedAddUp) {
  test::SlabMachine m({.cpus = 2});
  const auto text = [&] { return vmstat_events_text(*m.buddy, Release::k6_1, {}); };
  const u64 freed = value_of(text(), "pgfree"), taken = value_of(text(), "pgalloc_dma32");
  const Gfp kernel = m.buddy->gfp().kernel();
  const Place here{VcpuId{0}, kNoNode};
  const PageAllocation one = m.buddy->alloc(Order{0}, kernel, here);
  const PageAllocation many = m.buddy->alloc(Order{5}, kernel, here);
  ASSERT_TRUE(one && many);
  EXPECT_EQ(value_of(text(), "pgalloc_dma32"), taken + 33);
  EXPECT_EQ(value_of(text(), "pgfree"), freed);
  ASSERT_EQ(m.buddy->free(many.pfn, Order{5}, VcpuId{0}), PageFreeOutcome::kOk);
  EXPECT_EQ(value_of(text(), "pgfree"), freed + 32);
  ASSERT_EQ(m.buddy->free(one.pfn, Order{0}, VcpuId{0}), PageFreeOutcome::kOk);
  EXPECT_EQ(value_of(text(), "pgfree"), freed + 33);
  // Now from the CPU's list, the short way.
  const PageAllocation again = m.buddy->alloc(Order{0}, kernel, here);
  EXPECT_EQ(value_of(text(), "pgalloc_dma32"), taken + 34);
  ASSERT_EQ(m.buddy->free(again.pfn, Order{0}, VcpuId{0}), PageFreeOutcome::kOk);
  EXPECT_EQ(value_of(text(), "pgfree"), freed + 34);
}

TEST(VmstatText, EventsAreShownByName) {
  test::SlabMachine m({.cpus = 1});
  VmEvents events;
  events.allocstall[3] = 7;
  events.oom_kill = 2;
  for (const Release release : {Release::k6_1, Release::k6_12}) {
    const std::string text = vmstat_events_text(*m.buddy, release, events);
    EXPECT_EQ(value_of(text, "allocstall_movable"), 7u);
    EXPECT_EQ(value_of(text, "oom_kill"), 2u);
    EXPECT_EQ(value_of(text, "swpin_zero") == 0, release == Release::k6_12);
  }
}

}  // namespace
}  // namespace koi::mm
