// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_lines.h"

#include <elf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace koi::module {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = R"(int sink(int);
static inline __attribute__((always_inline)) int inner(int x)
{
	return sink(x) + 1;
}
int outer(int x)
{
	sink(0);
	return inner(x) * 3;
}
__attribute__((section(".init.text"))) int start(void)
{
	return outer(2) - 1;
}
)";

// The object file of kSource; empty: there is no compiler here.
std::vector<u8> compile(const fs::path& directory, const std::string& flags) {
  const fs::path source = directory / "example.c";
  std::ofstream(source) << kSource;
  const std::string command =
      fmt::format("cd '{}' && cc -O2 {} -c example.c -o example.o 2>/dev/null", directory.string(), flags);
  if (std::system(command.c_str()) != 0) return {};
  std::ifstream in(directory / "example.o", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Index of a section; 0: there is none.
u32 section_named(const std::vector<u8>& image, const std::string& name) {
  Elf64_Ehdr header;
  std::memcpy(&header, image.data(), sizeof(header));
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), image.data() + header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
  const char* const names =
      reinterpret_cast<const char*>(image.data()) + sections[header.e_shstrndx].sh_offset;
  for (u32 i = 0; i < sections.size(); ++i) {
    if (name == names + sections[i].sh_name) return i;
  }
  return 0;
}

class DwarfLinesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / fmt::format("koi-dwarf-{}", ::getpid());
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }
  fs::path directory_;
};

TEST_F(DwarfLinesTest, LinesAndInlinedFunctions) {
  for (const char* flags : {"-g", "-gdwarf-4", "-g -gz"}) {
    const std::vector<u8> image = compile(directory_, flags);
    if (image.empty()) GTEST_SKIP() << "no C compiler";
    DwarfLines lines("example", image);
    const u32 text = section_named(image, ".text");
    std::vector<u32> seen;
    bool inlined = false;
    for (u64 offset = 0; offset < 64; ++offset) {
      const auto places = lines.find(text, offset);
      if (!places) continue;
      ASSERT_FALSE(places->empty());
      EXPECT_EQ(places->front().file, (directory_ / "example.c").string());
      EXPECT_EQ(places->back().function, "outer");
      if (places->size() == 2) {
        inlined = true;
        EXPECT_EQ(places->front().function, "inner");
        EXPECT_EQ(places->front().line, 4u);
        EXPECT_EQ(places->back().line, 9u);
        EXPECT_EQ(places->back().file, (directory_ / "example.c").string());
      }
    }
    EXPECT_TRUE(inlined) << flags;
    const auto start = lines.find(section_named(image, ".init.text"), 0);
    ASSERT_TRUE(start.has_value()) << flags;
    EXPECT_EQ(start->back().function, "start");
    EXPECT_EQ(start->back().line, 12u);
  }
}

TEST_F(DwarfLinesTest, NothingIsKnown) {
  const std::vector<u8> image = compile(directory_, "-g0");
  if (image.empty()) GTEST_SKIP() << "no C compiler";
  DwarfLines without("example", image);
  EXPECT_FALSE(without.find(section_named(image, ".text"), 0).has_value());
  const std::vector<u8> with_debug = compile(directory_, "-g");
  DwarfLines lines("example", with_debug);
  EXPECT_FALSE(lines.find(section_named(with_debug, ".text"), 1 << 20).has_value());
  EXPECT_FALSE(lines.find(9999, 0).has_value());
  EXPECT_FALSE(lines.find(0, 0).has_value());
  const std::vector<u8> garbage(100, 0x5a);
  EXPECT_FALSE(DwarfLines("garbage", garbage).find(1, 0).has_value());
  EXPECT_FALSE(DwarfLines("empty", {}).find(1, 0).has_value());
}

TEST_F(DwarfLinesTest, DamagedFilesAreSurvived) {
  const std::vector<u8> image = compile(directory_, "-g");
  if (image.empty()) GTEST_SKIP() << "no C compiler";
  const u32 text = section_named(image, ".text");
  for (u64 size = 0; size < image.size(); size += 64) {
    DwarfLines lines("cut", ByteSpan(image).first(size));
    (void)lines.find(text, 8);
  }
  u32 random = 12345;
  for (int round = 0; round < 300; ++round) {
    std::vector<u8> damaged = image;
    for (int i = 0; i < 8; ++i) {
      random = random * 1664525 + 1013904223;
      damaged[64 + random % (damaged.size() - 64)] = static_cast<u8>(random >> 24);
    }
    DwarfLines lines("damaged", damaged);
    (void)lines.find(text, 8);
  }
}

}  // namespace
}  // namespace koi::module
