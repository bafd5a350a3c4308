// SPDX-License-Identifier: GPL-2.0-only
// docs/conformance.md: how many rows of every reference file koi matches.
#pragma once

#include <string>
#include <vector>

#include "gaps.h"

namespace koi::conformance {

struct Totals {
  int compared = 0;
  int matched = 0;
  int gaps = 0;
  int failed = 0;
  [[nodiscard]] double percent() const { return compared == 0 ? 0.0 : 100.0 * matched / compared; }
};

// Over the files that have to match by now (`goal`), or over the others; files left out are not counted.
[[nodiscard]] Totals total(const std::vector<Settled>& files, bool goal);
// `unread`: reference files that no case compares.
[[nodiscard]] std::string counts_page(const std::vector<Settled>& files,
                                      const std::vector<std::string>& unread);

}  // namespace koi::conformance
