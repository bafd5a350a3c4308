// SPDX-License-Identifier: GPL-2.0-only
// `koi run --coverage FILE`: the lines that ran, as a tracefile of lcov.
#pragma once

#include <string>

#include "base/result.h"

namespace koi::runtime {
class Kernel;
}

namespace koi::cli {

// Writes the file; the value is one line for the user. Errors: no module was instrumented; the file cannot be written.
[[nodiscard]] Result<std::string> write_coverage(runtime::Kernel& kernel, const std::string& path);

}  // namespace koi::cli
