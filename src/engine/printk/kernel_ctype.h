// SPDX-License-Identifier: GPL-2.0-only
// Character classes as <linux/ctype.h> defines them: Latin-1, whatever the host's locale says.
// The upper half matters: 0xa0 is white space to sscanf, and letters above 0xbf end a %p extension later
// than ASCII rules would.
#pragma once

#include "base/types.h"

namespace koi::printk {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_octal_digit(char c) { return c >= '0' && c <= '7'; }
constexpr char to_lower_ascii(char c) { return static_cast<char>(c | 0x20); }

constexpr bool is_alpha(char ch) {
  const u8 c = static_cast<u8>(ch);
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return c >= 0xc0 && c != 0xd7 && c != 0xf7;
}
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_xdigit(char c) {
  return is_digit(c) || (to_lower_ascii(c) >= 'a' && to_lower_ascii(c) <= 'f');
}
constexpr bool is_space(char ch) {
  const u8 c = static_cast<u8>(ch);
  return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0;
}
constexpr bool is_ascii(char c) { return static_cast<u8>(c) < 0x80; }
constexpr bool is_print(char ch) {
  const u8 c = static_cast<u8>(ch);
  return (c >= 0x20 && c < 0x7f) || c >= 0xa0;
}

}  // namespace koi::printk
