// SPDX-License-Identifier: GPL-2.0-only
// One test per relocation type: its expression, its range at both ends, its place that must be zero.
#include "module/relocate.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "module/testing/fake_host.h"

namespace koi::module {
namespace {

constexpr u64 kPlace = 0x20000100;

struct Applied {
  std::string message;
  u64 value = 0;
  std::string log;
};

Applied apply(u32 type, u64 symbol, s64 addend, u64 before = 0, LoaderEra era = LoaderEra::kCoreAndInit) {
  u8 place[8];
  std::memcpy(place, &before, sizeof(place));
  CollectedLog log;
  const Status status = apply_relocation(type, place, kPlace, symbol, addend, "m", era, log);
  Applied out;
  if (!status.ok()) {
    out.message = status.error().message;
    EXPECT_EQ(status.error().errno_value, ENOEXEC);
  }
  std::memcpy(&out.value, place, sizeof(place));
  out.log = log.raw();
  return out;
}

TEST(Relocation, NoneChangesNothing) {
  EXPECT_EQ(apply(kRelocNone, 1, 2, 0x1234).value, 0x1234U);
  EXPECT_EQ(apply(kRelocNone, 1, 2, 0x1234).message, "");
}

TEST(Relocation, Absolute64) {
  EXPECT_EQ(apply(kReloc64, 0x1234567812345678, 1).value, 0x1234567812345679U);
  EXPECT_EQ(apply(kReloc64, 1, -2).value, ~u64{0});
  EXPECT_NE(apply(kReloc64, 1, 0, u64{1} << 56).message, "");
}

TEST(Relocation, Absolute32IsUnsigned) {
  EXPECT_EQ(apply(kReloc32, 0xfffffff0, 0xf).value, 0xffffffffU);
  EXPECT_NE(apply(kReloc32, 0xffffffff, 1).message, "");
  EXPECT_NE(apply(kReloc32, 0, -1).message, "");
  EXPECT_EQ(apply(kReloc32, 0, 0, u64{0xff} << 32).value, u64{0xff} << 32);  // four bytes only
}

TEST(Relocation, Absolute32SignedIsSignExtended) {
  EXPECT_EQ(apply(kReloc32S, 0x7ffffff0, 0xf).value, 0x7fffffffU);
  const Applied over = apply(kReloc32S, 0x7fffffff, 1);
  EXPECT_EQ(over.message,
            "R_X86_64_32S: value 0x80000000 does not fit -0x80000000..0x7fffffff (is it compiled with "
            "-mcmodel=kernel?)");
  EXPECT_EQ(
      over.log,
      "<3>overflow in relocation type 11 val 80000000\n<3>`m' likely not compiled with -mcmodel=kernel\n");
  EXPECT_EQ(apply(kReloc32S, 0xffffffff80000000, 0).value, 0x80000000U);
  EXPECT_NE(apply(kReloc32S, 0xffffffff80000000, -1).message, "");
}

TEST(Relocation, PcRelative32) {
  for (const u32 type : {kRelocPc32, kRelocPlt32}) {
    EXPECT_EQ(static_cast<u32>(apply(type, kPlace + 0x100, -4).value), 0xfcU);
    EXPECT_EQ(static_cast<u32>(apply(type, kPlace - 0x100, 0).value), 0xffffff00U);
    EXPECT_EQ(apply(type, kPlace + 0x7fffffff, 0).message, "");
    EXPECT_NE(apply(type, kPlace + 0x80000000, 0).message, "");
    EXPECT_EQ(apply(type, kPlace - 0x80000000, 0).message, "");
    EXPECT_NE(apply(type, kPlace - 0x80000001, 0).message, "");
  }
}

TEST(Relocation, PcRelative64) {
  EXPECT_EQ(apply(kRelocPc64, kPlace + 0x900000000, -4).value, 0x8fffffffcU);
  EXPECT_EQ(apply(kRelocPc64, 0, 0).value, -kPlace);
}

TEST(Relocation, NonZeroPlaces) {
  const Applied old = apply(kRelocPc32, kPlace + 8, 0, 0x90);
  EXPECT_NE(old.message.find("the place is not zero"), std::string::npos);
  EXPECT_EQ(old.value, 0x90U);
  EXPECT_EQ(old.log,
            "<3>x86/modules: Skipping invalid relocation target, existing value is nonzero for type 2, loc "
            "0x20000100, "
            "val 20000108\n");
  EXPECT_EQ(apply(kRelocPc32, kPlace + 8, 0, 0x90, LoaderEra::kMemTypes).log,
            "<3>x86/modules: Invalid relocation target, existing value is nonzero for type 2, loc "
            "0x20000100, val 8\n");
}

TEST(Relocation, UnknownTypes) {
  const Applied got = apply(9 /* GOTPCREL */, 0, 0);
  EXPECT_EQ(got.log, "<3>m: Unknown rela relocation: 9\n");
  EXPECT_NE(got.message.find("relocation type 9"), std::string::npos);
}

// Every call site of an undefined symbol may get a stub of its own.
class CountingTargets : public SiteTargets {
 public:
  u64 target_for(const RelocationSite& site) override {
    sites.push_back(site);
    return 0x20001000 + 16 * sites.size();
  }
  std::vector<RelocationSite> sites;
};

TEST(Relocation, SitesMayHaveTargetsOfTheirOwn) {
  testing::ElfBuilder b = testing::ElfBuilder::hello();
  const u32 init = b.index_of(".init.text");
  b.append(init, std::string("\xe8\0\0\0\0", 5));
  const u32 other = b.symbol("_printk", elf::kShnUndef, 0);
  b.relocation(init, 16, kRelocPlt32, other, -4);
  b.append(init, std::string("\x0f\x84\0\0\0\0", 6));  // je
  b.relocation(init, 22, kRelocPlt32, other, -4);
  b.append(init, std::string("\xbf\0\0\0\0", 5));  // mov $_printk, %edi: a pointer to it
  b.relocation(init, 27, kReloc32S, other, 0);
  const ModuleFile file = b.file();
  CollectedLog log;
  const ElfImage image = ElfImage::parse(file, {}, log).value();
  const Layout layout = lay_out(image, LoaderEra::kCoreAndInit, log).value();
  LinkedImage linked(image, layout, {0x20000000, 0x20000000 + layout.core_bytes, 0});
  const std::vector<u64> values(image.symbols.size(), 0x20000000);
  CountingTargets targets;
  ASSERT_TRUE(relocate(image, linked, values, &targets, LoaderEra::kCoreAndInit, log).ok());
  ASSERT_EQ(targets.sites.size(), 4U);
  EXPECT_EQ(targets.sites[0].symbol, "_printk");
  EXPECT_EQ(targets.sites[1].offset, 16U);
  EXPECT_TRUE(targets.sites[1].is_branch);
  EXPECT_TRUE(targets.sites[2].is_branch);
  EXPECT_FALSE(targets.sites[3].is_branch);
  const u64 base = *linked.section_address(init);
  EXPECT_EQ(*linked.read<s32>(base + 16) + static_cast<s64>(base) + 16 + 4, 0x20001020);
}

TEST(Relocation, SymbolsOfSectionsThatAreNotLoadedAreRefused) {
  testing::ElfBuilder b = testing::ElfBuilder::hello();
  const u32 debug = b.section(".debug_info", elf::kShtProgbits, 0, {1, 2, 3, 4});
  const u32 symbol = b.symbol("in_debug", static_cast<u16>(debug), 0);
  b.append(b.index_of(".data"), std::string(8, '\0'));
  b.relocation(b.index_of(".data"), 16, kReloc64, symbol);
  testing::FakeHost host;
  testing::Loaded loaded;
  testing::load_into(loaded, b, host);
  EXPECT_EQ(loaded.result.error().message,
            "test.ko: section 5 (.data): relocation at offset 0x10 against in_debug: refers to section "
            ".debug_info, which "
            "is not loaded; the file is damaged");
}

}  // namespace
}  // namespace koi::module
