// SPDX-License-Identifier: GPL-2.0-only
// Lane diagrams: who ran and who held what when, a column for each task, as text and as an HTML table.
#pragma once

#include <span>
#include <string>

#include "runtime/checks/lane_recorder.h"

namespace koi::report {

[[nodiscard]] std::string lanes_text(std::span<const runtime::Lane> lanes,
                                     std::span<const runtime::LaneEvent> events);
// A <table>; the page around it says what the run is.
[[nodiscard]] std::string lanes_html(std::span<const runtime::Lane> lanes,
                                     std::span<const runtime::LaneEvent> events);
// A page of its own: `summary` in plain text, `lanes` as lanes_html() gives it.
[[nodiscard]] std::string lanes_page(std::string_view title, std::string_view summary,
                                     std::string_view lanes);

}  // namespace koi::report
