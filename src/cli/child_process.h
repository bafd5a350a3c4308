// SPDX-License-Identifier: GPL-2.0-only
// Running another program: its output goes where ours goes, or is read.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace koi::cli {

// Runs argv[0] (found in PATH) with our stdin, stdout and stderr. The value is its exit code, or 128 + the
// signal that ended it. Errors: it could not be started.
[[nodiscard]] Result<int> run_child(const std::vector<std::string>& argv);

struct ChildOutput {
  int exit_code = 0;
  std::string text;  // stdout, at most 1 MiB
};
// The same, but its stdout is returned and its stderr dropped.
[[nodiscard]] Result<ChildOutput> read_child(const std::vector<std::string>& argv);

}  // namespace koi::cli
