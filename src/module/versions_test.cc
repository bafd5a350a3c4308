// SPDX-License-Identifier: GPL-2.0-only
#include "module/versions.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace koi::module {
namespace {

constexpr std::string_view kSymvers =
    "0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t\n"
    "0x039823de\tinit_uts_ns\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"
    "nonsense\n"
    "0xdeadbeef\tspecial\tdrivers/x/y\tEXPORT_SYMBOL_NS_GPL\tSPECIAL\n"
    "0x00000001\tlast\tvmlinux\tEXPORT_SYMBOL_GPL\tNS";

TEST(Symvers, FindsInOnePass) {
  const SymversFile file = SymversFile::over(kSymvers);
  const std::string_view names[] = {"last", "absent", "phys_base", "last"};
  const auto found = file.find_all(names);
  ASSERT_TRUE(found[0]);
  EXPECT_EQ(found[0]->crc, 1U);
  EXPECT_TRUE(found[0]->gpl_only);
  EXPECT_EQ(found[0]->name_space, "NS");
  EXPECT_FALSE(found[1]);
  ASSERT_TRUE(found[2]);
  EXPECT_EQ(found[2]->crc, 0x4c9d28b0U);
  EXPECT_FALSE(found[2]->gpl_only);
  EXPECT_EQ(found[2]->module, "vmlinux");
  EXPECT_TRUE(found[3]);
  EXPECT_EQ(file.find("init_uts_ns")->crc, 0x039823deU);
  EXPECT_FALSE(file.find("nonsense"));
  EXPECT_FALSE(file.find("phys"));
}

TEST(Symvers, MissingFileSaysWhatToInstall) {
  const auto file = SymversFile::open("/nonexistent/Module.symvers");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().errno_value, ENOENT);
  EXPECT_NE(file.error().message.find("linux-headers-"), std::string::npos);
}

TEST(VersionTable, NamesMayFillTheRecord) {
  VersionRecord records[2] = {};
  records[0].crc = 7;
  std::memset(records[0].name, 'x', sizeof(records[0].name));
  records[1].crc = 8;
  std::memcpy(records[1].name, "_printk", 7);
  const VersionTable table({reinterpret_cast<const u8*>(records), sizeof(records)});
  EXPECT_EQ(table.count(), 2U);
  EXPECT_EQ(table.find(std::string(56, 'x')), 7U);
  EXPECT_EQ(table.find("_printk"), 8U);
  EXPECT_EQ(table.find("_print"), std::nullopt);
  EXPECT_EQ(VersionTable().find("_printk"), std::nullopt);
}

}  // namespace
}  // namespace koi::module
