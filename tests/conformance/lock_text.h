// SPDX-License-Identifier: GPL-2.0-only
// The texts of 6.1-lockdep/: recorded on a kernel of another configuration than the one that koi presents.
//
// The modules are built against the stock headers here, so that their code differs from the recorded one: what names a place in
// it keeps its function and loses its offset. What the other configuration says in other words is translated (the release, the
// taint of an unsigned module), and what only one of the two configurations can say is left out on both sides: the line about a
// missing signature, the machine's name, the page fault's description, "Preemption disabled at:", the interrupt events of a WARN, how
// the idle task of a CPU came to its loop.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "document.h"

namespace koi::conformance {

// The reference's lines in the words of the stock configuration, and koi's without what the recorded kernel cannot say.
[[nodiscard]] std::vector<Line> lock_reference_lines(std::vector<Line> lines);
[[nodiscard]] std::vector<Line> lock_log_lines(std::vector<Line> lines);
// A row of the recorded INDEX.tsv: the taint mask of an unsigned module.
[[nodiscard]] std::string lock_index_row(std::string_view row);

// The spans of Dialect::log with those parts masked that a build against other headers changes: offsets in the module, its source's
// lines (the source grew), PIDs in "comm/pid", counts and places of interrupt events.
[[nodiscard]] std::vector<Span> lock_spans(std::string_view text, std::vector<Span> spans);

}  // namespace koi::conformance
