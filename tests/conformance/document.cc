// SPDX-License-Identifier: GPL-2.0-only
#include "document.h"

#include <algorithm>
#include <map>

#include "text.h"

namespace koi::conformance {
namespace {

constexpr std::string_view kNothing = "(nothing)";

void fail(Outcome& outcome, std::string row, std::string_view expected, std::string_view got) {
  outcome.failures.push_back({std::move(row), std::string(expected), std::string(got)});
}

std::string key_of(std::string_view row, int keys) {
  std::size_t end = 0;
  for (int i = 0; i < keys && end != std::string_view::npos; ++i)
    end = row.find('\t', end == 0 ? 0 : end + 1);
  return std::string(row.substr(0, end));
}

void compare_by_key(const ReferenceSection& expected, const Section& actual, const Rules& rules,
                    Outcome& outcome) {
  // Rows with the same key are taken in their order.
  std::multimap<std::string, std::size_t> unused;
  for (std::size_t i = 0; i < actual.lines.size(); ++i)
    unused.emplace(key_of(actual.lines[i].text, rules.keys), i);
  for (std::size_t i = 0; i < expected.patterns.size(); ++i) {
    const Pattern& pattern = expected.patterns[i];
    if (!pattern.comparable()) {
      ++outcome.not_comparable;
      continue;
    }
    ++outcome.compared;
    const auto found = unused.find(key_of(pattern.text(), rules.keys));
    if (found == unused.end()) {
      fail(outcome, std::to_string(expected.numbers[i]), pattern.text(), kNothing);
      continue;
    }
    const std::string& got = actual.lines[found->second].text;
    unused.erase(found);
    if (!pattern.matches(got)) fail(outcome, std::to_string(expected.numbers[i]), pattern.text(), got);
  }
}

// The aligned pairs of a longest common subsequence, as (expected, actual) indices.
std::vector<std::pair<std::size_t, std::size_t>> align(const std::vector<Pattern>& expected,
                                                       const std::vector<Line>& actual) {
  std::size_t first = 0;
  std::size_t expected_end = expected.size();
  std::size_t actual_end = actual.size();
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  while (first < expected_end && first < actual_end && expected[first].matches(actual[first].text)) {
    pairs.emplace_back(first, first);
    ++first;
  }
  std::vector<std::pair<std::size_t, std::size_t>> tail;
  while (expected_end > first && actual_end > first &&
         expected[expected_end - 1].matches(actual[actual_end - 1].text)) {
    tail.emplace_back(--expected_end, --actual_end);
  }
  const std::size_t rows = expected_end - first;
  const std::size_t columns = actual_end - first;
  std::vector<int> length((rows + 1) * (columns + 1), 0);
  std::vector<char> equal(rows * columns, 0);
  const auto at = [columns](std::size_t r, std::size_t c) { return r * (columns + 1) + c; };
  for (std::size_t r = rows; r-- > 0;) {
    for (std::size_t c = columns; c-- > 0;) {
      const bool same = expected[first + r].matches(actual[first + c].text);
      equal[r * columns + c] = same ? 1 : 0;
      length[at(r, c)] =
          same ? length[at(r + 1, c + 1)] + 1 : std::max(length[at(r + 1, c)], length[at(r, c + 1)]);
    }
  }
  for (std::size_t r = 0, c = 0; r < rows && c < columns;) {
    if (equal[r * columns + c] != 0 && length[at(r, c)] == length[at(r + 1, c + 1)] + 1) {
      pairs.emplace_back(first + r++, first + c++);
    } else if (length[at(r + 1, c)] >= length[at(r, c + 1)]) {
      ++r;
    } else {
      ++c;
    }
  }
  pairs.insert(pairs.end(), tail.rbegin(), tail.rend());
  return pairs;
}

void compare_in_order(const ReferenceSection& expected, const Section& actual, Outcome& outcome) {
  std::size_t e = 0;
  std::size_t a = 0;
  // Between two aligned pairs the lines are set against each other one by one.
  const auto settle = [&](std::size_t e_end, std::size_t a_end) {
    for (; e < e_end || a < a_end;) {
      if (e < e_end) {
        ++outcome.compared;
        fail(outcome, std::to_string(expected.numbers[e]), expected.patterns[e].text(),
             a < a_end ? std::string_view(actual.lines[a].text) : kNothing);
        ++e;
        if (a < a_end) ++a;
        continue;
      }
      ++outcome.compared;
      const int after = e > 0 ? expected.numbers[e - 1] : 0;
      fail(outcome, std::to_string(after) + "+", kNothing, actual.lines[a].text);
      ++a;
    }
  };
  for (const auto& [expected_index, actual_index] : align(expected.patterns, actual.lines)) {
    settle(expected_index, actual_index);
    if (expected.patterns[expected_index].comparable()) {
      ++outcome.compared;
    } else {
      ++outcome.not_comparable;
    }
    e = expected_index + 1;
    a = actual_index + 1;
  }
  settle(expected.patterns.size(), actual.lines.size());
}

}  // namespace

Pattern read_pattern(std::string_view line, const Rules& rules) {
  if (rules.match == Match::in_order) return Pattern::parse(line, rules.line);
  return Pattern::parse_row(line, rules.cells ? rules.cells(line) : std::vector<Dialect>());
}

ReferenceSection read_section(const Section& section, const Rules& rules) {
  ReferenceSection read;
  read.name = section.name;
  for (const Line& line : section.lines) {
    read.numbers.push_back(line.number);
    read.patterns.push_back(read_pattern(line.text, rules));
  }
  return read;
}

Outcome compare(const ReferenceSection& expected, const Section* actual, const Rules& rules) {
  Outcome outcome;
  outcome.rows = static_cast<int>(expected.patterns.size());
  const Section nothing;
  if (rules.match == Match::by_key) {
    compare_by_key(expected, actual != nullptr ? *actual : nothing, rules, outcome);
  } else {
    compare_in_order(expected, actual != nullptr ? *actual : nothing, outcome);
  }
  return outcome;
}

}  // namespace koi::conformance
