// SPDX-License-Identifier: GPL-2.0-only
#include "host/site_stubs.h"

#include <gtest/gtest.h>

#include <cstring>

#include "host/test_world.h"

namespace koi::host {
namespace {

class SiteStubsTest : public WorldTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(WorldTest::SetUp());
    target_ = *world_->window_take(4096);
  }
  u64 target_ = 0;
};

TEST_F(SiteStubsTest, StoresTheNumberInTheGsAreaAndGoesOn) {
  auto stubs = SiteStubs::create(*world_, 4096);
  ASSERT_TRUE(stubs.ok());
  const u64 stub = stubs->add(0x12345678, target_);
  u8 code[kSiteStubSize];
  std::memcpy(code, reinterpret_cast<const void*>(stub), sizeof(code));
  const u8 store[] = {0x65, 0xc7, 0x04, 0x25, 0x18, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0xe9};
  EXPECT_EQ(std::memcmp(code, store, sizeof(store)), 0);
  EXPECT_EQ(stubs->target_of(stub), target_);
  EXPECT_EQ(stubs->target_of(stub + 12), target_);
  EXPECT_TRUE(stubs->owns(stub));
  EXPECT_FALSE(stubs->owns(target_));
  EXPECT_FALSE(stubs->owns(stub + kSiteStubSize));
}

TEST_F(SiteStubsTest, AFullAreaSaysSoAndAReturnedStubIsUsedAgain) {
  auto stubs = SiteStubs::create(*world_, 4096);
  ASSERT_TRUE(stubs.ok());
  u64 last = 0;
  for (u64 i = 0; i < 4096 / kSiteStubSize; ++i) {
    last = stubs->add(static_cast<u32>(i), target_);
    ASSERT_NE(last, 0U);
  }
  EXPECT_EQ(stubs->add(1, target_), 0U);
  stubs->give_back(last);
  EXPECT_EQ(stubs->add(2, target_ + 64), last);
  EXPECT_EQ(stubs->target_of(last), target_ + 64);
}

}  // namespace
}  // namespace koi::host
