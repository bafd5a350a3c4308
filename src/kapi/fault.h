// SPDX-License-Identifier: GPL-2.0-only
// Raising a module's bad pointer: the oops comes when the exported function has returned to the border.
#pragma once

#include "host/guest_memory.h"
#include "kapi/kernel_ref.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {

inline void raise(const guest::Fault& fault) {
  current().traps().fault_at_border(fault.address, fault.write);
}

}  // namespace koi::kapi
