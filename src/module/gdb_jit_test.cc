// SPDX-License-Identifier: GPL-2.0-only
#include "module/gdb_jit.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>

namespace koi::module {
namespace {

std::vector<u8> two_sections() {
  std::vector<u8> image(sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Shdr));
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_shoff = sizeof(header);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  std::memcpy(image.data(), &header, sizeof(header));
  return image;
}

u64 address_of_section(const u8* file, u32 index) {
  Elf64_Shdr section;
  std::memcpy(&section, file + sizeof(Elf64_Ehdr) + index * sizeof(section), sizeof(section));
  return section.sh_addr;
}

TEST(PlaceSections, SetsAddressesInTheCopyOnly) {
  const std::vector<u8> image = two_sections();
  const LoadedSection loaded[] = {{1, 0x40001000}, {2, 0x40003000}};
  const auto placed = place_sections(image, loaded);
  ASSERT_TRUE(placed.ok());
  EXPECT_EQ(address_of_section(placed->data(), 0), 0u);
  EXPECT_EQ(address_of_section(placed->data(), 1), 0x40001000u);
  EXPECT_EQ(address_of_section(placed->data(), 2), 0x40003000u);
  EXPECT_EQ(address_of_section(image.data(), 1), 0u);
}

TEST(PlaceSections, RefusesDamage) {
  const LoadedSection third[] = {{3, 0x1000}};
  EXPECT_FALSE(place_sections(two_sections(), third).ok());
  std::vector<u8> cut = two_sections();
  cut.resize(cut.size() - 1);
  EXPECT_FALSE(place_sections(cut, {}).ok());
  cut.resize(10);
  EXPECT_FALSE(place_sections(cut, {}).ok());
  std::vector<u8> other = two_sections();
  other[0] = 0;
  EXPECT_FALSE(place_sections(other, {}).ok());
}

TEST(GdbJitModuleTest, ListFollowsLoadAndUnload) {
  ASSERT_EQ(__jit_debug_descriptor.version, 1u);
  ASSERT_EQ(__jit_debug_descriptor.first_entry, nullptr);
  const std::vector<u8> image = two_sections();
  auto first = std::move(GdbJitModule::create(image, {})).value();
  auto second = std::move(GdbJitModule::create(image, {})).value();
  jit_code_entry* const head = __jit_debug_descriptor.first_entry;
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->symfile_size, image.size());
  ASSERT_NE(head->next_entry, nullptr);
  EXPECT_EQ(head->next_entry->prev_entry, head);
  EXPECT_EQ(head->next_entry->next_entry, nullptr);
  first.reset();
  EXPECT_EQ(__jit_debug_descriptor.first_entry, head);
  EXPECT_EQ(head->next_entry, nullptr);
  second.reset();
  EXPECT_EQ(__jit_debug_descriptor.first_entry, nullptr);
  EXPECT_EQ(__jit_debug_descriptor.action_flag, 0u);
}

}  // namespace
}  // namespace koi::module
