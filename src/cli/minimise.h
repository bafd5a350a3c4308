// SPDX-License-Identifier: GPL-2.0-only
// Makes a failing schedule small: switches are taken out, first many at a time, then one by one, while it still fails (A. Zeller,
// R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
#pragma once

#include <functional>

#include "engine/sched/schedule.h"

namespace koi::cli {

// The result fails, and with any one of its switches taken out it does not; unless `most_runs` calls of `fails` did not
// do. Requires: fails(schedule).
[[nodiscard]] sched::Schedule minimise(sched::Schedule schedule,
                                       const std::function<bool(const sched::Schedule&)>& fails,
                                       u64 most_runs);

}  // namespace koi::cli
