// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vfs/range_set.h"

#include <gtest/gtest.h>

namespace koi::vfs {
namespace {

TEST(RangeSet, FirstFitAndReuse) {
  std::pmr::monotonic_buffer_resource memory;
  RangeSet set(100, 200, &memory);
  EXPECT_EQ(set.take(30), 100U);
  EXPECT_EQ(set.take(30), 130U);
  EXPECT_EQ(set.take(41), std::nullopt);
  EXPECT_EQ(set.release(100), 30U);
  EXPECT_EQ(set.release(100), 0U);
  EXPECT_EQ(set.take(31), 160U);
  EXPECT_EQ(set.take(30), 100U);
  EXPECT_EQ(set.take(0), std::nullopt);
}

TEST(RangeSet, FixedPlaces) {
  std::pmr::monotonic_buffer_resource memory;
  RangeSet set(100, 200, &memory);
  EXPECT_TRUE(set.take_at(120, 10));
  EXPECT_FALSE(set.take_at(129, 1));
  EXPECT_FALSE(set.take_at(110, 11));
  EXPECT_TRUE(set.take_at(110, 10));
  EXPECT_TRUE(set.take_at(130, 70));
  EXPECT_FALSE(set.take_at(90, 5));
  EXPECT_EQ(set.take(10), 100U);
}

}  // namespace
}  // namespace koi::vfs
