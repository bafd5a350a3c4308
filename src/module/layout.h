// SPDX-License-Identifier: GPL-2.0-only
// Layout: which section goes where, decided by flags and names alone, before any address is known.
//
//   core block:  [ text | rodata | ro_after_init | data + room for kallsyms ]     stays until unload
//   init block:  [ init text | init rodata | init data + symtab + strtab ]        freed after init
//   per-CPU:     .data..percpu, copied once a virtual CPU by the runtime
//
// Each region starts on a page, since it gets permissions of its own. Orders and sizes are the kernel's
// (layout_sections and layout_symtab), so that coresize and initsize are what /proc/modules and sysfs show:
// up to 6.3 the symbol table starts on a page of its own, from 6.4 on it follows the data. From 6.4 on the
// kernel allocates each region by itself; koi keeps them adjacent in both eras. Debian builds with
// CONFIG_KALLSYMS_ALL, so data symbols are kept.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "module/elf_image.h"

namespace koi::module {

inline constexpr u64 kPageBytes = 4096;

// The kernel's enum mod_mem_type, in the order of the blocks here.
enum class MemoryKind : u8 { kText, kRodata, kRoAfterInit, kData, kInitText, kInitRodata, kInitData };
inline constexpr std::size_t kMemoryKinds = 7;
[[nodiscard]] std::string_view memory_kind_name(MemoryKind kind);

enum class Block : u8 { kNone, kCore, kInit, kPercpu };

// Where a section lies. kNone: it is not loaded.
struct SectionPlace {
  Block block = Block::kNone;
  MemoryKind kind = MemoryKind::kText;  // meaningless for kNone and kPercpu
  u64 offset = 0;                       // bytes from the start of the block
};

// A run of pages with one permission: text r-x, rodata r--, ro_after_init rw- until init has returned, data
// rw-.
struct Region {
  MemoryKind kind = MemoryKind::kText;
  Block block = Block::kCore;
  u64 offset = 0;  // bytes from the start of the block, a multiple of the page size
  u64 size = 0;    // bytes, a multiple of the page size; may be 0
};

struct Layout {
  std::vector<SectionPlace> places;  // by section index
  std::array<Region, kMemoryKinds> regions;
  u64 core_bytes = 0;  // whole pages: /sys/module/x/coresize
  u64 init_bytes = 0;  // whole pages: /sys/module/x/initsize while init runs
  u64 percpu_bytes = 0;
  u64 percpu_align = 1;

  [[nodiscard]] const Region& region(MemoryKind kind) const {
    return regions[static_cast<std::size_t>(kind)];
  }
};

// Lays out `image`. From here on the layout is fixed.
// Errors: ENOEXEC for a section that is writable and executable, or one that has no place.
[[nodiscard]] Result<Layout> lay_out(const ElfImage& image, LoaderEra era, KernelLog& log);

// Does the kernel keep this symbol in the kallsyms of the core (is_core_symbol)?
[[nodiscard]] bool is_core_symbol(const ElfImage& image, const Layout& layout, const Symbol& symbol);

}  // namespace koi::module
