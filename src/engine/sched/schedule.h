// SPDX-License-Identifier: GPL-2.0-only
// A schedule: the places where a run leaves the stock order of its virtual CPUs. Written down, it replays the run.
//
//   94@3>1, 0.1@2>0   task 94, at its 3rd switch point, gives way to CPU 1; CPU 1's idle task, at its 2nd, to CPU 0
//
// Switch points are counted for each task by itself, so that a place keeps its meaning when another one is taken out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::sched {

struct Switch {
  s32 pid = 0;
  u32 idle_cpu = 0;  // pid 0: whose idle task
  u64 point = 0;     // the task's own count, from 1
  u32 to_cpu = 0;

  bool operator==(const Switch&) const = default;
};

using Schedule = std::vector<Switch>;

[[nodiscard]] std::string format_schedule(const Schedule& schedule);
// The text of a schedule, or a file of it: separated by commas or white space; '#' begins a comment.
// Errors: what is no switch, by its text.
[[nodiscard]] Result<Schedule> parse_schedule(std::string_view text);

}  // namespace koi::sched
