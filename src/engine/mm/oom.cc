// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/oom.h"

namespace koi::mm {

OomChoice choose_oom_victim(std::span<const OomTask> tasks, u64 total_pages) {
  OomChoice choice;
  s64 most = 0;
  for (u64 i = 0; i < tasks.size(); ++i) {
    const OomTask& task = tasks[i];
    if (task.unkillable) continue;
    if (task.victim) {
      if (task.reaped) continue;
      return {OomVerdict::kWait, 0};
    }
    if (task.oom_score_adj == kOomScoreAdjMin) continue;
    const s64 thousandth = static_cast<s64>(total_pages) / 1000;
    const s64 points =
        static_cast<s64>(task.rss + task.swap + task.page_table_pages) + task.oom_score_adj * thousandth;
    if (choice.verdict == OomVerdict::kKill && points < most) continue;
    choice = {OomVerdict::kKill, i};
    most = points;
  }
  return choice;
}

}  // namespace koi::mm
