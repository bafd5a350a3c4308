// SPDX-License-Identifier: GPL-2.0-only
// boot_state/ and slub_debug/: what /proc and /sys say of memory after boot, and the size tables with debugging switched on.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cases.h"

namespace koi::conformance {

[[nodiscard]] Status add_memory_cases(const std::string& reference_directory, const std::string& kernel,
                                      std::vector<Case>& cases);

}  // namespace koi::conformance
