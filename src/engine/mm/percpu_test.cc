// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/percpu.h"

#include <gtest/gtest.h>

#include "engine/mm/test_support.h"

namespace koi::mm {
namespace {

TEST(Percpu, FirstFitAndAlignment) {
  Percpu p(100, 65536, std::pmr::new_delete_resource());
  EXPECT_EQ(p.alloc(3, 1).offset, 100u);
  EXPECT_EQ(p.alloc(8, 8).offset, 104u);
  EXPECT_EQ(p.alloc(4, 64).offset, 128u);
  EXPECT_EQ(p.alloc(4, 4).offset, 112u);  // the gap before it
  EXPECT_EQ(p.free(104), PercpuFreeOutcome::kOk);
  EXPECT_EQ(p.alloc(8, 4).offset, 104u);
  EXPECT_EQ(p.size_at(100), 3u);
  EXPECT_EQ(p.allocation_at(106), 104u);
  EXPECT_EQ(p.free(105), PercpuFreeOutcome::kNotAllocated);
  EXPECT_EQ(p.check_invariants(), std::nullopt);
}

TEST(Percpu, IllegalRequests) {
  Percpu p(0, 1 << 20, std::pmr::new_delete_resource());
  EXPECT_EQ(p.alloc(0, 8).outcome, PercpuOutcome::kIllegal);
  EXPECT_EQ(p.alloc(kPercpuMaxBytes + 1, 8).outcome, PercpuOutcome::kIllegal);
  EXPECT_EQ(p.alloc(8, 8192).outcome, PercpuOutcome::kIllegal);
  EXPECT_EQ(p.alloc(8, 3).outcome, PercpuOutcome::kIllegal);
  EXPECT_EQ(p.alloc(kPercpuMaxBytes, 4096).outcome, PercpuOutcome::kOk);
  EXPECT_EQ(p.alloc_static(2 << 20, 64).outcome, PercpuOutcome::kNoSpace);
}

TEST(Percpu, RandomisedAgainstANaiveModel) {
  constexpr u64 kSeed = 31;
  SCOPED_TRACE(kSeed);
  test::Random random(kSeed);
  constexpr u64 kBytes = 32768;
  Percpu p(64, kBytes, std::pmr::new_delete_resource());
  std::vector<u8> used(64 + kBytes, 0);
  std::vector<std::pair<u64, u64>> live;
  const u64 ops = test::stress_ops(200'000);
  for (u64 op = 0; op < ops; ++op) {
    if (random.below(100) < 52) {
      const u64 bytes = 1 + random.below(random.below(16) == 0 ? 2000 : 100);
      const u64 align = u64{1} << random.below(8);
      const auto a = p.alloc(bytes, align);
      if (a.outcome != PercpuOutcome::kOk) continue;
      ASSERT_EQ(a.offset % align, 0u);
      for (u64 i = 0; i < bytes; ++i) ASSERT_EQ(used[a.offset + i]++, 0);
      live.emplace_back(a.offset, bytes);
    } else if (!live.empty()) {
      const u64 victim = random.below(live.size());
      const auto [offset, bytes] = live[victim];
      live[victim] = live.back();
      live.pop_back();
      for (u64 i = 0; i < bytes; ++i) used[offset + i] = 0;
      ASSERT_EQ(p.free(offset), PercpuFreeOutcome::kOk);
    }
    if (op % (ops / 100 + 1) == 0) {
      ASSERT_EQ(p.check_invariants(), std::nullopt);
    }
  }
  for (const auto& [offset, bytes] : live) ASSERT_EQ(p.free(offset), PercpuFreeOutcome::kOk);
  EXPECT_EQ(p.free_bytes(), kBytes);
  EXPECT_EQ(p.check_invariants(), std::nullopt);
}

}  // namespace
}  // namespace koi::mm
