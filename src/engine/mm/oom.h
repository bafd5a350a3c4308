// SPDX-License-Identifier: GPL-2.0-only
// The out-of-memory killer's choice: which task dies so that the others can go on. Follows mm/oom_kill.c's documented rule
// (Documentation/filesystems/proc.rst, oom_score_adj): the task with the most memory, shifted by its oom_score_adj in
// thousandths of all memory. O(tasks).
#pragma once

#include <span>

#include "base/types.h"

namespace koi::mm {

// A task as the OOM killer sees it. Pages, not bytes.
struct OomTask {
  s32 pid = 0;
  bool unkillable = false;  // a kernel thread, or init
  bool victim = false;      // was killed for this already and still lives
  bool reaped = false;      // a victim whose memory is gone: nothing more is to be had of it
  s32 oom_score_adj = 0;
  u64 rss = 0;
  u64 swap = 0;
  u64 page_table_pages = 0;
};

inline constexpr s32 kOomScoreAdjMin = -1000;

enum class OomVerdict : u8 {
  kKill,
  kWait,    // a victim is still on its way out
  kNobody,  // nobody may be killed: the machine is deadlocked on memory
};

struct OomChoice {
  OomVerdict verdict = OomVerdict::kNobody;
  u64 index = 0;  // kKill: into the tasks
};

// `tasks`: oldest first; of equals the younger one is taken.
[[nodiscard]] OomChoice choose_oom_victim(std::span<const OomTask> tasks, u64 total_pages);

}  // namespace koi::mm
