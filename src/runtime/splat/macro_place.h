// SPDX-License-Identifier: GPL-2.0-only
// The place in a module's source that the kernel's __FILE__ and __LINE__ would show.
#pragma once

#include <optional>
#include <string>

#include "base/types.h"

namespace koi::runtime {

class Kernel;

struct MacroPlace {
  std::string file;  // headers are named from the top of the kernel's tree
  u32 line = 0;
};

// Of the call that returns to `ip`; nullopt: not module text, or without debug information.
[[nodiscard]] std::optional<MacroPlace> macro_place(Kernel& kernel, u64 ip);

}  // namespace koi::runtime
