// SPDX-License-Identifier: GPL-2.0-only
// Documents: a reference file and what koi printed for it, in the same form: sections of numbered lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern.h"

namespace koi::conformance {

struct Line {
  int number = 0;  // in the reference file, from 1; 0 on koi's side
  std::string text;
};

struct Section {
  std::string name;  // the "##" heading of module_loader.txt; empty where a file has only one section
  std::vector<Line> lines;
};
using Document = std::vector<Section>;

// How the lines of a section find their counterparts.
enum class Match {
  in_order,  // both sides are aligned; a line too many is a failure of its own
  by_key,    // the first cells name a row; rows that only koi has are left out (the tables are samples)
};

struct Rules {
  Match match = Match::in_order;
  int keys = 1;  // by_key: how many cells make the key
  // by_key: how each cell of a reference row is read; missing ones are exact.
  std::function<std::vector<Dialect>(std::string_view row)> cells;
  Dialect line = Dialect::log;  // in_order
};

// One row that is not as it should be.
struct Failure {
  std::string row;  // "17", or "17+" for lines that only koi has, after line 17
  std::string expected;
  std::string got;
};

struct Outcome {
  int rows = 0;            // rows of the reference
  int not_comparable = 0;  // rows with nothing left to compare
  int compared = 0;        // rows compared, lines that only koi has included
  std::vector<Failure> failures;
  [[nodiscard]] int matched() const { return compared - static_cast<int>(failures.size()); }
};

// The reference with its rows already read as patterns.
struct ReferenceSection {
  std::string name;
  std::vector<int> numbers;
  std::vector<Pattern> patterns;
};

[[nodiscard]] Pattern read_pattern(std::string_view line, const Rules& rules);
[[nodiscard]] ReferenceSection read_section(const Section& section, const Rules& rules);
// `actual` is null when koi has no such section: then every row fails.
[[nodiscard]] Outcome compare(const ReferenceSection& expected, const Section* actual, const Rules& rules);

}  // namespace koi::conformance
