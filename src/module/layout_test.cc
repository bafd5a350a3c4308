// SPDX-License-Identifier: GPL-2.0-only
#include "module/layout.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "module/testing/elf_builder.h"

namespace koi::module {
namespace {

using testing::ElfBuilder;
using namespace elf;

struct LaidOut {
  ModuleFile file;
  ElfImage image;
  Result<Layout> layout{make_error("not laid out")};
  CollectedLog log;
};
void lay(LaidOut& out, const ElfBuilder& builder, LoaderEra era) {
  out.file = builder.file();
  auto image = ElfImage::parse(out.file, {}, out.log);
  ASSERT_TRUE(image.ok()) << image.error().message;
  out.image = std::move(*image);
  out.layout = lay_out(out.image, era, out.log);
}

MemoryKind kind_of(const LaidOut& laid, std::string_view section) {
  return laid.layout->places[laid.image.find_index(section)].kind;
}

TEST(Layout, KindsFollowFlagsAndNames) {
  ElfBuilder b = ElfBuilder::hello();
  b.section(".data..ro_after_init", kShtProgbits, kShfAlloc | kShfWrite, {1});
  b.section("__jump_table", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(16));
  b.section(".init.data", kShtProgbits, kShfAlloc | kShfWrite, {1});
  b.section(".init.rodata", kShtProgbits, kShfAlloc, {1});
  b.section(".exit.data", kShtProgbits, kShfAlloc | kShfWrite, {1});
  for (const LoaderEra era : {LoaderEra::kCoreAndInit, LoaderEra::kMemTypes}) {
    LaidOut laid;
    lay(laid, b, era);
    ASSERT_TRUE(laid.layout.ok());
    EXPECT_EQ(kind_of(laid, ".text"), MemoryKind::kText);
    EXPECT_EQ(kind_of(laid, ".exit.text"), MemoryKind::kText);
    EXPECT_EQ(kind_of(laid, ".rodata.str1.1"), MemoryKind::kRodata);
    EXPECT_EQ(kind_of(laid, ".data..ro_after_init"), MemoryKind::kRoAfterInit);
    EXPECT_EQ(kind_of(laid, "__jump_table"), MemoryKind::kRoAfterInit);
    EXPECT_EQ(kind_of(laid, ".data"), MemoryKind::kData);
    EXPECT_EQ(kind_of(laid, ".exit.data"), MemoryKind::kData);
    EXPECT_EQ(kind_of(laid, ".bss"), MemoryKind::kData);
    EXPECT_EQ(kind_of(laid, ".init.text"), MemoryKind::kInitText);
    EXPECT_EQ(kind_of(laid, ".init.rodata"), MemoryKind::kInitRodata);
    EXPECT_EQ(kind_of(laid, ".init.data"), MemoryKind::kInitData);
    EXPECT_EQ(laid.layout->places[laid.image.modinfo].block, Block::kNone);
    EXPECT_EQ(laid.layout->places[laid.image.versions].block, Block::kNone);
  }
}

TEST(Layout, RegionsTileTheBlocksAndHoldTheirSections) {
  for (const LoaderEra era : {LoaderEra::kCoreAndInit, LoaderEra::kMemTypes}) {
    LaidOut laid;
    lay(laid, ElfBuilder::hello(), era);
    const Layout& layout = *laid.layout;
    u64 core = 0;
    u64 init = 0;
    for (const Region& region : layout.regions) {
      EXPECT_EQ(region.offset % kPageBytes, 0U);
      EXPECT_EQ(region.size % kPageBytes, 0U);
      u64& end = region.block == Block::kCore ? core : init;
      EXPECT_EQ(region.offset, end) << memory_kind_name(region.kind);
      end += region.size;
    }
    EXPECT_EQ(core, layout.core_bytes);
    EXPECT_EQ(init, layout.init_bytes);
    for (u32 i = 1; i < laid.image.sections.size(); ++i) {
      const SectionPlace& place = layout.places[i];
      if (place.block != Block::kCore && place.block != Block::kInit) continue;
      const Region& region = layout.region(place.kind);
      const SectionHeader& header = laid.image.sections[i].header;
      EXPECT_GE(place.offset, region.offset);
      EXPECT_LE(place.offset + header.size, region.offset + region.size);
      EXPECT_EQ(place.offset % std::max<u64>(header.addralign, 1), 0U);
    }
  }
}

TEST(Layout, WritableTextIsRefused) {
  ElfBuilder b = ElfBuilder::hello();
  b.section(".text.patch", kShtProgbits, kShfAlloc | kShfExecinstr | kShfWrite, {0xc3});
  LaidOut laid;
  lay(laid, b, LoaderEra::kCoreAndInit);
  ASSERT_FALSE(laid.layout.ok());
  EXPECT_EQ(laid.layout.error().errno_value, ENOEXEC);
  EXPECT_NE(laid.log.raw().find("<3>hello: section .text.patch (index "), std::string::npos);
  EXPECT_NE(laid.log.raw().find("has invalid WRITE|EXEC flags"), std::string::npos);
}

TEST(Layout, PercpuIsApart) {
  ElfBuilder b = ElfBuilder::hello();
  const u32 percpu = b.section(".data..percpu", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(24), 16);
  LaidOut laid;
  lay(laid, b, LoaderEra::kCoreAndInit);
  EXPECT_EQ(laid.layout->places[percpu].block, Block::kPercpu);
  EXPECT_EQ(laid.layout->percpu_bytes, 24U);
  EXPECT_EQ(laid.layout->percpu_align, 16U);
}

}  // namespace
}  // namespace koi::module
