// SPDX-License-Identifier: GPL-2.0-only
#include "module/trap_sites.h"

#include <gtest/gtest.h>

#include "module/testing/fake_host.h"
#include "module/testing/full_module.h"

namespace koi::module {
namespace {

struct Scanned {
  testing::Loaded loaded;
  TrapScan scan;
  u64 text = 0;
};

void scan(Scanned& out, const testing::ElfBuilder& builder) {
  testing::FakeHost host;
  host.add("outside_key", 0x10003000);
  testing::load_into(out.loaded, builder, host);
  ASSERT_TRUE(out.loaded.result.ok()) << out.loaded.result.error().message;
  const LoadedModule& module = *out.loaded.result;
  out.scan = scan_trap_sites(module.image, *module.linked, module.resolution.values);
  out.text = *module.linked->section_address(module.image.find_index(".text.full"));
}

TEST(TrapSites, InstructionsNotBytes) {
  Scanned s;
  scan(s, testing::full_module());
  struct Expected {
    u64 offset;
    u8 length;
    TrapKind kind;
  };
  const Expected expected[] = {
      {0x40, 2, TrapKind::kPause},      {0x42, 2, TrapKind::kRdtsc}, {0x60, 2, TrapKind::kSyscall},
      {0x62, 1, TrapKind::kHlt},        {0x63, 1, TrapKind::kCli},   {0x64, 1, TrapKind::kSti},
      {0x65, 1, TrapKind::kPrivileged}, {0x66, 2, TrapKind::kCpuid}, {0x68, 3, TrapKind::kRdtscp},
      {0x6b, 3, TrapKind::kRdrand},
  };
  ASSERT_EQ(s.scan.sites.size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    EXPECT_EQ(s.scan.sites[i].address, s.text + expected[i].offset);
    EXPECT_EQ(s.scan.sites[i].length, expected[i].length);
    EXPECT_EQ(s.scan.sites[i].kind, expected[i].kind) << trap_kind_name(s.scan.sites[i].kind);
  }
  EXPECT_EQ(s.scan.undecoded_bytes, 0U);
}

// After bytes that are no instruction, nothing is believed until the next symbol.
TEST(TrapSites, ResumeAtTheNextSymbol) {
  testing::ElfBuilder b = testing::full_module();
  const u32 text = b.section(".text.bad", elf::kShtProgbits, elf::kShfAlloc | elf::kShfExecinstr,
                             {0x06, 0xf3, 0x90, 0x90, /* after: */ 0xf3, 0x90, 0xc3}, 16);
  b.symbol("after", static_cast<u16>(text), 4, elf::kStbGlobal, elf::kSttFunc, 3);
  Scanned s;
  scan(s, b);
  EXPECT_EQ(s.scan.undecoded_bytes, 4U);
  const u64 base = *s.loaded.result->linked->section_address(s.loaded.result->image.find_index(".text.bad"));
  u32 found = 0;
  for (const TrapSite& site : s.scan.sites) {
    EXPECT_NE(site.address, base + 1);
    if (site.address == base + 4) ++found;
  }
  EXPECT_EQ(found, 1U);
}

TEST(TrapSites, ReplacementsThatNeverRunAreNotSearched) {
  testing::ElfBuilder b = testing::full_module();
  Scanned without;
  scan(without, b);
  b.section(".altinstr_replacement", elf::kShtProgbits, elf::kShfAlloc | elf::kShfExecinstr, {0xf3, 0x90});
  Scanned with;
  scan(with, b);
  EXPECT_EQ(with.scan.sites.size(), without.scan.sites.size());
}

}  // namespace
}  // namespace koi::module
