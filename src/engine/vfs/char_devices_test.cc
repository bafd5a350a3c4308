// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vfs/char_devices.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace koi::vfs {
namespace {

class CharDevicesTest : public ::testing::Test {
 protected:
  void boot(bool is_6_12) {
    for (const BootRegion& r : boot_regions(is_6_12)) {
      ASSERT_EQ(devices_.take(r.major, r.base_minor, r.count, r.name, 0).error, 0) << r.name;
    }
    devices_.check_invariants();
  }
  std::pmr::monotonic_buffer_resource memory_;
  CharDevices devices_{&memory_};
};

// Measured: the first dynamic number of a booted machine.
TEST_F(CharDevicesTest, FirstDynamicMajorOf61) {
  boot(false);
  EXPECT_EQ(devices_.take(0, 0, 256, "x", 1).major, 246U);
}
TEST_F(CharDevicesTest, FirstDynamicMajorOf612) {
  boot(true);
  EXPECT_EQ(devices_.take(0, 0, 256, "x", 1).major, 245U);
}

TEST_F(CharDevicesTest, OverlapIsBusy) {
  EXPECT_EQ(devices_.take(240, 0, 256, "a", 1).error, 0);
  EXPECT_EQ(devices_.take(240, 255, 2, "b", 1).error, -EBUSY);
  EXPECT_EQ(devices_.take(240, 256, 2, "c", 1).error, 0);
  devices_.check_invariants();
  EXPECT_FALSE(devices_.release(240, 0, 255));
  EXPECT_TRUE(devices_.release(240, 0, 256));
  EXPECT_EQ(devices_.take(240, 10, 20, "d", 1).error, 0);
  devices_.check_invariants();
}

TEST_F(CharDevicesTest, RefusalsAreTheKernelsWords) {
  const auto major = devices_.take(70000, 0, 256, "orc_c4", 1);
  EXPECT_EQ(major.error, -EINVAL);
  EXPECT_EQ(major.message, "CHRDEV \"orc_c4\" major requested (70000) is greater than the maximum (511)");
  const auto minor = devices_.take(240, 1 << 19, 1 << 20, "m", 1);
  EXPECT_EQ(minor.error, -EINVAL);
  EXPECT_NE(minor.message.find("(524288-1572863) is out of range of maximum range (0-1048575)"),
            std::string::npos);
}

TEST_F(CharDevicesTest, DynamicNumbersRunOut) {
  int taken = 0;
  while (devices_.take(0, 0, 1, "many", 1).error == 0) ++taken;
  EXPECT_EQ(taken, 21 + 128);
  devices_.check_invariants();
}

TEST_F(CharDevicesTest, ProcDevicesHasTheKernelsForm) {
  devices_.take(10, 0, 256, "misc", 0);
  devices_.take(1, 0, 256, "mem", 0);
  EXPECT_EQ(devices_.proc_devices(), "Character devices:\n  1 mem\n 10 misc\n");
}

}  // namespace
}  // namespace koi::vfs
