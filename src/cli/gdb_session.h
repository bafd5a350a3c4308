// SPDX-License-Identifier: GPL-2.0-only
// `koi run --gdb`: the same command line under gdb, with the signals that koi uses passed silently and breakpoints
// allowed on names that only come with a module.
#pragma once

#include "cli/exit_code.h"

namespace koi::cli {

// Replaces this process by gdb. Errors: gdb is not there.
ExitCode run_under_gdb();

}  // namespace koi::cli
