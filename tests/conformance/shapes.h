// SPDX-License-Identifier: GPL-2.0-only
// How much of a line a masked field takes.
#pragma once

#include <cctype>
#include <cstddef>
#include <string_view>

#include "pattern.h"

namespace koi::conformance {

inline constexpr std::string_view kUnreadyHash = "(____ptrval____)";
inline constexpr std::size_t kHashColumn = 20;  // the width of "%20p" and "%-20p", the only ones measured

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
inline bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '$';
}

template <class Predicate>
std::size_t run_length(std::string_view text, Predicate predicate) {
  std::size_t n = 0;
  while (n < text.size() && predicate(text[n])) ++n;
  return n;
}

// npos when the text has not the kind's shape. `reference`: the value of that field in the reference; only addresses
// and counts keep something of it, their width.
[[nodiscard]] std::size_t take(Kind kind, std::string_view text, std::string_view reference);

// The directory of a source path.
[[nodiscard]] std::size_t take_directory(std::string_view text);

}  // namespace koi::conformance
