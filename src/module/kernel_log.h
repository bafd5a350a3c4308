// SPDX-License-Identifier: GPL-2.0-only
// What the kernel's own loader would have printed, line by line and in order: every pass of the loader takes
// a KernelLog, so that a refusal (an Error for the user) and the kernel's words for it (records of dmesg) are
// two things.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace koi::module {

// The kernel's log levels that the loader uses.
inline constexpr int kLogErr = 3;
inline constexpr int kLogWarning = 4;
inline constexpr int kLogNotice = 5;

// Where the kernel's lines go. The runtime's prints a record at once, so that lines keep their order with
// those of a module's own parameter operations.
class KernelLog {
 public:
  virtual ~KernelLog() = default;
  // One record: `line` has neither level prefix nor final newline.
  virtual void print(int level, std::string_view line) = 0;

  template <class... Args>
  void line(int level, fmt::format_string<Args...> format, Args&&... args) {
    print(level, fmt::format(format, std::forward<Args>(args)...));
  }
};

// A KernelLog that keeps its lines.
class CollectedLog : public KernelLog {
 public:
  struct Line {
    int level = 0;
    std::string text;
  };
  void print(int level, std::string_view line) override { lines.push_back({level, std::string(line)}); }
  // All lines as `dmesg -r` shows them without time stamps: "<4>text\n".
  [[nodiscard]] std::string raw() const {
    std::string out;
    for (const Line& line : lines) out += fmt::format("<{}>{}\n", line.level, line.text);
    return out;
  }

  std::vector<Line> lines;
};

}  // namespace koi::module
