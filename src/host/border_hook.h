// SPDX-License-Identifier: GPL-2.0-only
// For who wants to look at every way out of koi that takes the slow path: set_border_slow_path() to a function that calls
// the one that was there.
#pragma once

#include "host/crossing.h"

namespace koi::host {

[[nodiscard]] BorderSlowPath border_slow_path();

}  // namespace koi::host
