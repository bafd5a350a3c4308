// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/slab_debug.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

using namespace slab_flag;

class Debugging : public testing::TestWithParam<Release> {
 protected:
  test::SlabMachine m{{.release = GetParam(), .slab = {.slab_debug = "FZPU"}}};
  SlabAllocator& s = *m.slabs;
  Cache* cache = s.create({.name = "debug", .size = 60}).cache;
  u8* take() { return static_cast<u8*>(s.alloc(cache, m.kernel_gfp(), kCpu0)); }
  FreeOutcome give(u8* p) { return s.free(cache, p, kCpu0); }
  const Damage& last() { return m.events.damages.back(); }
};
INSTANTIATE_TEST_SUITE_P(Releases, Debugging, testing::Values(Release::k6_1, Release::k6_12),
                         [](const auto& info) { return info.param == Release::k6_1 ? "v6_1" : "v6_12"; });

TEST_P(Debugging, FreeObjectsAreFilledAndZonesTellTheState) {
  u8* p = take();
  EXPECT_EQ(p[-1], 0xcc);
  EXPECT_EQ(p[60], 0xcc);
  EXPECT_EQ(p[0], 0x6b);
  EXPECT_EQ(p[59], 0xa5);
  EXPECT_EQ(give(p), FreeOutcome::kOk);
  EXPECT_EQ(p[-1], 0xbb);
  EXPECT_EQ(p[60], 0xbb);
  EXPECT_TRUE(m.events.damages.empty());
}

TEST_P(Debugging, OverflowByOneIsFoundAtFree) {
  u8* p = take();
  p[60] = 0x41;
  EXPECT_EQ(give(p), FreeOutcome::kDamaged);
  EXPECT_EQ(last().what, "Right Redzone");
  EXPECT_EQ(last().first, p + 60);
  EXPECT_EQ(last().last, p + 60);
  EXPECT_EQ(last().found, 0x41);
  EXPECT_EQ(last().expected, 0xcc);
  EXPECT_EQ(p[60], 0xcc);  // mended
  EXPECT_EQ(give(p), FreeOutcome::kOk);
}

TEST_P(Debugging, UnderflowIsFoundAtFree) {
  u8* p = take();
  p[-3] = 1;
  p[-1] = 2;
  EXPECT_EQ(give(p), FreeOutcome::kDamaged);
  EXPECT_EQ(last().what, "Left Redzone");
  EXPECT_EQ(last().first, p - 3);
  EXPECT_EQ(last().last, p - 1);
}

TEST_P(Debugging, WriteAfterFreeIsFoundAtTheNextAllocation) {
  u8* p = take();
  (void)give(p);
  p[10] = 0;
  u8* q = take();
  EXPECT_EQ(last().what, "Poison");
  EXPECT_EQ(last().first, p + 10);
  EXPECT_NE(q, p);  // its slab hands out nothing more
  EXPECT_EQ(s.check_invariants(), std::nullopt);
}

TEST_P(Debugging, SoundUseIsSilent) {
  std::vector<u8*> objects;
  for (int i = 0; i < 200; ++i) {
    objects.push_back(take());
    std::memset(objects.back(), i, 60);
  }
  for (u8* p : objects) EXPECT_EQ(give(p), FreeOutcome::kOk);
  for (u64 n : {1, 20, 96, 100, 192, 4000, 8192}) {
    auto* p = static_cast<u8*>(m.kmalloc->alloc(n, m.kernel_gfp(), kCpu0));
    std::memset(p, 0x33, n);
    EXPECT_EQ(m.kmalloc->free(p, kCpu0), KfreeOutcome::kOk) << n;
    p = static_cast<u8*>(m.kmalloc->alloc(n, m.kernel_gfp() | m.buddy->gfp().zero, kCpu0));
    std::memset(p, 0x33, m.kmalloc->ksize(p));  // ksize() permits the whole object
    EXPECT_EQ(m.kmalloc->free(p, kCpu0), KfreeOutcome::kOk) << n;
  }
  EXPECT_TRUE(m.events.damages.empty());
}

TEST_P(Debugging, KmallocRedZoneStartsAtTheRequestedSizeIn612) {
  auto* p = static_cast<u8*>(m.kmalloc->alloc(100, m.kernel_gfp() | m.buddy->gfp().zero, kCpu0));
  const bool fresh = GetParam() == Release::k6_12;
  EXPECT_EQ(p[99], 0);
  EXPECT_EQ(p[100], fresh ? 0xcc : 0);
  p[100] = 7;
  EXPECT_EQ(m.kmalloc->free(p, kCpu0), fresh ? KfreeOutcome::kDamaged : KfreeOutcome::kOk);
  if (fresh) {
    EXPECT_EQ(last().what, "kmalloc Redzone");
  }
}

// Bytes of ksize() that are not zero after kmalloc and kzalloc on memory used before.
TEST_P(Debugging, ZeroingEqualsTheMeasured) {
  for (const char* option : {"F", "FZPU", "Z"}) {
    for (u64 n : {8, 16, 64, 100, 512, 4096, 8192, 16384}) {
      test::SlabMachine machine({.release = GetParam(), .slab = {.slab_debug = option}});
      for (bool zero : {false, true}) {
        const Gfp gfp = machine.kernel_gfp() | (zero ? machine.buddy->gfp().zero : 0);
        const bool poisoned = std::string(option) == "FZPU" && n <= 8192;
        auto* p = static_cast<u8*>(machine.kmalloc->alloc(n, gfp, kCpu0));
        const u64 usable = machine.kmalloc->ksize(p);
        const u64 expected = !poisoned ? 0 : !zero ? usable : GetParam() == Release::k6_12 ? usable - n : 0;
        EXPECT_EQ(usable - static_cast<u64>(std::count(p, p + usable, 0)), expected)
            << option << " " << n << " " << zero;
        EXPECT_EQ(machine.kmalloc->free(p, kCpu0), KfreeOutcome::kOk) << option << " " << n;
      }
    }
  }
}

}  // namespace
}  // namespace koi::mm
