// SPDX-License-Identifier: GPL-2.0-only
// The leaf functions of the allocators (host::Leaf says what a leaf may do): which of them this machine can use.
#pragma once

#include "runtime/kernel.h"

namespace koi::kapi {

// Points the stubs of the allocators' exports at their leaf functions; where this machine has none for one, or while
// something has to see every allocation (a recorder), at the ordinary crossing. Called again when that changed.
void install_leaves(runtime::Kernel& kernel);

}  // namespace koi::kapi
