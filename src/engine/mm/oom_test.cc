// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/oom.h"

#include <gtest/gtest.h>

#include <vector>

namespace koi::mm {
namespace {

constexpr u64 kTotalPages = 50000;

OomTask task(s32 pid, u64 rss, s32 adj = 0) {
  OomTask made;
  made.pid = pid;
  made.rss = rss;
  made.oom_score_adj = adj;
  return made;
}

TEST(Oom, KillsTheTaskWithMostMemory) {
  const std::vector<OomTask> tasks = {task(90, 20), task(91, 400), task(92, 30)};
  const OomChoice choice = choose_oom_victim(tasks, kTotalPages);
  EXPECT_EQ(choice.verdict, OomVerdict::kKill);
  EXPECT_EQ(choice.index, 1u);
}

TEST(Oom, PageTablesAndSwapCountAsMemory) {
  std::vector<OomTask> tasks = {task(90, 100), task(91, 50)};
  tasks[1].page_table_pages = 30;
  tasks[1].swap = 30;
  EXPECT_EQ(choose_oom_victim(tasks, kTotalPages).index, 1u);
}

TEST(Oom, TheYoungerOfEqualsDies) {
  const std::vector<OomTask> tasks = {task(90, 20), task(91, 20)};
  EXPECT_EQ(choose_oom_victim(tasks, kTotalPages).index, 1u);
}

TEST(Oom, AdjustmentShiftsByThousandthsOfAllMemory) {
  // 100 * 50 pages outweigh 4999 pages, not 5001.
  EXPECT_EQ(choose_oom_victim(std::vector<OomTask>{task(90, 0, 100), task(91, 4999)}, kTotalPages).index, 0u);
  EXPECT_EQ(choose_oom_victim(std::vector<OomTask>{task(90, 0, 100), task(91, 5001)}, kTotalPages).index, 1u);
  EXPECT_EQ(choose_oom_victim(std::vector<OomTask>{task(90, 9000, -500), task(91, 1)}, kTotalPages).index,
            1u);
}

TEST(Oom, MinusThousandAndKernelThreadsAreExempt) {
  std::vector<OomTask> tasks = {task(90, 500, kOomScoreAdjMin), task(2, 0)};
  tasks[1].unkillable = true;
  EXPECT_EQ(choose_oom_victim(tasks, kTotalPages).verdict, OomVerdict::kNobody);
  EXPECT_EQ(choose_oom_victim({}, kTotalPages).verdict, OomVerdict::kNobody);
}

TEST(Oom, WaitsForALivingVictimAndPassesByAReapedOne) {
  std::vector<OomTask> tasks = {task(90, 500), task(91, 1)};
  tasks[0].victim = true;
  EXPECT_EQ(choose_oom_victim(tasks, kTotalPages).verdict, OomVerdict::kWait);
  tasks[0].reaped = true;
  const OomChoice choice = choose_oom_victim(tasks, kTotalPages);
  EXPECT_EQ(choice.verdict, OomVerdict::kKill);
  EXPECT_EQ(choice.index, 1u);
  tasks[1].unkillable = true;
  EXPECT_EQ(choose_oom_victim(tasks, kTotalPages).verdict, OomVerdict::kNobody);
}

}  // namespace
}  // namespace koi::mm
