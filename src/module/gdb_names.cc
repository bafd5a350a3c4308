// SPDX-License-Identifier: GPL-2.0-only
#include "module/gdb_names.h"

#include <elf.h>

#include <array>
#include <cstring>
#include <string_view>

namespace koi::module {
namespace {

enum SectionIndex : u16 { kNull, kText, kSymbols, kStrings, kNames, kSectionCount };

}  // namespace

std::vector<u8> elf_of_names(std::span<const CodeName> names, u64 begin, u64 end) {
  std::string strings(1, '\0');
  std::vector<Elf64_Sym> symbols(1);
  for (const CodeName& name : names) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<Elf64_Word>(strings.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = kText;
    symbol.st_value = name.address - begin;
    symbol.st_size = name.size;
    symbols.push_back(symbol);
    strings += name.name;
    strings += '\0';
  }
  constexpr std::string_view kSectionNames("\0.text\0.symtab\0.strtab\0.shstrtab\0", 33);
  const u64 symbols_at = sizeof(Elf64_Ehdr) + kSectionCount * sizeof(Elf64_Shdr);
  const u64 strings_at = symbols_at + symbols.size() * sizeof(Elf64_Sym);
  const u64 names_at = strings_at + strings.size();

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_shoff = sizeof(Elf64_Ehdr);
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = kSectionCount;
  header.e_shstrndx = kNames;

  std::array<Elf64_Shdr, kSectionCount> sections{};
  sections[kText] = {1, SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, begin, symbols_at, end - begin, 0, 0, 16, 0};
  sections[kSymbols] = {7, SHT_SYMTAB,       0, 0, symbols_at, strings_at - symbols_at, kStrings, 1,
                        8, sizeof(Elf64_Sym)};
  sections[kStrings] = {15, SHT_STRTAB, 0, 0, strings_at, strings.size(), 0, 0, 1, 0};
  sections[kNames] = {23, SHT_STRTAB, 0, 0, names_at, kSectionNames.size(), 0, 0, 1, 0};

  std::vector<u8> file(names_at + kSectionNames.size());
  std::memcpy(file.data(), &header, sizeof(header));
  std::memcpy(file.data() + sizeof(header), sections.data(), sizeof(sections));
  std::memcpy(file.data() + symbols_at, symbols.data(), strings_at - symbols_at);
  std::memcpy(file.data() + strings_at, strings.data(), strings.size());
  std::memcpy(file.data() + names_at, kSectionNames.data(), kSectionNames.size());
  return file;
}

}  // namespace koi::module
