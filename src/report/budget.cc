// SPDX-License-Identifier: GPL-2.0-only
#include "report/budget.h"

#include <charconv>
#include <optional>

namespace koi::report {
namespace {

constexpr std::string_view kFirstLine = "koi-budget 1";

std::optional<u64> number(std::string_view text) {
  u64 value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Budget budget_of(const MemoryReport& report) {
  const Trace& trace = *report.trace;
  std::map<u32, const SiteUsage*> by_number;
  for (const SiteUsage& usage : report.analysis.sites) by_number[usage.site] = &usage;
  Budget budget;
  std::map<std::string, u32> seen;
  for (u32 n = 1; n < trace.sites.size(); ++n) {  // in the order of the code
    const TraceSite& site = trace.sites[n];
    const std::string function = site.function.substr(0, site.function.find_first_of("+ "));
    std::string key = fmt::format("{}/{}/{}", site.module, function, site.callee);
    if (const u32 place = ++seen[key]; place > 1) key += fmt::format("#{}", place);
    const auto used = by_number.find(n);
    if (used != by_number.end()) budget[key] = {used->second->peak_actual, used->second->wasted()};
  }
  return budget;
}

std::string budget_text(const Budget& budget) {
  std::string text = fmt::format("{}\n# call site\tpeak bytes\twasted bytes\n", kFirstLine);
  for (const auto& [key, limit] : budget)
    text += fmt::format("{}\t{}\t{}\n", key, limit.peak_bytes, limit.wasted_bytes);
  return text;
}

Result<Budget> parse_budget(std::string_view text, std::string_view name) {
  Budget budget;
  u64 line_number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (++line_number == 1) {
      if (line != kFirstLine)
        return make_error("{}: no memory budget: its first line is not '{}'", name, kFirstLine);
      continue;
    }
    if (line.empty() || line[0] == '#') continue;
    const size_t first = line.find('\t');
    const size_t second = line.find('\t', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      return make_error("{}:{}: not call site, peak and wasted bytes, separated by tabs", name, line_number);
    const auto peak = number(line.substr(first + 1, second - first - 1));
    const auto wasted = number(line.substr(second + 1));
    if (!peak || !wasted) return make_error("{}:{}: not a number of bytes", name, line_number);
    budget[std::string(line.substr(0, first))] = {*peak, *wasted};
  }
  if (line_number == 0) return make_error("{}: empty, no memory budget", name);
  return budget;
}

std::vector<std::string> over_budget(const Budget& allowed, const Budget& now) {
  std::vector<std::string> lines;
  for (const auto& [key, use] : now) {
    const auto limit = allowed.find(key);
    if (limit == allowed.end()) {
      lines.push_back(fmt::format("{}: not in the budget; holds {} bytes at its peak, wastes {}", key,
                                  use.peak_bytes, use.wasted_bytes));
      continue;
    }
    if (use.peak_bytes > limit->second.peak_bytes) {
      lines.push_back(fmt::format("{}: holds {} bytes at its peak, {} allowed", key, use.peak_bytes,
                                  limit->second.peak_bytes));
    }
    if (use.wasted_bytes > limit->second.wasted_bytes) {
      lines.push_back(
          fmt::format("{}: wastes {} bytes, {} allowed", key, use.wasted_bytes, limit->second.wasted_bytes));
    }
  }
  return lines;
}

}  // namespace koi::report
