// SPDX-License-Identifier: GPL-2.0-only
#include "log_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "text.h"

namespace koi::conformance {
namespace {

// A line of the block that shows the user program's registers.
bool is_user_register_line(std::string_view text) {
  for (std::string_view start :
       {"RIP: 0033:", "Code: ", "RSP: 002b:", "RAX: ", "RDX: ", "RBP: ", "R10: ", "R13: "}) {
    if (text.starts_with(start)) return true;
  }
  return false;
}

}  // namespace

std::vector<Line> numbered_lines(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  for (std::string_view line : split_lines(text)) lines.push_back({++number, std::string(line)});
  return lines;
}

std::vector<Line> without_noise(std::vector<Line> lines) {
  std::vector<Line> kept;
  bool in_user_block = false;
  for (Line& line : lines) {
    const std::string_view text = parse_log_line(line.text).text;
    if (is_guessed_frame(text) || text.starts_with("koi: ")) continue;
    in_user_block = text.starts_with("RIP: 0033:") || (in_user_block && is_user_register_line(text));
    if (in_user_block) continue;
    kept.push_back(std::move(line));
  }
  return kept;
}

std::vector<Line> without_levels(std::vector<Line> lines) {
  for (Line& line : lines) line.text.erase(0, parse_log_line(line.text).level.size());
  return lines;
}

std::vector<Line> with_relative_sequence(std::vector<Line> lines) {
  long first = -1;
  for (Line& line : lines) {
    const std::size_t comma = line.text.find(',');
    const std::size_t second = comma == std::string::npos ? comma : line.text.find(',', comma + 1);
    if (second == std::string::npos || line.text.starts_with(' ')) continue;
    const long sequence = std::atol(line.text.c_str() + comma + 1);
    if (first < 0) first = sequence;
    line.text.replace(comma + 1, second - comma - 1, std::to_string(sequence - first));
  }
  return lines;
}

double stamp_seconds(std::string_view line) {
  const std::string stamp(parse_log_line(line).stamp);
  return stamp.empty() ? -1.0 : std::atof(stamp.c_str() + 1);
}

std::vector<Line> first_seconds(std::vector<Line> lines, double seconds) {
  double begin = -1.0;
  std::erase_if(lines, [&](const Line& line) {
    const double at = stamp_seconds(line.text);
    if (begin < 0) begin = at;
    return at > begin + seconds;
  });
  return lines;
}

std::vector<Line> part(const std::vector<Line>& lines, std::string_view first, std::string_view last) {
  const auto is = [](std::string_view wanted) {
    return [wanted](const Line& line) { return std::string_view(line.text).ends_with(wanted); };
  };
  const auto begin = std::find_if(lines.begin(), lines.end(), is(first));
  const auto end = std::find_if(begin, lines.end(), is(last));
  return {begin, end == lines.end() ? end : end + 1};
}

}  // namespace koi::conformance
