// SPDX-License-Identifier: GPL-2.0-only
// The parsed and validated ELF file of a module. After parse() every section lies inside the file, every name
// is NUL-terminated inside its table, every relocation of a loaded section names an existing symbol and a
// place inside its section: later passes index without asking again.
//
// The kernel's checks (kernel/module/main.c, elf_validity_*) come first and leave the kernel's words in the
// log. koi is stricter where the kernel trusts the toolchain: overlapping sections, symbol names, relocation
// places.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "module/elf_format.h"
#include "module/kernel_log.h"
#include "module/module_file.h"

namespace koi::module {

// Which generation of the kernel's loader is presented: they differ in layout and in a few messages.
enum class LoaderEra : u8 {
  kCoreAndInit,  // up to 6.3: one block for the core and one for init
  kMemTypes,     // 6.4 and later: seven kinds of memory (enum mod_mem_type)
};
// The era of a release such as "6.1.0-56-amd64".
[[nodiscard]] LoaderEra loader_era(std::string_view release);

// What the ELF file is checked against.
struct ElfRules {
  LoaderEra era = LoaderEra::kCoreAndInit;
  u64 struct_module_bytes = 0;           // sizeof(struct module) of the kernel presented; 0: not compared
  u64 max_loaded_bytes = u64{64} << 20;  // sum of all SHF_ALLOC sections, .bss included
};

struct Section {
  std::string_view name;
  elf::SectionHeader header{};
  ByteSpan bytes;  // empty for SHT_NOBITS and SHT_NULL

  [[nodiscard]] bool allocated() const { return (header.flags & elf::kShfAlloc) != 0; }
  [[nodiscard]] bool executable() const { return (header.flags & elf::kShfExecinstr) != 0; }
  [[nodiscard]] bool writable() const { return (header.flags & elf::kShfWrite) != 0; }
};

struct Symbol {
  std::string_view name;
  u64 value = 0;
  u64 size = 0;
  u16 shndx = 0;
  u8 info = 0;

  [[nodiscard]] u8 bind() const { return info >> 4; }
  [[nodiscard]] u8 type() const { return info & 0xf; }
};

// A relocation section that applies to a loaded section.
struct RelocationSection {
  u32 section = 0;  // its own index
  u32 target = 0;   // the section that it changes
};

struct ElfImage {
  std::string path;         // for messages
  std::string module_name;  // .modinfo name=, or the name inside struct module
  ByteSpan file;            // the bytes that all views below point into
  std::vector<Section> sections;
  std::vector<Symbol> symbols;
  std::vector<RelocationSection> relocations;
  u32 symtab = 0, strtab = 0, this_module = 0;
  u32 modinfo = 0, versions = 0, percpu = 0;  // 0: the section is absent

  // Parses and validates `file`, which must outlive the image.
  // Errors: ENOEXEC, each naming the place.
  [[nodiscard]] static Result<ElfImage> parse(const ModuleFile& file, const ElfRules& rules, KernelLog& log);

  // The first loaded section of that name (the kernel's find_sec); nullptr: there is none.
  [[nodiscard]] const Section* find(std::string_view name) const;
  [[nodiscard]] u32 find_index(std::string_view name) const;  // 0: there is none
  // "hello.ko: section 5 (.text)".
  [[nodiscard]] std::string where(u32 section) const;
};

// How an ELF machine number is called: "arm64", "i386", or "machine 1234".
[[nodiscard]] std::string machine_name(u16 machine);

}  // namespace koi::module
