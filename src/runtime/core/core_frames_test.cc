// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/core_frames.h"

#include <gtest/gtest.h>

#include <map>

namespace koi::runtime {
namespace {

// Return addresses of a pretended core: one function at each thousand.
const std::map<u64, std::string_view> kNames = {
    {1000, "schedule_timeout"},         {2000, "koi_call_timer"},      {3000, "koi_timer_interrupt"},
    {4000, "koi_run_work.constprop.0"}, {5000, "worker_thread"},       {6000, "koi_kthread_main"},
    {7000, "koi_run_hrtimer"},          {8000, "koi_hrtimer_softirq"},
};
constexpr u64 kModuleText = 90'000;

std::string_view core_name(u64 address) {
  const auto it = kNames.find(address / 1000 * 1000);
  return it == kNames.end() ? std::string_view() : it->second;
}

Frame text(u64 address, bool reliable = true) {
  Frame frame;
  frame.kind = FrameKind::kText;
  frame.address = address + 5;
  frame.reliable = reliable;
  return frame;
}

Frame base() {
  Frame frame;
  frame.kind = FrameKind::kBase;
  return frame;
}

TEST(CoreFrames, KernelNamesStayAndKoisGo) {
  const Frame frames[] = {text(1000), text(kModuleText), text(6000), base()};
  const CoreFrames split = split_core_frames(frames, core_name);
  ASSERT_EQ(split.frames.size(), 3U);
  EXPECT_EQ(split.frames[0].address, 1005U);
  EXPECT_EQ(split.frames[1].address, kModuleText + 5);
  EXPECT_EQ(split.context, FrameContext::kKthread);
  EXPECT_FALSE(split.in_interrupt);
}

TEST(CoreFrames, TheContextStandsForWhatIsBelowAWork) {
  const Frame frames[] = {text(kModuleText), text(4000), text(5000), text(6000), base()};
  const CoreFrames split = split_core_frames(frames, core_name);
  EXPECT_EQ(split.context, FrameContext::kWork);
  ASSERT_EQ(split.frames.size(), 2U);
  EXPECT_EQ(split.frames[1].kind, FrameKind::kBase);
}

TEST(CoreFrames, AnIdleWorkerKeepsItsLoop) {
  const Frame frames[] = {text(1000), text(5000), text(6000), base()};
  const CoreFrames split = split_core_frames(frames, core_name);
  EXPECT_EQ(split.context, FrameContext::kKthread);
  ASSERT_EQ(split.frames.size(), 3U);
  EXPECT_EQ(split.frames[1].address, 5005U);
}

TEST(CoreFrames, AnInterruptEndsTheTraceAboveWhatItInterrupted) {
  const Frame frames[] = {text(kModuleText), text(2000), text(3000), text(kModuleText + 1000), base()};
  const CoreFrames split = split_core_frames(frames, core_name);
  EXPECT_EQ(split.context, FrameContext::kTimer);
  EXPECT_TRUE(split.in_interrupt);
  ASSERT_EQ(split.frames.size(), 2U);
  EXPECT_EQ(split.frames[1].kind, FrameKind::kBase);
  ASSERT_EQ(split.interrupted.size(), 2U);
  EXPECT_EQ(split.interrupted[0].address, kModuleText + 1005);
}

TEST(CoreFrames, SoftHrtimersAreTold) {
  const Frame frames[] = {text(kModuleText), text(7000), text(8000), text(3000), base()};
  EXPECT_EQ(split_core_frames(frames, core_name).context, FrameContext::kHrtimerSoft);
}

TEST(CoreFrames, AGuessSaysNothingAboutTheContext) {
  const Frame frames[] = {text(kModuleText), text(2000, false), text(6000), base()};
  const CoreFrames split = split_core_frames(frames, core_name);
  EXPECT_EQ(split.context, FrameContext::kKthread);
  EXPECT_EQ(split.frames.size(), 2U);
}

}  // namespace
}  // namespace koi::runtime
