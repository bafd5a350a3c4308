// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/buddy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "engine/mm/test_support.h"

namespace koi::mm {
namespace {

class Zeroed : public std::pmr::memory_resource {
 public:
  explicit Zeroed(u64 size_bytes) : memory_(size_bytes) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    used_ = align_up(used_, alignment) + bytes;
    CHECK(used_ <= memory_.size());
    return memory_.base() + used_ - bytes;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
  test::SparseMemory memory_;
  u64 used_ = 0;
};

struct Machine {
  explicit Machine(u64 size_bytes, u32 cpus = 2, Release release = Release::k6_1) {
    const auto ram = pc_ram_ranges(size_bytes);
    const PfnRange low{0, 256};
    BuddyConfig config{.release = release,
                       .cpus = cpus,
                       .ram = ram,
                       .reserved = {&low, 1},
                       .zeroed_resource = Yes::kNo,
                       .events = nullptr};
    buddy = std::make_unique<Buddy>(config, std::pmr::new_delete_resource());
  }
  // Free blocks per zone and order, as buddyinfo shows them.
  [[nodiscard]] std::vector<u64> info() const {
    std::vector<u64> counts;
    for (Zone zone : {Zone::kDma, Zone::kDma32, Zone::kNormal}) {
      for (u8 o = 0; o <= kMaxOrder; ++o) counts.push_back(buddy->free_blocks(zone, Order{o}));
    }
    return counts;
  }
  std::unique_ptr<Buddy> buddy;
};

TEST(Buddy, FreshMachineIsAllFree) {
  Machine m(u64{1} << 30);
  EXPECT_EQ(m.buddy->free_pages(), (u64{1} << 18) - 256);
  EXPECT_EQ(m.buddy->free_blocks(Zone::kDma, Order{8}), 1u);
  EXPECT_EQ(m.buddy->free_blocks(Zone::kDma, Order{9}), 1u);
  EXPECT_EQ(m.buddy->free_blocks(Zone::kDma, Order{10}), 3u);
  EXPECT_EQ(m.buddy->free_blocks(Zone::kDma32, Order{10}), 252u);
  EXPECT_EQ(m.buddy->check_invariants(), std::nullopt);
}

TEST(Buddy, BlocksAreAlignedToTheirOrder) {
  Machine m(u64{64} << 20);
  for (u8 o = 0; o <= kMaxOrder; ++o) {
    const auto a = m.buddy->alloc(Order{o}, kGfp61.kernel(), kCpu0);
    ASSERT_TRUE(a);
    EXPECT_EQ(a.pfn.value % (u64{1} << o), 0u);
    EXPECT_EQ(m.buddy->free(a.pfn, Order{o}, kCpu0), PageFreeOutcome::kOk);
  }
  EXPECT_EQ(m.buddy->alloc(Order{11}, kGfp61.kernel(), kCpu0).outcome, PageOutcome::kOrderTooLarge);
}

TEST(Buddy, FreedPageComesBackFirst) {
  Machine m(u64{64} << 20);
  for (u8 o : {0, 1, 3}) {
    const auto a = m.buddy->alloc(Order{o}, kGfp61.kernel(), kCpu0);
    (void)m.buddy->free(a.pfn, Order{o}, kCpu0);
    EXPECT_EQ(m.buddy->alloc(Order{o}, kGfp61.kernel(), kCpu0).pfn, a.pfn);
  }
}

TEST(Buddy, ZonesFollowGfp) {
  Machine m(u64{5} << 30);
  const auto dma = m.buddy->alloc(Order{0}, kGfp61.kernel() | kGfp61.dma, kCpu0);
  const auto dma32 = m.buddy->alloc(Order{0}, kGfp61.kernel() | kGfp61.dma32, kCpu0);
  const auto normal = m.buddy->alloc(Order{0}, kGfp61.kernel(), kCpu0);
  EXPECT_EQ(Buddy::zone_of(dma.pfn), Zone::kDma);
  EXPECT_EQ(Buddy::zone_of(dma32.pfn), Zone::kDma32);
  EXPECT_EQ(Buddy::zone_of(normal.pfn), Zone::kNormal);
}

TEST(Buddy, WrongFreesAreNamedAndChangeNothing) {
  Machine m(u64{64} << 20);
  const auto a = m.buddy->alloc(Order{4}, kGfp61.kernel(), kCpu0);
  EXPECT_EQ(m.buddy->free(Pfn{a.pfn.value + 3}, Order{0}, kCpu0), PageFreeOutcome::kNotFirstPage);
  EXPECT_EQ(m.buddy->free(a.pfn, Order{2}, kCpu0), PageFreeOutcome::kWrongOrder);
  EXPECT_EQ(m.buddy->free(Pfn{u64{1} << 40}, Order{0}, kCpu0), PageFreeOutcome::kNotRam);
  EXPECT_EQ(m.buddy->free(Pfn{3}, Order{0}, kCpu0), PageFreeOutcome::kNotAllocated);
  EXPECT_EQ(m.buddy->free(a.pfn, Order{4}, kCpu0), PageFreeOutcome::kOk);
  EXPECT_EQ(m.buddy->free(a.pfn, Order{4}, kCpu0), PageFreeOutcome::kNotAllocated);
  EXPECT_EQ(m.buddy->check_invariants(), std::nullopt);
}

TEST(Buddy, ExactAllocationGivesTheTailBack) {
  Machine m(u64{64} << 20);
  const u64 before = m.buddy->free_pages() + m.buddy->pcp_pages();
  const auto a = m.buddy->alloc_exact(20000, kGfp61.kernel(), kCpu0);
  ASSERT_TRUE(a);
  EXPECT_EQ(a.pfn.value % 8, 0u);
  EXPECT_EQ(m.buddy->free_pages() + m.buddy->pcp_pages(), before - 5);
  EXPECT_EQ(m.buddy->free_exact(a.pfn, 20000, kCpu0), PageFreeOutcome::kOk);
  EXPECT_EQ(m.buddy->free_pages() + m.buddy->pcp_pages(), before);
}

TEST(Buddy, ExhaustionEndsAtTheWatermarksAndAllComesBack) {
  for (u8 order : {0, 3, 10}) {
    Machine m(u64{64} << 20);
    const auto fresh = m.info();
    std::vector<Pfn> pages;
    const auto take = [&](Gfp gfp) {
      u64 got = 0;
      while (const auto a = m.buddy->alloc(Order{order}, gfp, kCpu0)) {
        pages.push_back(a.pfn);
        ++got;
      }
      return got;
    };
    EXPECT_GT(take(kGfp61.kernel()), 0u);
    if (order == 0) {
      EXPECT_GE(m.buddy->free_pages(), m.buddy->watermarks(Zone::kDma32).min);
      EXPECT_GT(take(kGfp61.atomic_mask()), 0u);  // reaches deeper
      EXPECT_GT(take(kGfp61.kernel() | kGfp61.memalloc), 0u);
      EXPECT_EQ(m.buddy->free_pages(), 0u);
    }
    for (Pfn pfn : pages) EXPECT_EQ(m.buddy->free(pfn, Order{order}, kCpu0), PageFreeOutcome::kOk);
    m.buddy->drain_all();
    EXPECT_EQ(m.info(), fresh);
    EXPECT_EQ(m.buddy->check_invariants(), std::nullopt);
  }
}

// /proc/zoneinfo of real machines: the marks follow from the managed pages.
TEST(Buddy, WatermarksFollowTheKernelsRule) {
  Machine m(u64{1} << 30);
  EXPECT_EQ(m.buddy->min_free_kbytes(), 45056u);
  const Watermarks dma32 = m.buddy->watermarks(Zone::kDma32);
  EXPECT_EQ(dma32.low - dma32.min, dma32.min / 4);
  EXPECT_EQ(dma32.high - dma32.low, dma32.min / 4);
  EXPECT_EQ(m.buddy->pcp_batch(Zone::kDma32), 63u);
  EXPECT_EQ(m.buddy->pcp_high(Zone::kDma32), dma32.low / 2);
  EXPECT_EQ(m.buddy->pcp_batch(Zone::kDma), 1u);
}

TEST(Buddy, SixtyFourGigabytesTouchNothing) {
  Zeroed resource(u64{2} << 30);
  const auto ram = pc_ram_ranges(u64{64} << 30);
  const PfnRange low{0, 256};
  const auto start = std::chrono::steady_clock::now();
  Buddy buddy({.release = Release::k6_1,
               .cpus = 4,
               .ram = ram,
               .reserved = {&low, 1},
               .zeroed_resource = Yes::kYes,
               .events = nullptr},
              &resource);
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_LT(std::chrono::duration_cast<std::chrono::milliseconds>(spent).count(), 50);
  EXPECT_EQ(buddy.free_pages(), (u64{64} << 18) - 256);
  ASSERT_TRUE(buddy.alloc(Order{0}, kGfp61.kernel(), kCpu0));
  EXPECT_LT(buddy.touched_pages(), u64{1} << 20);
}

// Against a naive model: who owns each page.
TEST(Buddy, RandomisedAgainstANaiveModel) {
  constexpr u64 kSeed = 20240611;
  SCOPED_TRACE(kSeed);
  test::Random random(kSeed);
  Machine m(u64{96} << 20, 4);
  const auto fresh = m.info();
  const u64 total = m.buddy->free_pages();
  std::vector<u8> owned(m.buddy->end_pfn(), 0);
  struct Block {
    Pfn pfn;
    u8 order;
  };
  std::vector<Block> live;
  u64 live_pages = 0;
  const Gfp gfps[] = {
      kGfp61.kernel(),      kGfp61.kernel() | kGfp61.movable, kGfp61.kernel() | kGfp61.reclaimable,
      kGfp61.atomic_mask(), kGfp61.kernel() | kGfp61.dma,     kGfp61.kernel() | kGfp61.dma32};
  const u64 ops = test::stress_ops(400'000);
  for (u64 op = 0; op < ops; ++op) {
    const VcpuId cpu{static_cast<u32>(random.below(4))};
    const u64 aim = (op >> 14) % 2 == 0 ? 60 : 40;  // grows, then shrinks
    if (random.below(100) < aim) {
      const u8 order = static_cast<u8>(random.below(8) == 0 ? random.below(11) : random.below(4));
      const Gfp gfp = gfps[random.below(6)];
      auto a = PageAllocation{};
      const bool quickly = order <= kCostlyOrder && random.below(2) == 0;
      if (const u64 link = quickly ? m.buddy->alloc_quietly(order, gfp, cpu.value) : 0; link != 0) {
        a = {PageOutcome::kOk, Pfn{link - 1 + m.buddy->first_pfn()}};
      } else {
        a = m.buddy->alloc(Order{order}, gfp, cpu);
      }
      if (!a) continue;
      ASSERT_EQ(a.pfn.value % (u64{1} << order), 0u);
      for (u64 i = 0; i < u64{1} << order; ++i) ASSERT_EQ(owned[a.pfn.value + i]++, 0);
      live.push_back({a.pfn, order});
      live_pages += u64{1} << order;
    } else if (!live.empty()) {
      const u64 victim = random.below(live.size());
      const Block block = live[victim];
      live[victim] = live.back();
      live.pop_back();
      if (block.order > 0 && random.below(16) == 0) {
        m.buddy->split(block.pfn, Order{block.order});
        for (u64 i = 0; i < u64{1} << block.order; ++i) live.push_back({Pfn{block.pfn.value + i}, 0});
        continue;
      }
      for (u64 i = 0; i < u64{1} << block.order; ++i) owned[block.pfn.value + i] = 0;
      live_pages -= u64{1} << block.order;
      if (block.order <= kCostlyOrder && random.below(2) == 0 &&
          m.buddy->free_quietly(block.pfn.value - m.buddy->first_pfn(), block.order,
                                m.buddy->home_of(block.pfn.value - m.buddy->first_pfn(), cpu.value))) {
        continue;
      }
      ASSERT_EQ(m.buddy->free(block.pfn, Order{block.order}, cpu), PageFreeOutcome::kOk);
    }
    ASSERT_EQ(m.buddy->free_pages() + m.buddy->pcp_pages() + live_pages, total);
    if (op % (ops / 40 + 1) == 0) {
      ASSERT_EQ(m.buddy->check_invariants(), std::nullopt) << "op " << op;
    }
  }
  for (const Block& block : live)
    ASSERT_EQ(m.buddy->free(block.pfn, Order{block.order}, kCpu0), PageFreeOutcome::kOk);
  m.buddy->drain_all();
  EXPECT_EQ(m.info(), fresh);
  EXPECT_EQ(m.buddy->check_invariants(), std::nullopt);
}

}  // namespace
}  // namespace koi::mm
