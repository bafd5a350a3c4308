// SPDX-License-Identifier: GPL-2.0-only
// The HTML page that reports are written into (web/page.html), as it travels inside the binary.
#pragma once

#include <string_view>

namespace koi::report {

[[nodiscard]] std::string_view page_template();

}  // namespace koi::report
