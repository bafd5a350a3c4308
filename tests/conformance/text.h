// SPDX-License-Identifier: GPL-2.0-only
// Lines, fields and whole files: the little text handling that every part of the conformance tool needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace koi::conformance {

// Pieces between separators; "a||b" has an empty piece, "" has one.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
// Lines without their newline; a last newline makes no empty line.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string_view>& pieces, std::string_view separator);
// The line at most `limit` bytes long, "..." at its end when it was longer; control bytes as \xNN.
[[nodiscard]] std::string shorten(std::string_view line, std::size_t limit);

[[nodiscard]] Result<std::string> read_file(const std::string& path);
// Writes through a temporary name and a rename, so that a reader never sees half a file.
[[nodiscard]] Status write_file(const std::string& path, std::string_view text);

// A line of `dmesg -r` taken apart: "<4>[    3.6] text". Parts that are absent are empty.
struct LogLine {
  std::string_view level;  // "<4>"
  std::string_view stamp;  // "[    3.604375] "
  std::string_view text;
};
[[nodiscard]] LogLine parse_log_line(std::string_view line);

}  // namespace koi::conformance
