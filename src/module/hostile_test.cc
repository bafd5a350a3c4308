// SPDX-License-Identifier: GPL-2.0-only
// Hostile input: cut files and corrupted files go through every pass up to the point where code would run.
// Each one loads, or is refused with one line that starts with the file's name. Meant for the asan-ubsan
// build.
//
// KOI_TEST_KO=FILE adds a real module to the built one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "module/testing/exercise.h"
#include "module/testing/full_module.h"

namespace koi::module {
namespace {

constexpr u64 kLimitBytes = u64{64} << 20;
constexpr int kCorruptions = 10000;

struct Subject {
  std::string name;
  std::vector<u8> bytes;
};

std::vector<Subject> subjects() {
  std::vector<Subject> out = {{"built module", testing::full_module().build()}};
  if (const char* path = std::getenv("KOI_TEST_KO")) {
    auto file = read_module_file(path);
    EXPECT_TRUE(file.ok()) << file.error().message;
    if (file.ok()) out.push_back({path, std::move(file->bytes)});
  }
  return out;
}

void expect_one_clear_line(const testing::Exercised& result, const std::string& what) {
  if (result.loaded) return;
  EXPECT_TRUE(result.refusal.starts_with("hostile.ko: ")) << what << ": " << result.refusal;
  EXPECT_GT(result.refusal.size(), 20U) << what;
  for (const char c : result.refusal) EXPECT_TRUE(c >= ' ' && c <= '~') << what << ": " << result.refusal;
  EXPECT_GT(result.errno_value, 0) << what << ": " << result.refusal;
}

TEST(Hostile, TheSubjectsLoad) {
  for (const Subject& subject : subjects()) {
    for (const char* release : {"6.1.0", "6.12.0"}) {
      const auto result = testing::exercise_loader(subject.bytes, release, kLimitBytes);
      EXPECT_TRUE(result.loaded) << subject.name << ": " << result.refusal;
    }
  }
}

TEST(Hostile, EveryTruncation) {
  for (const Subject& subject : subjects()) {
    for (std::size_t size = 0; size < subject.bytes.size(); size += 64) {
      std::vector<u8> cut(subject.bytes.begin(), subject.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const auto result = testing::exercise_loader(std::move(cut), "6.1.0", kLimitBytes);
      EXPECT_FALSE(result.loaded) << subject.name << " cut at " << size;
      expect_one_clear_line(result, fmt::format("{} cut at {}", subject.name, size));
    }
  }
}

// One to eight bytes change; half of the changes fall on the section headers, where they hurt most.
std::vector<u8> corrupt(const std::vector<u8>& original, u64 seed) {
  std::mt19937_64 random(seed);
  std::vector<u8> bytes = original;
  u64 headers = 0;
  std::memcpy(&headers, original.data() + 40, sizeof(headers));
  const u64 count = random() % 8 + 1;
  for (u64 i = 0; i < count; ++i) {
    const u64 choice = random() % 8;
    const u64 from = choice < 4 && headers < bytes.size() ? headers : 0;
    const u64 length = choice == 4 ? u64{64} : bytes.size() - from;
    u8& byte = bytes[from + random() % length];
    const u64 kind = random() % 4;
    byte = kind == 0   ? 0xff
           : kind == 1 ? 0
           : kind == 2 ? static_cast<u8>(byte ^ 1U << random() % 8)
                       : static_cast<u8>(random());
  }
  return bytes;
}

TEST(Hostile, TenThousandCorruptions) {
  for (const Subject& subject : subjects()) {
    int loaded = 0;
    for (int seed = 1; seed <= kCorruptions; ++seed) {
      const auto result = testing::exercise_loader(corrupt(subject.bytes, static_cast<u64>(seed)),
                                                   seed % 2 == 0 ? "6.1.0" : "6.12.0", kLimitBytes);
      expect_one_clear_line(result, fmt::format("{} seed {}", subject.name, seed));
      if (result.loaded) ++loaded;
    }
    RecordProperty("loaded", loaded);
    EXPECT_GT(loaded, 0);
    EXPECT_LT(loaded, kCorruptions);
  }
}

}  // namespace
}  // namespace koi::module
