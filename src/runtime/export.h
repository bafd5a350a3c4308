// SPDX-License-Identifier: GPL-2.0-only
// Export: a kernel function that koi implements in C++, as modules link to it.
#pragma once

#include <span>

#include "host/crossing.h"

namespace koi::runtime {

struct Export {
  const char* name;
  const void* function;
  host::CrossingKind kind = host::CrossingKind::kPlain;
  u8 fixed_arguments = 0;  // of variadic functions
  host::Leaf leaf = host::Leaf::kNone;
};

// Tables of exports, one for each kapi file.
using ExportTable = std::span<const Export>;

}  // namespace koi::runtime
