// SPDX-License-Identifier: GPL-2.0-only
// Kernel logs as documents: what is left out on both sides, and why.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "document.h"

namespace koi::conformance {

// Leaves out, on both sides: stack entries that the unwinder only guesses ("? name"), and the block after
// entry_SYSCALL_64_after_hwframe that shows the registers of the user program (RIP: 0033 ...): there is none here.
// On koi's side also the remarks that are its own and say so ("koi: source: ...", "koi: kfree() of ...").
[[nodiscard]] std::vector<Line> without_noise(std::vector<Line> lines);
[[nodiscard]] std::vector<Line> numbered_lines(std::string_view text);
// The same line without "<4>" (the console's form).
[[nodiscard]] std::vector<Line> without_levels(std::vector<Line> lines);
// /dev/kmsg records: the sequence number counted from the first record.
[[nodiscard]] std::vector<Line> with_relative_sequence(std::vector<Line> lines);
// The virtual time of a line's stamp in seconds, -1 without one.
[[nodiscard]] double stamp_seconds(std::string_view line);
// Only the lines of the first `seconds` after the first stamp.
[[nodiscard]] std::vector<Line> first_seconds(std::vector<Line> lines, double seconds);
// From the line whose text is `first` to the one whose text is `last`, both included.
[[nodiscard]] std::vector<Line> part(const std::vector<Line>& lines, std::string_view first,
                                     std::string_view last);

}  // namespace koi::conformance
