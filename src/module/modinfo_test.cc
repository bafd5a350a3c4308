// SPDX-License-Identifier: GPL-2.0-only
#include "module/modinfo.h"

#include <gtest/gtest.h>

#include <string>

namespace koi::module {
namespace {

ModInfo parse(const std::string& text) {
  return ModInfo::parse({reinterpret_cast<const u8*>(text.data()), text.size()});
}

TEST(ModInfo, KeysInOrder) {
  using namespace std::string_literals;
  const std::string text = "license=GPL\0\0\0author=a=b\0import_ns=A\0import_ns=B\0novalue\0last=cut"s;
  const ModInfo info = parse(text);
  EXPECT_EQ(info.get("license"), "GPL");
  EXPECT_EQ(info.get("author"), "a=b");
  EXPECT_EQ(info.get("lic"), std::nullopt);
  EXPECT_EQ(info.get_all("import_ns"), (std::vector<std::string_view>{"A", "B"}));
  EXPECT_EQ(info.get("novalue"), std::nullopt);
  EXPECT_TRUE(info.has("last"));
}

TEST(ModInfo, Depends) {
  using namespace std::string_literals;
  const std::string text = "depends=one,two,,three\0"s;
  EXPECT_EQ(parse(text).depends(), (std::vector<std::string_view>{"one", "two", "three"}));
  EXPECT_TRUE(parse(std::string("depends=\0", 9)).depends().empty());
  EXPECT_TRUE(parse("").depends().empty());
}

TEST(License, OnlyTheKernelsStringsCount) {
  for (const char* good :
       {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}) {
    EXPECT_TRUE(license_is_gpl_compatible(good)) << good;
  }
  for (const char* bad : {"", "gpl", "GPLv2", "GPL ", "BSD", "Proprietary", "unspecified"}) {
    EXPECT_FALSE(license_is_gpl_compatible(bad)) << bad;
  }
}

TEST(Vermagic, ReleaseCountsOnlyWithoutVersions) {
  EXPECT_TRUE(same_vermagic("6.1.0-1 SMP x ", "6.1.0-1 SMP x ", HasVersions::kNo));
  EXPECT_FALSE(same_vermagic("6.1.0-2 SMP x ", "6.1.0-1 SMP x ", HasVersions::kNo));
  EXPECT_TRUE(same_vermagic("6.1.0-2 SMP x ", "6.1.0-1 SMP x ", HasVersions::kYes));
  EXPECT_FALSE(same_vermagic("6.1.0-1 SMP y ", "6.1.0-1 SMP x ", HasVersions::kYes));
  EXPECT_FALSE(same_vermagic("6.1.0-1", "6.1.0-1 SMP x ", HasVersions::kYes));
}

}  // namespace
}  // namespace koi::module
