// SPDX-License-Identifier: GPL-2.0-only
// The check of the check: change one expected value, and the comparison has to fail.
#pragma once

#include <string>
#include <vector>

#include "document.h"

namespace koi::conformance {

// One compared value: a run of non-blank bytes, not masked, of one row.
struct Value {
  std::size_t section;
  std::size_t row;
  std::size_t begin;
  std::size_t end;
};

[[nodiscard]] std::vector<Value> values_of(const std::vector<ReferenceSection>& sections);

struct MutationResult {
  int tried = 0;
  std::vector<std::string> survived;  // "ROW: changed X to Y and it still matches"
};

// Changes up to `limit` values (0: all), drawn with `seed`, one at a time; rows that fail already are passed over.
[[nodiscard]] MutationResult check_mutations(const std::vector<ReferenceSection>& sections,
                                             const Document& actual, const Rules& rules, int limit,
                                             unsigned long long seed);

}  // namespace koi::conformance
