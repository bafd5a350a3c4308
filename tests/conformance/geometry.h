// SPDX-License-Identifier: GPL-2.0-only
// kmem_cache_geometry_*.tsv: what orc_kcache says of its caches, and what /sys/kernel/slab says of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "capture.h"

namespace koi::conformance {

// One session a variant; only the caches that the reference file has rows for are read.
[[nodiscard]] std::vector<Run> geometry_runs(const std::string& kernel, const std::string& file_stem,
                                             std::string_view reference);
// The session for one variant of a file whose first column is the size.
[[nodiscard]] std::string geometry_script(const std::string& variant, std::string_view reference);
// The rows of one session's output; `merge`: with the columns merged_into and aliases.
[[nodiscard]] std::vector<std::string> geometry_rows(std::string_view out, bool merge);

}  // namespace koi::conformance
