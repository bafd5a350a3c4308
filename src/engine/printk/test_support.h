// SPDX-License-Identifier: GPL-2.0-only
// For this folder's tests: hand-made va_lists, a fake kallsyms, and the tables that real kernels printed.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/printk/format.h"
#include "host/fault_signals.h"

namespace koi::printk::testing {

inline u64 word(const void* pointer) { return reinterpret_cast<u64>(pointer); }
inline u64 word(s64 value) { return static_cast<u64>(value); }

// A guest va_list whose first `in_registers` (at most 6) arguments are in the register save area.
class GuestArguments {
 public:
  explicit GuestArguments(const std::vector<u64>& words, u32 in_registers = 6) {
    in_registers = std::min<u32>(in_registers, 6);
    for (u32 i = 0; i < in_registers && i < words.size(); ++i) registers_[6 - in_registers + i] = words[i];
    if (words.size() > in_registers) overflow_.assign(words.begin() + in_registers, words.end());
    overflow_.push_back(0xdeadbeefdeadbeef);
    layout_ = {(6 - in_registers) * 8, 48, word(overflow_.data()), word(registers_.data())};
  }
  GuestArguments(const GuestArguments&) = delete;
  [[nodiscard]] guest::Address address() const { return word(&layout_); }
  [[nodiscard]] u32 gp_offset() const { return layout_.gp_offset; }

 private:
  struct {
    u32 gp_offset;
    u32 fp_offset;
    u64 overflow_arg_area;
    u64 reg_save_area;
  } layout_;
  std::array<u64, 6> registers_{};
  std::vector<u64> overflow_;
};

struct FakeHost : FormatHost {
  struct Entry {
    u64 address;
    u64 size;
    std::string name;
    std::string module;
  };
  std::vector<Entry> symbols;
  std::vector<std::string> warnings;
  std::vector<std::string> refused;
  std::array<u8, 20> build_id{};

  bool symbolise(u64 address, Symbol& symbol) override {
    for (const Entry& entry : symbols) {
      if (address - entry.address >= entry.size) continue;
      symbol = {entry.name, address - entry.address, entry.size, entry.module, build_id};
      return true;
    }
    return false;
  }
  void warn_once(FormatWarning, std::string_view text) override { warnings.emplace_back(text); }
  void unsupported(std::string_view conversion) override { refused.emplace_back(conversion); }
};

inline std::string format(FormatEnvironment& environment, const char* format, const std::vector<u64>& words,
                          u64 size_bytes = 1024) {
  const GuestArguments arguments(words);
  VaList list(arguments.address());
  std::string text;
  const FormatResult result = format_string(text, size_bytes, word(format), list, environment);
  EXPECT_FALSE(result.fault.has_value());
  return text;
}

// A page that cannot be read, right after one that can.
class GuardedPage {
 public:
  GuardedPage() {
    base_ =
        static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + 4096, 4096, PROT_NONE);
  }
  ~GuardedPage() { munmap(base_, 8192); }
  GuardedPage(const GuardedPage&) = delete;
  [[nodiscard]] char* end() const { return base_ + 4096; }

 private:
  char* base_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string testdata(Release release, const std::string& file) {
  return read_file(std::string(KOI_PRINTK_TESTDATA) + (release == Release::k6_1 ? "/6.1/" : "/6.12/") + file);
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

// The rows of a table, without its header line.
inline std::vector<std::vector<std::string>> table(Release release, const std::string& file) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : split(testdata(release, file), '\n')) rows.push_back(split(line, '\t'));
  if (!rows.empty()) rows.erase(rows.begin());
  return rows;
}

inline std::string name_of(const ::testing::TestParamInfo<Release>& info) {
  return info.param == Release::k6_1 ? "linux_6_1" : "linux_6_12";
}

}  // namespace koi::printk::testing
