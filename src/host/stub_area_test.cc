// SPDX-License-Identifier: GPL-2.0-only
#include "host/stub_area.h"

#include <gtest/gtest.h>

#include <cstring>

#include "host/address_map.h"
#include "host/test_world.h"

namespace koi::host {
namespace {

class StubAreaTest : public WorldTest {
 protected:
  // Where the jump `at` bytes into a stub leads, whichever of the two it is.
  static u64 target(u64 stub, u64 at) {
    u8 code[kStubSize];
    std::memcpy(code, reinterpret_cast<const void*>(stub), sizeof(code));
    s32 distance = 0;
    if (code[at] == 0xe9) {
      std::memcpy(&distance, code + at + 1, sizeof(distance));
      return stub + at + 5 + static_cast<u64>(static_cast<s64>(distance));
    }
    EXPECT_EQ(code[at], 0xff);
    EXPECT_EQ(code[at + 1], 0x25);
    std::memcpy(&distance, code + at + 2, sizeof(distance));
    u64 entry = 0;
    std::memcpy(&entry,
                reinterpret_cast<const void*>(stub + at + 6 + static_cast<u64>(static_cast<s64>(distance))),
                sizeof(entry));
    return entry;
  }
  static u64 entry(const void* function) { return reinterpret_cast<u64>(function); }
};

TEST_F(StubAreaTest, AStubLeadsToItsCrossing) {
  auto stubs = StubArea::create(*world_, 4096);
  ASSERT_TRUE(stubs.ok());
  EXPECT_EQ(target(stubs->add(7, CrossingKind::kPlain, 0), 6), entry(crossing_entry(CrossingKind::kPlain)));
  EXPECT_EQ(target(stubs->add(7, CrossingKind::kPair, 0), 6), entry(crossing_entry(CrossingKind::kPair)));
  EXPECT_EQ(target(stubs->add(7, CrossingKind::kVariadic, 2), 10),
            entry(crossing_entry(CrossingKind::kVariadic)));
}

// Near ones and far ones: what can be reached is jumped to, and a leaf may change from one to the other.
TEST_F(StubAreaTest, EveryStubOfALeafFollowsIt) {
  auto stubs = StubArea::create(*world_, 4096);
  ASSERT_TRUE(stubs.ok());
  const u64 first = stubs->add(1, CrossingKind::kPlain, 0, Leaf::kKfree);
  const u64 other = stubs->add(2, CrossingKind::kPlain, 0, Leaf::kKmalloc);
  const u64 second = stubs->add(3, CrossingKind::kPlain, 0, Leaf::kKfree);
  EXPECT_EQ(target(first, 6), entry(leaf_off()));
  for (const u64 leaf : {kWindow + 0x100, u64{0x7fff'0000'1230}, kWindow + 0x200, entry(leaf_off())}) {
    stubs->set_leaf(Leaf::kKfree, reinterpret_cast<const void*>(leaf));
    EXPECT_EQ(target(first, 6), leaf);
    EXPECT_EQ(target(second, 6), leaf);
    EXPECT_EQ(target(other, 6), entry(leaf_off()));
    EXPECT_EQ(target(stubs->add(4, CrossingKind::kPlain, 0, Leaf::kKfree), 6), leaf);
  }
}

}  // namespace
}  // namespace koi::host
