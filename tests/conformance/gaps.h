// SPDX-License-Identifier: GPL-2.0-only
// Known gaps: rows that koi does not match yet, each with its reason. The list may only shrink: a gap whose row
// matches is an error, and so is a list longer than the ceiling written at its top.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "document.h"

namespace koi::conformance {

struct Gap {
  std::string file;
  std::string row;  // "17", "17+", "17-23", or "*": the whole file is left out until its part of koi exists
  std::string reason;
  int line = 0;  // in the list
};

struct Gaps {
  int ceiling = 0;
  std::vector<Gap> entries;
};

// A line is FILE<TAB>ROW<TAB>REASON; "# ceiling N" gives the most entries that the list may have.
[[nodiscard]] Result<Gaps> read_gaps(std::string_view text);

// One file's outcome, set against the list.
struct Settled {
  std::string file;
  bool goal = true;
  bool left_out = false;  // by a "*" entry
  int rows = 0;
  int compared = 0;
  int matched = 0;
  int gaps = 0;
  int not_comparable = 0;
  std::vector<Failure> failed;     // not covered by a gap
  std::vector<std::string> stale;  // messages: gaps that match by now
};
[[nodiscard]] Settled settle(const std::string& file, bool goal, const Outcome& outcome, const Gaps& gaps);

// The failures as lines for the list; the reason is left for a person to write ("?" is refused when read back).
[[nodiscard]] std::string propose(const Settled& settled);

}  // namespace koi::conformance
