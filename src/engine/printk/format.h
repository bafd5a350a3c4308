// SPDX-License-Identifier: GPL-2.0-only
// The kernel's vsnprintf over guest arguments.
//
// Follows Documentation/core-api/printk-formats.rst and the observable behaviour of lib/vsprintf.c in Linux 6.1
// and 6.12: which of the two is FormatEnvironment::release. Deviations:
//   - %pfw and %pC (firmware nodes, clocks) are refused by name: "(%pfw?)", "(%pC?)" and FormatHost::unsupported;
//   - %pV inside %pV deeper than 32 levels is refused likewise (the kernel would run out of stack);
//   - a fault is a value: what was put before it stays in the buffer, without a NUL.
// No locks, no allocation on the usual path; callable in any context.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/printk/environment.h"
#include "engine/printk/guest_va_list.h"

namespace koi::printk {

struct [[nodiscard]] FormatResult {
  s32 length = 0;                     // what vsnprintf returns: the bytes of the whole text, without the NUL
  u64 written = 0;                    // bytes in the buffer, without the NUL
  std::optional<guest::Fault> fault;  // set: the kernel would oops here; raise it at the border
};

// Formats into `buffer` of `size_bytes`, NUL-terminated unless that is 0 or a fault ended it.
// `format` is a guest string. The cursor is left after the last argument used; the caller writes it back.
FormatResult format_into(char* buffer, u64 size_bytes, guest::Address format, VaList& arguments,
                         FormatEnvironment& environment);
// The same with a format of the host. Requires: NUL-terminated, as literals are.
FormatResult format_into(char* buffer, u64 size_bytes, const char* format, VaList& arguments,
                         FormatEnvironment& environment);

// The same into a string that grows to what is needed (for sprintf and kasprintf, whose buffer has no stated
// size). At most `size_bytes` - 1 bytes are kept.
FormatResult format_string(std::string& text, u64 size_bytes, guest::Address format, VaList& arguments,
                           FormatEnvironment& environment);
FormatResult format_string(std::string& text, u64 size_bytes, const char* format, VaList& arguments,
                           FormatEnvironment& environment);

// What vscnprintf returns for that result.
[[nodiscard]] inline s32 scnprintf_value(const FormatResult& result, u64 size_bytes) {
  if (size_bytes == 0) return 0;
  return static_cast<u64>(result.length) < size_bytes ? result.length : static_cast<s32>(size_bytes - 1);
}

}  // namespace koi::printk
