// SPDX-License-Identifier: GPL-2.0-only
#include "cli/minimise.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace koi::cli {
namespace {

using sched::Schedule;
using sched::Switch;

Schedule numbered(u64 count) {
  Schedule schedule;
  for (u64 i = 1; i <= count; ++i) schedule.push_back(Switch{93, 0, i, 0});
  return schedule;
}

bool has(const Schedule& schedule, u64 point) {
  return std::any_of(schedule.begin(), schedule.end(), [point](const Switch& s) { return s.point == point; });
}

TEST(Minimise, KeepsExactlyWhatIsNeeded) {
  for (const u64 count : {3, 7, 64, 100}) {
    u64 runs = 0;
    const auto fails = [&](const Schedule& s) {
      ++runs;
      return has(s, 2) && has(s, count);
    };
    const Schedule small = minimise(numbered(count), fails, 10'000);
    ASSERT_EQ(small.size(), 2U) << count;
    EXPECT_EQ(small[0].point, 2U);
    EXPECT_EQ(small[1].point, count);
    EXPECT_LT(runs, 20 * count);
  }
}

TEST(Minimise, NothingIsNeeded) {
  EXPECT_TRUE(minimise(
                  numbered(9), [](const Schedule&) { return true; }, 100)
                  .empty());
  EXPECT_TRUE(minimise(
                  {}, [](const Schedule&) { return true; }, 100)
                  .empty());
}

TEST(Minimise, StopsAfterSoManyRuns) {
  u64 runs = 0;
  const auto fails = [&](const Schedule& s) {
    ++runs;
    return s.size() > 3;
  };
  const Schedule small = minimise(numbered(50), fails, 5);
  EXPECT_EQ(runs, 5U);
  EXPECT_GT(small.size(), 3U);
}

// Two that only fail together or not at all: what is left fails, and no single one of it can go.
TEST(Minimise, IsMinimalToOne) {
  const auto fails = [](const Schedule& s) { return has(s, 1) == has(s, 2) && has(s, 5); };
  const Schedule small = minimise(numbered(6), fails, 1'000);
  EXPECT_TRUE(fails(small));
  for (size_t i = 0; i < small.size(); ++i) {
    Schedule less = small;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(fails(less));
  }
}

}  // namespace
}  // namespace koi::cli
