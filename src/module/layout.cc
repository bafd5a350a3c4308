// SPDX-License-Identifier: GPL-2.0-only
#include "module/layout.h"

#include <algorithm>
#include <cerrno>

namespace koi::module {
namespace {

constexpr u64 align_up(u64 value, u64 alignment) {
  return alignment <= 1 ? value : (value + alignment - 1) & ~(alignment - 1);
}

// What a section's flags make of it, in the kernel's order of placement.
enum class Group : u8 { kExecutable, kReadOnly, kReadOnlyAfterInit, kWritable };

constexpr u64 kKallsymsHeaderBytes = 32;  // struct mod_kallsyms: three pointers and a count

bool is_ro_after_init(const Section& section) {
  // __jump_table is written only while code is patched, .data..ro_after_init only by init.
  return (section.header.flags & elf::kShfRoAfterInit) != 0 || section.name == ".data..ro_after_init" ||
         section.name == "__jump_table";
}

Group group_of(const Section& section) {
  if (section.executable()) return Group::kExecutable;
  if (!section.writable()) return Group::kReadOnly;
  return is_ro_after_init(section) ? Group::kReadOnlyAfterInit : Group::kWritable;
}

// The kernel frees what starts with .init; .exit stays, as modules can be unloaded (CONFIG_MODULE_UNLOAD).
bool is_init_section(std::string_view name) { return name.starts_with(".init"); }

class LayoutPass {
 public:
  LayoutPass(const ElfImage& image, LoaderEra era) : image_(image), era_(era) {
    layout_.places.resize(image.sections.size());
  }

  Layout run() {
    place_percpu();
    place_block(Block::kCore);
    place_block(Block::kInit);
    return std::move(layout_);
  }

 private:
  [[nodiscard]] bool loaded(u32 index) const {
    return image_.sections[index].allocated() && index != image_.modinfo && index != image_.versions &&
           index != image_.percpu;
  }

  void place_percpu() {
    if (image_.percpu == 0) return;
    const elf::SectionHeader& header = image_.sections[image_.percpu].header;
    layout_.percpu_bytes = header.size;
    layout_.percpu_align = std::max<u64>(header.addralign, 1);
    layout_.places[image_.percpu] = {Block::kPercpu, MemoryKind::kData, 0};
  }

  // Puts section `index` at the next aligned offset.
  void place(u32 index, Block block, MemoryKind kind, u64& size) {
    const elf::SectionHeader& header = image_.sections[index].header;
    const u64 offset = align_up(size, header.addralign);
    layout_.places[index] = {block, kind, offset};
    size = offset + header.size;
  }

  void place_block(Block block) {
    static constexpr Group kOrder[] = {Group::kExecutable, Group::kReadOnly, Group::kReadOnlyAfterInit,
                                       Group::kWritable};
    static constexpr MemoryKind kCoreKinds[] = {MemoryKind::kText, MemoryKind::kRodata,
                                                MemoryKind::kRoAfterInit, MemoryKind::kData};
    static constexpr MemoryKind kInitKinds[] = {MemoryKind::kInitText, MemoryKind::kInitRodata,
                                                MemoryKind::kInitData, MemoryKind::kInitData};
    const MemoryKind* kinds = block == Block::kCore ? kCoreKinds : kInitKinds;
    u64 size = 0;
    u64 region_start = 0;
    for (std::size_t k = 0; k < std::size(kOrder); ++k) {
      // Init has no read-only-after-init region: such a section (there is none in practice) lies with the
      // data.
      const bool same_region = k > 0 && kinds[k] == kinds[k - 1];
      if (!same_region) region_start = size = align_up(size, kPageBytes);
      for (u32 i = 1; i < image_.sections.size(); ++i) {
        const Section& section = image_.sections[i];
        if (!loaded(i) || group_of(section) != kOrder[k]) continue;
        if (is_init_section(section.name) != (block == Block::kInit)) continue;
        place(i, block, kinds[k], size);
      }
      if (k + 1 == std::size(kOrder)) size = add_kallsyms(block, size);
      set_region(kinds[k], block, region_start, align_up(size, kPageBytes));
    }
    (block == Block::kCore ? layout_.core_bytes : layout_.init_bytes) = align_up(size, kPageBytes);
  }

  void set_region(MemoryKind kind, Block block, u64 start, u64 end) {
    layout_.regions[static_cast<std::size_t>(kind)] = {kind, block, start, end - start};
  }

  // Room for the symbol tables behind the data. In the init block these are the file's own two sections.
  u64 add_kallsyms(Block block, u64 size) {
    const bool own_page = era_ == LoaderEra::kCoreAndInit;
    if (own_page) size = align_up(size, kPageBytes);
    const Section& symtab = image_.sections[image_.symtab];
    if (block == Block::kInit) {
      place(image_.symtab, block, MemoryKind::kInitData, size);
      place(image_.strtab, block, MemoryKind::kInitData, size);
      return align_up(size, 8) + kKallsymsHeaderBytes + image_.symbols.size();
    }
    u64 kept = 0;
    u64 name_bytes = 0;
    for (std::size_t i = 0; i < image_.symbols.size(); ++i) {
      if (i != 0 && !is_core_symbol(image_, layout_, image_.symbols[i])) continue;
      ++kept;
      name_bytes += image_.symbols[i].name.size() + 1;
    }
    return align_up(size, symtab.header.addralign) + kept * sizeof(elf::SymbolRecord) + name_bytes + kept;
  }

  const ElfImage& image_;
  LoaderEra era_;
  Layout layout_;
};

}  // namespace

bool is_core_symbol(const ElfImage& image, const Layout& layout, const Symbol& symbol) {
  if (symbol.shndx == elf::kShnUndef || symbol.shndx >= image.sections.size() || symbol.name.empty())
    return false;
  const Block block = layout.places[symbol.shndx].block;
  return block == Block::kCore || block == Block::kPercpu;
}

Result<Layout> lay_out(const ElfImage& image, LoaderEra era, KernelLog& log) {
  for (u32 i = 1; i < image.sections.size(); ++i) {
    const Section& section = image.sections[i];
    if (!section.writable() || !section.executable()) continue;
    log.line(kLogErr, "{}: section {} (index {}) has invalid WRITE|EXEC flags", image.module_name,
             section.name, i);
    return make_errno(ENOEXEC,
                      "{}: is writable and executable, which the kernel refuses; check its section attribute",
                      image.where(i));
  }
  if (image.sections[image.symtab].allocated() || image.sections[image.strtab].allocated()) {
    return make_errno(ENOEXEC, "{}: is marked as loaded, which no toolchain does; the file is damaged",
                      image.where(image.sections[image.symtab].allocated() ? image.symtab : image.strtab));
  }
  return LayoutPass(image, era).run();
}

std::string_view memory_kind_name(MemoryKind kind) {
  static constexpr std::string_view kNames[kMemoryKinds] = {
      "text", "rodata", "ro_after_init", "data", "init text", "init rodata", "init data"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace koi::module
