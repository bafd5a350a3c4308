// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/vmalloc.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

constexpr u64 kStart = 0x100000000000;

// Remembers what is mapped where; nothing is really mapped.
struct ModelMapper : PageMapper {
  bool map(u64 address, std::span<const Pfn> pages, u64) override {
    if (refuse) return false;
    for (u64 i = 0; i < pages.size(); ++i) {
      CHECK(mapped.emplace(address + i * kPageSize, pages[i].value).second, "mapped twice");
    }
    return true;
  }
  bool map_physical(u64 address, u64 physical, u64 pages, u64) override {
    for (u64 i = 0; i < pages; ++i) mapped[address + i * kPageSize] = (physical >> kPageShift) + i;
    return true;
  }
  void unmap(u64 address, u64 pages) override {
    for (u64 i = 0; i < pages; ++i) mapped.erase(address + i * kPageSize);
  }
  void clear(Pfn) override { ++cleared; }
  std::map<u64, u64> mapped;
  u64 cleared = 0;
  bool refuse = false;
};

struct Vm : testing::Test {
  test::SlabMachine m;
  ModelMapper mapper;
  Vmalloc v{*m.buddy,
            mapper,
            {.release = Release::k6_1, .cpus = 2, .start = kStart, .size = u64{1} << 32},
            std::pmr::new_delete_resource()};
  VmallocResult alloc(u64 size, u64 align = 1) {
    return v.alloc({.size = size, .align = align, .gfp = m.kernel_gfp()});
  }
};

TEST_F(Vm, AreaSizesEqualTheMeasured) {
  std::multiset<u64> measured;
  const test::Table table("6.1/vmalloc_area_sizes.tsv");
  for (std::size_t row = 0; row < table.size(); ++row) measured.insert(table.number(row, "area_size"));
  for (u64 size : {1, 4096, 4097, 12288, 100000, 2097152, 4194304, 4194305})
    ASSERT_EQ(alloc(size).outcome, VmallocOutcome::kOk);
  std::multiset<u64> sizes;
  u64 vpages = 0;
  for (const VmArea* area : v.areas()) {
    sizes.insert(area->size);
    vpages += area->page_array_is_area ? 1 : 0;
    EXPECT_EQ(area->pages.size(), area->size / kPageSize - 1);
  }
  EXPECT_EQ(sizes, measured);
  EXPECT_EQ(vpages, 2u);
  EXPECT_EQ(v.check_invariants(), std::nullopt);
}

TEST_F(Vm, AddressesAscendAndAreNotReusedAtOnce) {
  const auto a = alloc(8192);
  EXPECT_EQ(a.address, kStart);
  const auto b = alloc(1);
  EXPECT_EQ(b.address, kStart + 3 * kPageSize);
  EXPECT_EQ(v.free(a.address, kCpu0), VfreeOutcome::kOk);
  EXPECT_EQ(mapper.mapped.count(a.address), 0u);
  EXPECT_GT(alloc(1).address, b.address);
  v.purge();
  EXPECT_EQ(alloc(8192).address, kStart);
  EXPECT_EQ(alloc(1, 1 << 16).address % (1 << 16), 0u);
}

TEST_F(Vm, RefusalsAreNamed) {
  EXPECT_EQ(alloc(0).outcome, VmallocOutcome::kZeroSize);
  EXPECT_EQ(alloc(u64{1} << 40).outcome, VmallocOutcome::kExceedsRam);
  EXPECT_EQ(alloc(u64{255} << 20).outcome, VmallocOutcome::kNoPages);
  EXPECT_EQ(v.areas().size(), 0u);
  mapper.refuse = true;
  EXPECT_EQ(alloc(1).outcome, VmallocOutcome::kNotMapped);
  mapper.refuse = false;
  const auto a = alloc(100000);
  EXPECT_EQ(v.free(0, kCpu0), VfreeOutcome::kNothing);
  EXPECT_EQ(v.free(a.address + 5, kCpu0), VfreeOutcome::kBadAddress);
  EXPECT_EQ(v.free(kStart - kPageSize, kCpu0), VfreeOutcome::kNoSuchArea);
  EXPECT_EQ(v.free(a.address + kPageSize, kCpu0), VfreeOutcome::kInsideArea);
  EXPECT_EQ(v.free(a.address, kCpu0), VfreeOutcome::kNoSuchArea);
  EXPECT_EQ(v.check_invariants(), std::nullopt);
}

TEST_F(Vm, MapsPagesAndDevices) {
  const auto pages = m.buddy->alloc(Order{2}, m.kernel_gfp(), kCpu0);
  const Pfn list[] = {Pfn{pages.pfn.value + 3}, pages.pfn};
  const auto a = v.map(list, {.gfp = m.kernel_gfp()});
  EXPECT_EQ(mapper.mapped[a.address], pages.pfn.value + 3);
  EXPECT_EQ(v.find(a.address + 100)->flags, vm_flag::kMap);
  const auto device = v.map_physical(0xfed00010, {.size = 16});
  EXPECT_EQ(device.address % kPageSize, 0x10u);
  EXPECT_EQ(v.find(device.address)->physical, 0xfed00000u);
  const auto b = alloc(3 * kPageSize);
  EXPECT_EQ(v.page_at(b.address + 5000)->value, mapper.mapped[b.address + kPageSize]);
  EXPECT_FALSE(v.page_at(b.address + 3 * kPageSize));  // the guard page
}

TEST_F(Vm, Randomised) {
  constexpr u64 kSeed = 99;
  SCOPED_TRACE(kSeed);
  test::Random random(kSeed);
  const u64 before = m.available_pages();
  std::map<u64, u64> live;  // the model: address -> bytes
  u64 model_pages = 0;
  const u64 ops = test::stress_ops(60'000);
  for (u64 op = 0; op < ops; ++op) {
    if (live.size() < 150 && random.below(100) < 55) {
      const u64 size = random.below(20) == 0 ? 1 + random.below(3 << 20) : 1 + random.below(60000);
      const auto a = alloc(size, random.below(8) == 0 ? u64{1} << (12 + random.below(6)) : 1);
      if (a.outcome != VmallocOutcome::kOk) continue;
      const auto next = live.lower_bound(a.address);
      ASSERT_TRUE(next == live.end() || a.address + size + kPageSize <= next->first);
      if (next != live.begin()) {
        ASSERT_LE(std::prev(next)->first + std::prev(next)->second + kPageSize, a.address);
      }
      live[a.address] = size;
      model_pages += align_up(size, kPageSize) >> kPageShift;
    } else if (!live.empty()) {
      auto victim = live.lower_bound(kStart + random.below(u64{1} << 28));
      if (victim == live.end()) victim = live.begin();
      model_pages -= align_up(victim->second, kPageSize) >> kPageShift;
      ASSERT_EQ(v.free(victim->first, kCpu0), VfreeOutcome::kOk);
      live.erase(victim);
    }
    if (op % (ops / 50 + 1) == 0) {
      ASSERT_EQ(v.check_invariants(), std::nullopt);
      ASSERT_GE(v.mapped_pages(), model_pages);
    }
  }
  for (const auto& [address, size] : live) ASSERT_EQ(v.free(address, kCpu0), VfreeOutcome::kOk);
  v.purge();
  EXPECT_EQ(v.largest_free_bytes(), u64{1} << 32);
  EXPECT_TRUE(mapper.mapped.empty());
  EXPECT_EQ(m.available_pages(), before);
}

}  // namespace
}  // namespace koi::mm
