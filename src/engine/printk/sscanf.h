// SPDX-License-Identifier: GPL-2.0-only
// The kernel's vsscanf over guest memory.
//
// Its ways, which are not C's: "%*x" skips to the next white space in both strings; "%[...]" needs a width, knows
// no ranges and cannot hold ']'; a field width of 0 ends the scan; overflow wraps; "%n" does not count.
#pragma once

#include <optional>
#include <string_view>

#include "engine/printk/guest_va_list.h"

namespace koi::printk {

struct [[nodiscard]] ScanResult {
  s32 count = 0;                      // conversions stored
  std::optional<guest::Fault> fault;  // set: the kernel would oops here
};

// Scans the guest string `text` by the guest string `format`, storing through the pointers in `arguments`.
// Both strings are read only as far as they are looked at.
ScanResult scan(guest::Address text, guest::Address format, VaList& arguments);

// simple_strtoull over host text: digits of `base` (0: from the prefix, as in C) among the first `max_chars`
// characters; wraps on overflow. `used` is set to the characters consumed.
[[nodiscard]] u64 simple_strtoull(std::string_view text, u32 base, u64 max_chars, u64& used);

}  // namespace koi::printk
