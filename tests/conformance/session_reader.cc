// SPDX-License-Identifier: GPL-2.0-only
// read_session(): the "@..." lines of a loader session tell how the lines after them become lines of a paragraph.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "loader_session.h"
#include "log_text.h"
#include "text.h"

namespace koi::conformance {
namespace {

// Boot noise that the reference's own script filtered out of the log.
bool is_boot_noise(std::string_view line) {
  const std::string_view text = parse_log_line(line).text;
  for (std::string_view name : {"tsc", "clocksource", "random", "clk", "input", "sched_clock", "platform"}) {
    if (text.starts_with(name)) return true;
  }
  return false;
}

// As the reference shows them: unprintable bytes as dots.
std::string shown_bytes(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(),
      [](char byte) { return byte != '\t' && std::isprint(static_cast<unsigned char>(byte)) == 0; }, '.');
  return shown;
}

class SessionReader {
 public:
  void marker(std::string_view text) {
    finish();
    const std::size_t blank = std::min(text.find(' '), text.size());
    mode_ = text.substr(0, blank);
    argument_ = blank < text.size() ? text.substr(blank + 1) : std::string_view();
    if (mode_ == "paragraph") document_.push_back({std::string(argument_), {}});
    if (mode_ == "tree") branches_.assign(1, ".");
    if (mode_ == "ifok") if_ok_ = argument_;
    if (mode_ == "done") {
      if (argument_ == "0") add(if_ok_);
      mode_ = "drop";
    }
  }
  void line(std::string_view text) { lines_.push_back(text); }
  [[nodiscard]] Document take() {
    finish();
    return std::move(document_);
  }

 private:
  void add(std::string text) {
    if (!document_.empty()) document_.back().lines.push_back({0, std::move(text)});
  }

  void finish() {
    std::vector<std::string_view> lines;
    lines.swap(lines_);
    // A file's contents: the empty line that closes them, and what the shell says of a file that cannot be read.
    if (mode_ == "value" || mode_ == "bracket" || mode_ == "status") {
      std::erase_if(lines, [](std::string_view line) { return line.starts_with("cat: "); });
      ended_ = !lines.empty() && lines.back().empty();
      while (!lines.empty() && lines.back().empty()) lines.pop_back();
    }
    if (mode_ == "raw") {
      for (std::string_view line : lines) add(std::string(line));
    } else if (mode_ == "log") {
      finish_log(lines);
    } else if (mode_ == "only") {
      for (std::string_view line : lines) {
        if (line.find(argument_) != std::string_view::npos) add(std::string(line));
      }
    } else if (mode_ == "value") {
      finish_value(lines);
    } else if (mode_ == "bracket") {
      add(fmt::format("{}[{}]", argument_, join(lines, "\n")));
    } else if (mode_ == "status") {
      add(fmt::format("exit {} value [{}]", argument_, join(lines, "\n")));
    } else if (mode_ == "sorted") {
      std::sort(lines.begin(), lines.end());
      for (std::string_view line : lines) add(fmt::format("{}{}", argument_, line));
    } else if (mode_ == "permissions") {
      finish_permissions(lines);
    } else if (mode_ == "tree" || mode_ == "branch") {
      const std::string_view directory = mode_ == "tree" ? std::string_view(".") : argument_;
      for (std::string_view line : lines) branches_.push_back(fmt::format("{}/{}", directory, line));
    } else if (mode_ == "end") {
      std::sort(branches_.begin(), branches_.end());
      for (std::string& branch : branches_) add(std::move(branch));
      branches_.clear();
    } else if (mode_ == "kallsyms") {
      for (std::string_view line : lines) {
        if (line.ends_with(argument_))
          add(fmt::format("ADDR{}", line.substr(std::min(line.find(' '), line.size()))));
      }
    }
  }

  void finish_log(const std::vector<std::string_view>& lines) {
    std::vector<Line> log;
    for (std::string_view line : lines) {
      if (is_boot_noise(line)) continue;
      const LogLine parts = parse_log_line(line);
      log.push_back({0, fmt::format("{}{}", parts.level, shown_bytes(parts.text))});
    }
    for (Line& line : without_noise(std::move(log))) add(std::move(line.text));
  }

  // NUL bytes dropped, other unprintable ones shown as dots, lines joined by blanks, at most 200 bytes.
  void finish_value(const std::vector<std::string_view>& lines) {
    std::string text;
    for (std::string_view line : lines) {
      for (const char byte : line) {
        if (byte == '\0') continue;
        text += std::isprint(static_cast<unsigned char>(byte)) != 0 ? byte : '.';
      }
      text += ' ';
    }
    // The reference's script turned the last newline, where there was one, into a blank.
    const bool keeps_blank = argument_.starts_with("./") && ended_;
    if (!keeps_blank && text.ends_with(' ')) text.pop_back();
    add(fmt::format("{}: {}", argument_, text.substr(0, 200)));
  }

  // "-rw-r--r-- 1 root root 4096 Jan 1 00:00 name" -> "-rw-r--r-- name"
  void finish_permissions(const std::vector<std::string_view>& lines) {
    for (std::string_view line : lines) {
      const std::size_t first = std::min(line.find(' '), line.size());
      const std::size_t last = line.rfind(' ');
      add(last == std::string_view::npos
              ? std::string(line)
              : fmt::format("{} {}", line.substr(0, first), line.substr(last + 1)));
    }
  }

  Document document_;
  std::string_view mode_ = "drop";
  std::string_view argument_;
  std::string if_ok_;
  std::vector<std::string_view> lines_;
  std::vector<std::string> branches_;
  bool ended_ = false;  // the file just shown ends in a newline
};

}  // namespace

Document read_session(std::string_view out) {
  SessionReader reader;
  for (std::string_view line : split_lines(out)) {
    if (line.starts_with('@')) {
      reader.marker(line.substr(1));
    } else {
      reader.line(line);
    }
  }
  return reader.take();
}

}  // namespace koi::conformance
