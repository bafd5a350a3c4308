// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/memcg.h"

#include <gtest/gtest.h>

#include <random>

namespace koi::mm {
namespace {

using Batch = Memcg::Batch;
constexpr u64 kPageBytes = 4096;

// Charges bytes as a caller does that never meets the limit.
void charge(Memcg& group, u64 bytes, u32 cpu) {
  if (group.consume(bytes, cpu)) return;
  ASSERT_TRUE(group.try_charge(Memcg::pages_for(bytes), cpu, Batch::kYes));
  group.kernel_pages_charged(Memcg::pages_for(bytes));
  group.bytes_charged(bytes, cpu);
}

TEST(Memcg, ThousandObjectsAsMeasured) {
  // kmalloc(200): 256 bytes and a pointer. 6.1 and 6.12 show "kernel 266240" for a thousand of them.
  Memcg group(Memcg::kNoLimit, 1, std::pmr::get_default_resource());
  for (int i = 0; i < 1000; ++i) charge(group, 264, 0);
  EXPECT_NE(group.stat_text().find("kernel 266240\n"), std::string::npos);
  EXPECT_EQ(group.usage(), 2 * Memcg::kBatch);
  for (int i = 0; i < 1000; ++i) group.uncharge_bytes(264, 0);
  // A page's worth stays with the objects: more than that must come together.
  EXPECT_NE(group.stat_text().find("kernel 4096\n"), std::string::npos);
  group.drain();
  EXPECT_EQ(group.usage(), 0u);
}

TEST(Memcg, TakesBatchesAndThenSinglePagesUpToTheLimit) {
  Memcg group(100, 1, std::pmr::get_default_resource());
  u64 got = 0;
  while (group.try_charge(1, 0, Batch::kYes) || group.try_charge(1, 0, Batch::kNo)) ++got;
  EXPECT_EQ(got, 100u);
  EXPECT_EQ(group.usage(), 100u);
  EXPECT_EQ(group.margin(), 0u);
  // From page 65 on each batch fails, and at last the single page.
  EXPECT_EQ(group.failures(), 36u + 2u);
  group.force_charge(3);
  EXPECT_EQ(group.peak(), 103u);
}

TEST(Memcg, MoreThanABatchLeavesTheStock) {
  Memcg group(Memcg::kNoLimit, 2, std::pmr::get_default_resource());
  ASSERT_TRUE(group.try_charge(64, 0, Batch::kYes));
  group.kernel_pages_charged(64);
  group.uncharge_pages(60, 0);
  EXPECT_EQ(group.usage(), 64u);
  group.uncharge_pages(4, 1);  // another CPU's stock
  EXPECT_EQ(group.usage(), 64u);
  ASSERT_TRUE(group.try_charge(5, 0, Batch::kYes));
  group.kernel_pages_charged(5);
  group.uncharge_pages(5, 0);
  group.force_charge(5);
  group.kernel_pages_charged(5);
  group.uncharge_pages(5, 0);  // 65 in the stock
  EXPECT_EQ(group.usage(), 4u);
  group.drain();
  EXPECT_EQ(group.usage(), 0u);
}

TEST(Memcg, RandomChargesBalance) {
  Memcg group(Memcg::kNoLimit, 4, std::pmr::get_default_resource());
  std::mt19937_64 random(7);
  std::vector<u64> live;
  u64 bytes = 0;
  for (int i = 0; i < 100'000; ++i) {
    const u32 cpu = static_cast<u32>(random() % 4);
    if (live.empty() || random() % 2 == 0) {
      live.push_back(1 + random() % 10'000);
      bytes += live.back();
      charge(group, live.back(), cpu);
    } else {
      std::swap(live[random() % live.size()], live.back());
      bytes -= live.back();
      group.uncharge_bytes(live.back(), cpu);
      live.pop_back();
    }
    if (random() % 1000 == 0) group.drain();
    ASSERT_GE(group.usage() * kPageBytes, bytes);
    // Stocks: a batch of pages, and some bytes, on each CPU.
    ASSERT_LE(group.usage() * kPageBytes, bytes + 4 * (Memcg::kBatch + 3) * kPageBytes + 4 * kPageBytes);
  }
}

TEST(Memcg, RemembersWhatIsCharged) {
  Memcg group(Memcg::kNoLimit, 1, std::pmr::get_default_resource());
  group.remember(0x1000, 3);
  EXPECT_EQ(group.forget(0x1000), std::optional<u64>(3));
  EXPECT_FALSE(group.forget(0x1000));
}

TEST(Memcg, SlabStatisticsComeByThePage) {
  Memcg group(Memcg::kNoLimit, 1, std::pmr::get_default_resource());
  for (int i = 0; i < 15; ++i) group.count_slab(Memcg::Stat::kSlabUnreclaimable, 264, 0);
  EXPECT_NE(group.stat_text().find("slab 0\n"), std::string::npos);
  group.count_slab(Memcg::Stat::kSlabUnreclaimable, 264, 0);
  EXPECT_NE(group.stat_text().find("slab 4224\n"), std::string::npos);
}

}  // namespace
}  // namespace koi::mm
