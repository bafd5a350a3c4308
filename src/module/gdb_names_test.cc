// SPDX-License-Identifier: GPL-2.0-only
#include "module/gdb_names.h"

#include <gtest/gtest.h>
#include <libelf.h>

#include <array>
#include <cstring>

namespace koi::module {
namespace {

TEST(GdbNames, LibelfReadsThemBack) {
  const std::array<CodeName, 2> names = {CodeName{"kmalloc", 0x4000'0040, 16},
                                         CodeName{"kfree", 0x4000'0050, 16}};
  std::vector<u8> file = elf_of_names(names, 0x4000'0000, 0x4000'1000);
  ASSERT_NE(elf_version(EV_CURRENT), 0U);
  Elf* const elf = elf_memory(reinterpret_cast<char*>(file.data()), file.size());
  ASSERT_NE(elf, nullptr);
  size_t count = 0;
  ASSERT_EQ(elf_getshdrnum(elf, &count), 0);
  ASSERT_EQ(count, 5U);
  const Elf64_Shdr* const text = elf64_getshdr(elf_getscn(elf, 1));
  EXPECT_EQ(text->sh_addr, 0x4000'0000U);
  EXPECT_EQ(text->sh_size, 0x1000U);
  const Elf64_Shdr* const table = elf64_getshdr(elf_getscn(elf, 2));
  const Elf_Data* const data = elf_getdata(elf_getscn(elf, 2), nullptr);
  ASSERT_EQ(data->d_size, 3 * sizeof(Elf64_Sym));
  for (size_t i = 0; i < names.size(); ++i) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, static_cast<const char*>(data->d_buf) + (i + 1) * sizeof(symbol), sizeof(symbol));
    EXPECT_EQ(elf_strptr(elf, table->sh_link, symbol.st_name), names[i].name);
    EXPECT_EQ(text->sh_addr + symbol.st_value, names[i].address);
    EXPECT_EQ(symbol.st_size, 16U);
  }
  elf_end(elf);
}

}  // namespace
}  // namespace koi::module
