// SPDX-License-Identifier: GPL-2.0-only
// Pacing: holds the process back so that virtual time does not run ahead of the host's. What happens and when in virtual time
// stays the same.
#pragma once

#include "base/types.h"

namespace koi::host {

// From now on `virtual_ns` and the host's clock go side by side.
void start_pacing(u64 virtual_ns);
// Virtual time has come to `virtual_ns`: sleeps until the host's has, if start_pacing() was called. Within a millisecond.
void pace(u64 virtual_ns);

}  // namespace koi::host
