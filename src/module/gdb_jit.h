// SPDX-License-Identifier: GPL-2.0-only
// gdb's JIT interface: tells a debugger that looks at koi which module lies where.
//
// gdb puts a breakpoint into __jit_debug_register_code() of the koi binary. Each time it is called, gdb reads
// __jit_debug_descriptor and the ELF file in memory that it points to. For a loaded module that file is a
// copy of the .ko whose section headers hold the load addresses; gdb relocates symbols and debug information
// by them, so that `break hello_init` works by name and source lines show. (gdb manual, "JIT Compilation
// Interface".)
//
// The descriptor is a global by definition of the interface: a debugger reads it, nothing of koi depends on
// it, and it is no part of the world.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/types.h"

// NOLINTBEGIN(readability-identifier-naming): names and layouts that gdb expects.
extern "C" {

struct jit_code_entry {
  jit_code_entry* next_entry;
  jit_code_entry* prev_entry;
  const char* symfile_addr;
  koi::u64 symfile_size;
};
struct jit_descriptor {
  koi::u32 version;      // 1
  koi::u32 action_flag;  // 0 none, 1 register, 2 unregister
  jit_code_entry* relevant_entry;
  jit_code_entry* first_entry;
};
static_assert(sizeof(jit_code_entry) == 32);
static_assert(sizeof(jit_descriptor) == 24);

extern jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code();
}
// NOLINTEND(readability-identifier-naming)

namespace koi::module {

// Where one section of the module was loaded.
struct LoadedSection {
  u32 index = 0;
  u64 address = 0;
};

// The copy of `image` (an ELF64 little-endian file) with load addresses in its section headers. Sections that
// are not listed keep address 0. Errors: not such a file, a section table or a section index out of bounds.
// kFramesOnly: of the debug information only .debug_frame is left; a debugger unwinds such code, but steps over it.
enum class GdbDetail : u8 { kAll, kFramesOnly };
[[nodiscard]] Result<std::vector<u8>> place_sections(ByteSpan image, std::span<const LoadedSection> sections,
                                                     GdbDetail detail = GdbDetail::kAll);

// One module as gdb sees it, registered from create() until destruction.
class GdbJitModule {
 public:
  static Result<std::unique_ptr<GdbJitModule>> create(ByteSpan image, std::span<const LoadedSection> sections,
                                                      GdbDetail detail = GdbDetail::kAll);
  // A complete image, with its addresses.
  explicit GdbJitModule(std::vector<u8> file);
  ~GdbJitModule();
  GdbJitModule(const GdbJitModule&) = delete;
  GdbJitModule& operator=(const GdbJitModule&) = delete;

 private:
  std::vector<u8> file_;
  jit_code_entry entry_{};
};

}  // namespace koi::module
