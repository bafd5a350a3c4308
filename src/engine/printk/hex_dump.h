// SPDX-License-Identifier: GPL-2.0-only
// hex_dump_to_buffer and the lines of print_hex_dump.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/types.h"
#include "engine/printk/environment.h"
#include "host/guest_memory.h"

namespace koi::printk {

enum class Ascii : u8 { kNo, kYes };
enum class DumpPrefix : u8 { kNone = 0, kAddress = 1, kOffset = 2 };  // DUMP_PREFIX_*

struct HexLayout {
  s32 row_size = 16;   // 16 or 32; anything else means 16
  s32 group_size = 1;  // 1, 2, 4 or 8 and a divisor of the length; anything else means 1
  Ascii ascii = Ascii::kNo;
};

// One line for the bytes of a row (at most `row_size` of them), as the kernel lays it out.
[[nodiscard]] std::string hex_dump_line(ByteSpan bytes, HexLayout layout);

// hex_dump_to_buffer: puts the line, cut to fit, and a NUL into `buffer`.
// Returns the line's whole length, fitting or not.
s32 hex_dump_to_buffer(ByteSpan bytes, HexLayout layout, std::span<char> buffer);

// print_hex_dump: one call of `print` for each line, with `level` ("\0016" style, may be empty) and the prefix
// before it and a newline after it. Errors: the fault, after the lines before it were printed.
std::optional<guest::Fault> print_hex_dump(std::string_view level, std::string_view prefix,
                                           DumpPrefix prefix_type, HexLayout layout, guest::Address bytes,
                                           u64 size_bytes, FormatEnvironment& environment,
                                           const std::function<void(std::string_view)>& print);

}  // namespace koi::printk
