// SPDX-License-Identifier: GPL-2.0-only
// Which exported functions hand out memory that their caller answers for: each call of one from a module is a call site
// with a number of its own.
#pragma once

#include <string_view>
#include <vector>

namespace koi::kapi {

// Of both releases, whether koi implements them in C++ or in the C core.
[[nodiscard]] const std::vector<std::string_view>& allocating_functions();

}  // namespace koi::kapi
