// SPDX-License-Identifier: GPL-2.0-only
// `koi build --sanitize=KIND`: what Kbuild is told so that the compiler instruments a module, and the module still is one for
// a stock kernel: same version magic, same CRCs, same layouts.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace koi::cli {

void add_sanitize_option(CLI::App& app, std::string& kind);
// Errors: an unknown kind, by name; the cache cannot be written.
Result<std::vector<std::string>> sanitizer_arguments(const std::string& kind);

}  // namespace koi::cli
