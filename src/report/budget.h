// SPDX-License-Identifier: GPL-2.0-only
// A memory budget: for each call site the most that it may hold at once and waste. A file that a project keeps beside its
// sources, so that a build job fails when a change makes a call site take more.
//
// A site is known by module, function and callee, and by its place among the same calls of that function: code that moves
// does not change it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "report/memory_report.h"

namespace koi::report {

struct BudgetLimit {
  u64 peak_bytes = 0;
  u64 wasted_bytes = 0;
  friend bool operator==(const BudgetLimit&, const BudgetLimit&) = default;
};
using Budget = std::map<std::string, BudgetLimit>;  // by site key: "driver/setup/__kmalloc#2"

// What the report's call sites take now.
[[nodiscard]] Budget budget_of(const MemoryReport& report);

// "koi-budget 1", then lines of site key, peak and wasted bytes, separated by tabs; # begins a comment line.
[[nodiscard]] std::string budget_text(const Budget& budget);
// Errors: another version, a line that is none; the message names `name` and the line.
[[nodiscard]] Result<Budget> parse_budget(std::string_view text, std::string_view name);

// One line for each site that takes more than it may, or that the budget does not know.
[[nodiscard]] std::vector<std::string> over_budget(const Budget& allowed, const Budget& now);

}  // namespace koi::report
