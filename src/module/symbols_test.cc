// SPDX-License-Identifier: GPL-2.0-only
#include "module/symbols.h"

#include <gtest/gtest.h>

#include "module/testing/fake_host.h"

namespace koi::module {
namespace {

using Init = ModuleSymbols::Init;

struct WithSymbols {
  testing::Loaded loaded;
  std::unique_ptr<ModuleSymbols> symbols;
  u64 text = 0, data = 0, init = 0;
};

void make(WithSymbols& out, const std::string& release) {
  testing::ElfBuilder b = testing::ElfBuilder::hello();
  const u16 text = static_cast<u16>(b.index_of(".text"));
  b.symbol("alias_of_helper", text, 0, elf::kStbGlobal, elf::kSttFunc, 32);
  b.symbol("second", text, 16, elf::kStbGlobal, elf::kSttFunc, 4);
  b.symbol("$d", text, 20, elf::kStbLocal);
  b.symbol(".Llocal", text, 18, elf::kStbLocal);
  b.symbol("weak_one", text, 24, elf::kStbWeak, elf::kSttFunc, 4);
  testing::FakeHost host;
  testing::load_into(out.loaded, b, host, testing::facts(release));
  ASSERT_TRUE(out.loaded.result.ok()) << out.loaded.result.error().message;
  const LoadedModule& m = *out.loaded.result;
  out.symbols = std::make_unique<ModuleSymbols>(m.image, m.layout, *m.linked, m.resolution.values,
                                                loader_era(release), std::pmr::get_default_resource());
  out.text = *m.linked->section_address(text);
  out.data = *m.linked->section_address(m.image.find_index(".data"));
  out.init = *m.linked->section_address(m.image.find_index(".init.text"));
}

TEST(ModuleSymbols, NearestPrecedingFirstOfEqual) {
  for (const char* release : {"6.1.0", "6.12.0"}) {
    WithSymbols s;
    make(s, release);
    const auto first = s.symbols->find(s.text + 3, Init::kPresent);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->name, "helper");
    EXPECT_EQ(first->offset, 3U);
    EXPECT_EQ(first->size, 16U);  // up to the next symbol, whatever st_size says
    const auto second = s.symbols->find(s.text + 20, Init::kPresent);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->name, "second");  // mapping symbols and local labels do not count
    EXPECT_EQ(second->offset, 4U);
    EXPECT_EQ(second->size, 8U);
  }
}

TEST(ModuleSymbols, InitSymbolsGoWithTheBlock) {
  WithSymbols s;
  make(s, "6.12.0");
  EXPECT_EQ(s.symbols->find(s.init + 1, Init::kPresent)->name, "init_module");
  EXPECT_FALSE(s.symbols->find(s.init + 1, Init::kFreed));
  EXPECT_EQ(s.symbols->address_of("init_module", Init::kPresent), s.init);
  EXPECT_FALSE(s.symbols->address_of("init_module", Init::kFreed));
  EXPECT_FALSE(s.symbols->find(s.text - 1, Init::kPresent));
  EXPECT_FALSE(s.symbols->find(0, Init::kPresent));
}

TEST(ModuleSymbols, DataSymbols) {
  WithSymbols s;
  make(s, "6.12.0");
  EXPECT_EQ(s.symbols->find(s.data + 9, Init::kFreed)->name, "counter");
  EXPECT_EQ(s.symbols->find(s.data + 9, Init::kFreed)->offset, 1U);
  EXPECT_FALSE(s.symbols->find(s.data, Init::kFreed));  // nothing precedes it in its region
}

TEST(ModuleSymbols, TypeLetters) {
  WithSymbols s;
  make(s, "6.12.0");
  const auto letter = [&](std::string_view name) {
    for (const auto& entry : s.symbols->entries()) {
      if (entry.name == name) return entry.type;
    }
    return '!';
  };
  EXPECT_EQ(letter("helper"), 't');
  EXPECT_EQ(letter("weak_one"), 'w');
  EXPECT_EQ(letter("counter"), 'd');
  EXPECT_EQ(letter("_printk"), '!');
}

}  // namespace
}  // namespace koi::module
