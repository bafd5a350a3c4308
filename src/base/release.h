// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "base/types.h"

namespace koi {

// The kernel releases whose rules are modelled: Debian's 6.1 and 6.12.
enum class Release : u8 { k6_1, k6_12 };

}  // namespace koi
