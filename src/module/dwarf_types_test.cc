// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_types.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace koi::module {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTypesSource = R"(typedef unsigned long u64;
struct inner { int hits; int misses; };
struct outer { u64 first; struct { char a; char b; }; struct inner slots[2]; unsigned flag : 3; unsigned more : 5; char name[16]; };
struct same_size { u64 words[6]; };
struct outer total;
struct same_size other;
struct inner pairs[3];
static u64 * volatile held;
int count(void) { static int calls; return ++calls; }
u64 first_of(struct outer *o) { held = &o->first; return o->first; }
)";

bool nowhere(std::string_view) { return false; }

class DwarfTypesTest : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path directory = fs::temp_directory_path() / fmt::format("koi-dwarf-types.{}", getpid());
    fs::create_directories(directory);
    std::ofstream(directory / "example.c") << kTypesSource;
    const std::string command =
        fmt::format("cc -g -O0 -c {0}/example.c -o {0}/example.o 2>/dev/null", directory.string());
    if (std::system(command.c_str()) == 0) {
      std::ifstream file(directory / "example.o", std::ios::binary);
      object_.assign(std::istreambuf_iterator<char>(file), {});
    }
    fs::remove_all(directory);
    if (object_.empty()) GTEST_SKIP() << "no compiler here";
  }
  std::vector<u8> object_;
};

TEST_F(DwarfTypesTest, FieldsOfAVariable) {
  const auto view = DwarfTypes("example", object_).of_variable("total", {0, 64});
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type, "struct outer");
  EXPECT_EQ(view->bytes, 48U);
  std::string text;
  for (const FieldView& field : view->fields)
    text += fmt::format("{} {} {}+{}\n", field.type, field.name, field.offset, field.bytes);
  EXPECT_EQ(
      text,
      "u64 first 0+8\nchar a 8+1\nchar b 9+1\nint slots[0].hits 12+4\nint slots[0].misses 16+4\n"
      "int slots[1].hits 20+4\nint slots[1].misses 24+4\nunsigned int flag:3 28+1\nunsigned int more:5 28+1\n"
      "char [16] name 29+16\n");
}

TEST_F(DwarfTypesTest, PartsOfArraysAndStaticsOfFunctions) {
  DwarfTypes types("example", object_);
  const auto pairs = types.of_variable("pairs", {8, 12});
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->type, "struct inner [3]");
  ASSERT_EQ(pairs->fields.size(), 1U);
  EXPECT_EQ(pairs->fields[0].name, "[1].hits");
  const auto calls = types.of_variable("calls.0", {0, 4});
  ASSERT_TRUE(calls);
  EXPECT_EQ(calls->type, "int");
  EXPECT_FALSE(types.of_variable("nothing", {0, 4}));
}

TEST_F(DwarfTypesTest, ObjectsByWhatAgreesWithTheAccesses) {
  DwarfTypes types("example", object_);
  // Two structures have this size; only one has four bytes at offset 20.
  const TypedAccess access{{}, 20, 4};
  const auto found = types.of_object(48, {&access, 1}, std::nullopt, {20, 24}, nowhere);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, "struct outer");
  const TypedAccess first{{}, 0, 8};
  EXPECT_FALSE(types.of_object(48, {&first, 1}, std::nullopt, {0, 64}, nowhere)) << "two agree";
  const auto held = types.of_object(32, {&first, 1}, std::nullopt, {0, 16},
                                    [](std::string_view name) { return name == "held"; });
  ASSERT_TRUE(held);
  EXPECT_EQ(held->type, "long unsigned int [4]");
  EXPECT_EQ(held->how, "pointer `held`");
}

}  // namespace
}  // namespace koi::module
