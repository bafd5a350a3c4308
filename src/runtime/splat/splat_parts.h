// SPDX-License-Identifier: GPL-2.0-only
// The pieces that splats are put together from (internal to runtime/splat*).
#pragma once

#include <string>
#include <utility>

#include "runtime/splat/splat.h"

namespace koi::runtime::splat_parts {

inline constexpr u8 kEmergency = 0;
inline constexpr u8 kAlert = 1;
inline constexpr u8 kCritical = 2;
inline constexpr u8 kError = 3;
inline constexpr u8 kDefault = 4;
inline constexpr u8 kInfo = 6;

inline void add(SplatText& text, u8 level, std::string line) { text.push_back({level, std::move(line)}); }
inline void append(SplatText& text, SplatText more) {
  text.insert(text.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// A line of the sanitizers' reports, and what stands above and below one.
inline void error_line(SplatText& text, std::string words) { add(text, kError, std::move(words)); }
inline constexpr const char* kRule = "==================================================================";

inline constexpr const char* kCutHere = "------------[ cut here ]------------";
inline constexpr const char* kEndTrace = "---[ end trace 0000000000000000 ]---";

// CPU:, Tainted:, Hardware name:, Workqueue:.
SplatText context_lines(const SplatContext& context, u8 level);
// RIP:, Code:, RSP: and the general registers.
SplatText short_registers(const SplatRegisters& registers, const Symbolizer& symbols, u8 level);
// The same and FS:, CS:, CR2:.
SplatText full_registers(const SplatRegisters& registers, const ControlRegisters& control,
                         const Symbolizer& symbols, u8 level);
// koi's own line, when there is one.
void add_source(SplatText& text, const SplatInput& input, u8 level);

}  // namespace koi::runtime::splat_parts
