// SPDX-License-Identifier: GPL-2.0-only
#include "mutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <set>

#include "text.h"

namespace koi::conformance {
namespace {

const Section* section_named(const Document& document, const std::string& name) {
  const auto found =
      std::find_if(document.begin(), document.end(), [&](const Section& s) { return s.name == name; });
  return found == document.end() ? nullptr : &*found;
}

// Other bytes of the same class, so that the row keeps its form.
std::string_view replacements(char byte) {
  if (byte >= '0' && byte <= '9') return "73915";
  if (std::isalpha(static_cast<unsigned char>(byte)) != 0) return "qzxv";
  return "#%";
}

// The reference's tables are samples: a key changed into that of a row it left out is another true row, not an error.
bool is_row_of(const Section* actual, const Pattern& pattern, const Rules& rules) {
  if (rules.match != Match::by_key || actual == nullptr) return false;
  return std::any_of(actual->lines.begin(), actual->lines.end(),
                     [&](const Line& line) { return pattern.matches(line.text); });
}

// The row with one byte changed at `at`; empty when every change makes another row of koi's output.
std::string changed_row(const Pattern& pattern, std::size_t at, const Section* actual, const Rules& rules) {
  for (const char replacement : replacements(pattern.text()[at])) {
    std::string text = pattern.text();
    if (text[at] == replacement) continue;
    text[at] = replacement;
    if (!is_row_of(actual, read_pattern(text, rules), rules)) return text;
  }
  return "";
}

}  // namespace

std::vector<Value> values_of(const std::vector<ReferenceSection>& sections) {
  std::vector<Value> values;
  for (std::size_t s = 0; s < sections.size(); ++s) {
    for (std::size_t r = 0; r < sections[s].patterns.size(); ++r) {
      const Pattern& pattern = sections[s].patterns[r];
      std::vector<bool> compared(pattern.text().size(), false);
      for (const Span& span : pattern.spans()) {
        if (span.kind == Kind::literal)
          std::fill(compared.begin() + static_cast<std::ptrdiff_t>(span.begin),
                    compared.begin() + static_cast<std::ptrdiff_t>(span.end), true);
      }
      const auto part = [&](std::size_t i) {
        return compared[i] && std::isspace(static_cast<unsigned char>(pattern.text()[i])) == 0;
      };
      for (std::size_t i = 0; i < compared.size(); ++i) {
        if (!part(i)) continue;
        std::size_t end = i;
        while (end < compared.size() && part(end)) ++end;
        values.push_back({s, r, i, end});
        i = end;
      }
    }
  }
  return values;
}

MutationResult check_mutations(const std::vector<ReferenceSection>& sections, const Document& actual,
                               const Rules& rules, int limit, unsigned long long seed) {
  MutationResult result;
  std::vector<std::set<std::string>> failing(sections.size());
  std::vector<std::size_t> failures(sections.size(), 0);
  for (std::size_t s = 0; s < sections.size(); ++s) {
    const Outcome before = compare(sections[s], section_named(actual, sections[s].name), rules);
    failures[s] = before.failures.size();
    for (const Failure& failure : before.failures) failing[s].insert(failure.row);
  }
  std::mt19937_64 random(seed);
  std::vector<Value> values = values_of(sections);
  if (limit > 0 && values.size() > static_cast<std::size_t>(limit)) {
    std::shuffle(values.begin(), values.end(), random);
    values.resize(static_cast<std::size_t>(limit));
  }
  for (const Value& value : values) {
    const ReferenceSection& section = sections[value.section];
    const std::string row = std::to_string(section.numbers[value.row]);
    if (failing[value.section].contains(row)) continue;
    const Section* counterpart = section_named(actual, section.name);
    const std::size_t at = value.begin + random() % (value.end - value.begin);
    const std::string text = changed_row(section.patterns[value.row], at, counterpart, rules);
    if (text.empty()) continue;
    ReferenceSection mutated = section;
    mutated.patterns[value.row] = read_pattern(text, rules);
    ++result.tried;
    const Outcome after = compare(mutated, counterpart, rules);
    const bool noticed = after.failures.size() > failures[value.section] ||
                         std::any_of(after.failures.begin(), after.failures.end(),
                                     [&](const Failure& failure) { return failure.row == row; });
    if (noticed) continue;
    result.survived.push_back(fmt::format("{}: expected \"{}\" changed to \"{}\", and it still matches", row,
                                          shorten(section.patterns[value.row].text(), 160),
                                          shorten(text, 160)));
  }
  return result;
}

}  // namespace koi::conformance
