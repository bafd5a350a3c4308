// SPDX-License-Identifier: GPL-2.0-only
// What koi's exit code says; scripts rely on it.
#pragma once

namespace koi::cli {

enum class ExitCode : int {
  kSuccess = 0,      // all well
  kModuleError = 1,  // a module's init returned an error
  kUnusable = 2,     // usage, environment or load error
  kFinding = 3,      // a check found something that --fail-on asks to fail for
  kKoiFault = 4,     // koi itself failed
};

}  // namespace koi::cli
