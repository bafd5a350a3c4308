// SPDX-License-Identifier: GPL-2.0-only
#include "gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "text.h"

namespace koi::conformance {
namespace {

constexpr std::string_view kCeiling = "# ceiling ";
constexpr std::size_t kShortestReason = 12;

int number(std::string_view text) { return std::atoi(std::string(text).c_str()); }

// The rows that an entry names: "17-23" is seven of them.
std::vector<std::string> rows_of(const Gap& gap) {
  const std::size_t dash = gap.row.find('-');
  if (dash == std::string::npos) return {gap.row};
  std::vector<std::string> rows;
  for (int row = number(gap.row.substr(0, dash)); row <= number(gap.row.substr(dash + 1)); ++row) {
    rows.push_back(std::to_string(row));
  }
  return rows;
}

}  // namespace

Result<Gaps> read_gaps(std::string_view text) {
  Gaps gaps;
  int line_number = 0;
  for (std::string_view line : split_lines(text)) {
    ++line_number;
    if (line.starts_with(kCeiling)) gaps.ceiling = number(line.substr(kCeiling.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string_view> cells = split(line, '\t');
    if (cells.size() != 3)
      return make_error("known gaps, line {}: expected FILE, ROW and REASON between tabs", line_number);
    if (cells[2].size() < kShortestReason)
      return make_error("known gaps, line {}: no reason given", line_number);
    gaps.entries.push_back(
        {std::string(cells[0]), std::string(cells[1]), std::string(cells[2]), line_number});
  }
  if (static_cast<int>(gaps.entries.size()) != gaps.ceiling) {
    return make_error("known gaps: {} entries, but the ceiling says {}; it may only go down",
                      gaps.entries.size(), gaps.ceiling);
  }
  return gaps;
}

Settled settle(const std::string& file, bool goal, const Outcome& outcome, const Gaps& gaps) {
  Settled settled;
  settled.file = file;
  settled.goal = goal;
  settled.rows = outcome.rows;
  settled.compared = outcome.compared;
  settled.matched = outcome.matched();
  settled.not_comparable = outcome.not_comparable;
  std::set<std::string> failing;
  for (const Failure& failure : outcome.failures) failing.insert(failure.row);
  std::set<std::string> covered;
  for (const Gap& gap : gaps.entries) {
    if (gap.file != file) continue;
    if (gap.row == "*") {
      settled.left_out = true;
      if (failing.empty())
        settled.stale.push_back(
            fmt::format("{}: stale gap, line {}: the whole file matches", file, gap.line));
      continue;
    }
    for (std::string& row : rows_of(gap)) {
      if (!failing.contains(row))
        settled.stale.push_back(fmt::format("{}:{}: stale gap, line {}: it matches", file, row, gap.line));
      covered.insert(std::move(row));
    }
  }
  for (const Failure& failure : outcome.failures) {
    if (settled.left_out || covered.contains(failure.row)) {
      ++settled.gaps;
    } else {
      settled.failed.push_back(failure);
    }
  }
  return settled;
}

std::string propose(const Settled& settled) {
  std::string text;
  for (std::size_t i = 0; i < settled.failed.size();) {
    const std::string& first = settled.failed[i].row;
    std::size_t end = i + 1;
    const bool extra = first.ends_with('+');
    while (end < settled.failed.size() &&
           (extra ? settled.failed[end].row == first
                  : settled.failed[end].row == std::to_string(number(first) + static_cast<int>(end - i)))) {
      ++end;
    }
    const std::string& last = settled.failed[end - 1].row;
    text += fmt::format("{}\t{}\t?\n", settled.file, first == last ? first : first + "-" + last);
    i = end;
  }
  return text;
}

}  // namespace koi::conformance
