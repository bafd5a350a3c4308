// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/symvers_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace koi::runtime {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string line(std::string_view name, u32 crc, std::string_view owner, std::string_view type,
                 std::string_view name_space = "") {
  return fmt::format("0x{:08x}\t{}\t{}\t{}\t{}\n", crc, name, owner, type, name_space);
}

// Enough for some buckets, and few enough that this many absent names ask each of them.
constexpr u32 kSymbols = 40;
constexpr u32 kAbsent = 150;

// A Module.symvers in a folder of its own.
class SymversIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/koi-symvers.XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    folder_ = pattern;
    std::string text = line("printk", 0x92997ed8, "vmlinux", "EXPORT_SYMBOL") +
                       line("kfree_rcu", 0x11223344, "vmlinux", "EXPORT_SYMBOL_GPL") +
                       line("dma_buf_put", 0x55667788, "vmlinux", "EXPORT_SYMBOL_GPL", "DMA_BUF") +
                       line("elsewhere", 0x99, "drivers/net/tun", "EXPORT_SYMBOL");
    for (u32 i = 0; i < kSymbols; ++i)
      text += line(fmt::format("symbol_{}", i), 0x1000 + i, "vmlinux", "EXPORT_SYMBOL");
    write_file(symvers(), text);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path symvers() const { return folder_ / "Module.symvers"; }
  [[nodiscard]] fs::path cache() const { return folder_ / "cache" / "symvers" / "6.1"; }
  [[nodiscard]] SymversIndex index() const { return {symvers(), cache()}; }

  // What every index over this text answers, from wherever it takes it.
  static void expect_answers(SymversIndex& index) {
    const auto* const printk = index.find("printk");
    ASSERT_NE(printk, nullptr);
    EXPECT_EQ(printk->crc, 0x92997ed8u);
    EXPECT_FALSE(printk->gpl_only);
    EXPECT_EQ(printk->name_space, "");
    const auto* const rcu = index.find("kfree_rcu");
    ASSERT_NE(rcu, nullptr);
    EXPECT_TRUE(rcu->gpl_only);
    const auto* const put = index.find("dma_buf_put");
    ASSERT_NE(put, nullptr);
    EXPECT_EQ(put->name_space, "DMA_BUF");
    EXPECT_EQ(put->crc, 0x55667788u);
    EXPECT_EQ(index.find("elsewhere"), nullptr);
    EXPECT_EQ(index.find("print"), nullptr);
    EXPECT_EQ(index.find(""), nullptr);
    for (u32 i = 0; i < kSymbols; ++i) {
      const auto* const symbol = index.find(fmt::format("symbol_{}", i));
      ASSERT_NE(symbol, nullptr);
      ASSERT_EQ(symbol->crc, 0x1000 + i);
    }
    for (u32 i = 0; i < kAbsent; ++i) ASSERT_EQ(index.find(fmt::format("absent_{}", i)), nullptr);
  }

  fs::path folder_;
};

TEST_F(SymversIndexTest, AnswersTheSameFromTextAndCache) {
  SymversIndex first = index();
  expect_answers(first);
  ASSERT_TRUE(fs::exists(cache()));
  EXPECT_EQ(std::distance(fs::directory_iterator(cache().parent_path()), {}), 1)
      << "a temporary file is left";
  const auto written = fs::last_write_time(cache());
  SymversIndex second = index();
  expect_answers(second);
  EXPECT_EQ(fs::last_write_time(cache()), written);
}

TEST_F(SymversIndexTest, TheCacheIsWhatAnswers) {
  SymversIndex first = index();
  expect_answers(first);
  // Without the text's words: nothing else could answer.
  const auto source = identity_of(symvers());
  ASSERT_TRUE(source.has_value());
  const auto file = SymversFile::open(cache(), *source);
  ASSERT_TRUE(file.has_value());
  SymversFile::Found found;
  EXPECT_EQ(file->find("dma_buf_put", found), SymversFile::Answer::kFound);
  EXPECT_EQ(found.name_space, "DMA_BUF");
  EXPECT_EQ(file->find("elsewhere", found), SymversFile::Answer::kAbsent);
}

TEST_F(SymversIndexTest, AnEarlierKernelsCacheIsMadeAnew) {
  SymversIndex first = index();
  expect_answers(first);
  write_file(symvers(), line("printk", 0x12345678, "vmlinux", "EXPORT_SYMBOL_GPL"));
  SymversIndex second = index();
  const auto* const printk = second.find("printk");
  ASSERT_NE(printk, nullptr);
  EXPECT_EQ(printk->crc, 0x12345678u);
  EXPECT_TRUE(printk->gpl_only);
  EXPECT_EQ(second.find("kfree_rcu"), nullptr);
  const auto source = identity_of(symvers());
  EXPECT_TRUE(SymversFile::open(cache(), *source).has_value()) << "the next run has no cache";
}

TEST_F(SymversIndexTest, DamageIsNoticedAnywhere) {
  SymversIndex first = index();
  expect_answers(first);
  const std::string good = read_file(cache());
  // Each byte of the header and the directory, and some of each record.
  constexpr size_t kStartOfBuckets = 120;
  for (size_t at = 0; at < good.size(); at += at < kStartOfBuckets ? 1 : 5) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    write_file(cache(), bad);
    SymversIndex damaged = index();
    expect_answers(damaged);
    ASSERT_TRUE(read_file(cache()) == good) << "the damage at byte " << at << " was not mended";
  }
}

TEST_F(SymversIndexTest, ACutOffCacheIsNoticed) {
  SymversIndex first = index();
  expect_answers(first);
  const std::string good = read_file(cache());
  for (size_t size = 0; size < good.size(); size += 7) {
    write_file(cache(), good.substr(0, size));
    SymversIndex cut = index();
    expect_answers(cut);
    ASSERT_TRUE(read_file(cache()) == good) << "cut off at " << size;
  }
}

TEST_F(SymversIndexTest, ACacheThatCannotBeWrittenCostsOnlyTime) {
  write_file(folder_ / "cache", "a file where the folder should be");
  SymversIndex blocked = index();
  expect_answers(blocked);
  SymversIndex nowhere(symvers(), "/proc/no-such-folder/symvers/6.1");
  expect_answers(nowhere);
}

TEST_F(SymversIndexTest, AFolderInTheCachesPlaceIsLeftAlone) {
  fs::create_directories(cache());
  SymversIndex blocked = index();
  expect_answers(blocked);
  EXPECT_EQ(std::distance(fs::directory_iterator(cache().parent_path()), {}), 1)
      << "a temporary file is left";
}

TEST_F(SymversIndexTest, NoTextNoSymbols) {
  fs::remove(symvers());
  SymversIndex empty = index();
  EXPECT_EQ(empty.find("printk"), nullptr);
  EXPECT_FALSE(fs::exists(cache()));
}

}  // namespace
}  // namespace koi::runtime
