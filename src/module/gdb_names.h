// SPDX-License-Identifier: GPL-2.0-only
// Names for code that has no file of its own, as an ELF image for gdb's JIT interface: the stubs that stand for the
// kernel's functions, so that `break kmalloc` means something and call traces name them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/types.h"

namespace koi::module {

struct CodeName {
  std::string name;
  u64 address = 0;
  u64 size = 0;
};

// A relocatable ELF64 file with one code section at [begin, end), without bytes, and a global function symbol for each
// name. Requires: every name lies in the range.
[[nodiscard]] std::vector<u8> elf_of_names(std::span<const CodeName> names, u64 begin, u64 end);

}  // namespace koi::module
