// SPDX-License-Identifier: GPL-2.0-only
// Code blocks: module text cut at branches and their targets, and which call in each block tells that it ran (the callback of
// -fsanitize-coverage=trace-pc stands in every basic block that the compiler knew of). Blocks that the compiler made later have no such
// call: they ran if a block that leads to them did.
//
// Found by disassembly from function symbols on; indirect jumps lead nowhere.
#pragma once

#include <span>
#include <vector>

#include "module/linked_image.h"

namespace koi::module {

struct CodeBlock {
  u32 section = 0;
  u64 begin = 0, end = 0;  // addresses
  u64 probe = 0;           // where the instrumentation's call returns to; 0: it has none
  std::vector<u64> instructions;
  std::vector<u64> successors;  // addresses at which control may go on, calls apart
};

// By address. `probe`: the function that the instrumentation calls. `values`: the resolved symbols.
[[nodiscard]] std::vector<CodeBlock> code_blocks(const ElfImage& image, const LinkedImage& linked,
                                                 std::span<const u64> values, u64 probe);

}  // namespace koi::module
