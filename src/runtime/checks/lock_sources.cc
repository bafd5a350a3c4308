// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/lock_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/macro_place.h"

namespace koi::runtime {
namespace {

// A statement may stretch over lines; debug information names the first of a call, or the one of an argument.
constexpr u32 kLinesBefore = 1;
constexpr u32 kLinesAfter = 1;
constexpr u32 kLongestFunction = 400;

bool has_any(const std::string& text, std::initializer_list<const char*> words) {
  for (const char* const word : words) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

bool annotates_nesting(const std::string& text) {
  return has_any(text, {"_nested(", "_nest_lock(", "_nested_lock(", "_nested_bh(", "SINGLE_DEPTH_NESTING"});
}

bool sets_class(const std::string& text) {
  return has_any(text, {"lockdep_set_class", "lockdep_set_subclass", "lockdep_set_novalidate_class",
                        "lockdep_set_notrack_class", "lockdep_set_class_and_name"});
}

bool begins_definition(const std::string& line) {
  if (line.empty()) return false;
  const char first = line.front();
  return std::isalpha(static_cast<unsigned char>(first)) != 0 || first == '_';
}

}  // namespace

const std::vector<std::string>* LockSources::lines_of(const std::string& file) {
  const auto known = files_.find(file);
  if (known != files_.end()) return known->second.empty() ? nullptr : &known->second;
  std::vector<std::string>& lines = files_[file];
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) lines.push_back(line);
  return lines.empty() ? nullptr : &lines;
}

LockSources::Nesting LockSources::nesting_at(u64 ip) {
  ModuleInstance* const module = kernel_.modules().find_by_address(ip - 1);
  if (module == nullptr) return Nesting::kUnknown;
  const auto places = module->source_places(ip - 1);
  bool read = false;
  for (const SourcePlace& place : places) {
    const auto* const lines = lines_of(place.file);
    if (lines == nullptr || place.line == 0 || place.line > lines->size()) continue;
    read = true;
    const u32 first = place.line > kLinesBefore ? place.line - kLinesBefore : 1;
    for (u32 n = first; n <= place.line + kLinesAfter && n <= lines->size(); ++n) {
      const std::string& text = (*lines)[n - 1];
      // A neighbouring line that is a statement of its own says nothing about this one.
      if (n < place.line && !text.empty() && (text.back() == ';' || text.back() == '{' || text.back() == '}'))
        continue;
      if (n > place.line && ((*lines)[place.line - 1].find(';') != std::string::npos)) continue;
      if (annotates_nesting(text)) return Nesting::kAnnotated;
    }
  }
  return read ? Nesting::kPlain : Nesting::kUnknown;
}

std::string LockSources::place_of(u64 ip) {
  const auto place = macro_place(kernel_, ip);
  return place ? fmt::format("{}:{}", place->file, place->line) : std::string();
}

bool LockSources::sets_class_by_hand(u64 ip) {
  ModuleInstance* const module = ip == 0 ? nullptr : kernel_.modules().find_by_address(ip - 1);
  if (module == nullptr) return false;
  for (const SourcePlace& place : module->source_places(ip - 1)) {
    const auto* const lines = lines_of(place.file);
    if (lines == nullptr || place.line == 0 || place.line > lines->size()) continue;
    u32 first = place.line;
    while (first > 1 && place.line - first < kLongestFunction && !begins_definition((*lines)[first - 1]))
      --first;
    for (u32 n = first; n <= lines->size() && n - first < kLongestFunction; ++n) {
      const std::string& text = (*lines)[n - 1];
      if (sets_class(text)) return true;
      if (n >= place.line && !text.empty() && (text.front() == '}' || (n == first && text.back() == '}')))
        break;
    }
  }
  return false;
}

}  // namespace koi::runtime
