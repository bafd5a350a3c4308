// SPDX-License-Identifier: GPL-2.0-only
// Traces of real kernels: the text that `perf script` and `trace-cmd report` print for the kmem:* tracepoints becomes a
// trace that can be analysed and replayed.
//
// Taken: kmalloc, kmalloc_node, kfree, kmem_cache_alloc, kmem_cache_alloc_node, kmem_cache_free, mm_page_alloc,
// mm_page_free, in the forms of 6.1 (a kmem_cache_alloc without its cache's name) and 6.12. Other events are counted and
// left out. A line of one of these events that cannot be read is reported by its number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/trace.h"

namespace koi::report {

struct ImportNotes {
  u64 lines = 0;
  u64 events = 0;
  u64 other_events = 0;                // of other tracepoints, comments and headings
  std::vector<std::string> bad_lines;  // "12: no ptr=", the first kMostBadLines of them
  u64 bad_line_count = 0;
};
inline constexpr size_t kMostBadLines = 20;

// `release`: of the kernel that was traced; decides what gfp flags mean and which rules a replay follows.
// Errors: no event at all.
[[nodiscard]] Result<Trace> import_trace(std::string_view text, std::string_view name,
                                         std::string_view release, ImportNotes& notes);

}  // namespace koi::report
