// SPDX-License-Identifier: GPL-2.0-only
#include "cli/minimise.h"

#include <algorithm>

namespace koi::cli {

sched::Schedule minimise(sched::Schedule schedule, const std::function<bool(const sched::Schedule&)>& fails,
                         u64 most_runs) {
  size_t chunk = schedule.size();
  while (chunk != 0 && most_runs != 0) {
    bool smaller = false;
    // From the end: what came before keeps its meaning.
    for (size_t end = schedule.size(); end != 0 && most_runs != 0;) {
      const size_t begin = end - std::min(chunk, end);
      sched::Schedule rest(schedule.begin(), schedule.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), schedule.begin() + static_cast<std::ptrdiff_t>(end), schedule.end());
      --most_runs;
      if (fails(rest)) {
        schedule = std::move(rest);
        smaller = true;
      }
      end = begin;
    }
    if (chunk > 1)
      chunk = std::min((chunk + 1) / 2, std::max<size_t>(schedule.size(), 1));
    else if (!smaller)
      break;
  }
  return schedule;
}

}  // namespace koi::cli
