// SPDX-License-Identifier: GPL-2.0-only
// The memory report of a trace: as text for a terminal, as JSON, and as one HTML file that needs nothing else.
#pragma once

#include <string>

#include "report/advice.h"
#include "report/analysis.h"
#include "report/trace.h"

namespace koi::report {

struct MemoryReport {
  const Trace* trace = nullptr;
  Analysis analysis;
  Advice advice;
};

// Analyses the trace and replays it for advice. `trace` must outlive the report.
[[nodiscard]] MemoryReport make_memory_report(const Trace& trace);

[[nodiscard]] std::string report_text(const MemoryReport& report);
// docs/memory-report.md describes the fields. Two blanks of indent, a final newline.
[[nodiscard]] std::string report_json(const MemoryReport& report);
[[nodiscard]] std::string report_html(const MemoryReport& report);

// "12" (bytes) below 10,000, then "15.2 KiB", "1.5 MiB".
[[nodiscard]] std::string bytes_text(u64 bytes);

}  // namespace koi::report
