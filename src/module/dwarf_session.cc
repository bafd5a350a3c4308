// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_session.h"

#include <dlfcn.h>

#include <cstring>

namespace koi::module {
namespace {

LibDw open_libdw() {
  LibDw dw;
  void* const library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dw;
  dw.complete = true;
#define KOI_LOOK_UP(name)                                               \
  dw.name = reinterpret_cast<decltype(dw.name)>(dlsym(library, #name)); \
  dw.complete = dw.complete && dw.name != nullptr;
  KOI_LIBDW_FUNCTIONS(KOI_LOOK_UP)
#undef KOI_LOOK_UP
  return dw;
}

int no_debug_file(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                  char**) {
  return -1;
}

const Dwfl_Callbacks& offline_callbacks() {
  static const Dwfl_Callbacks callbacks = [] {
    Dwfl_Callbacks c{};
    c.find_elf = libdw().dwfl_build_id_find_elf;
    c.find_debuginfo = no_debug_file;  // only what the .ko itself holds
    c.section_address = libdw().dwfl_offline_section_address;
    return c;
  }();
  return callbacks;
}

// libdw trusts the frame of a file more than koi does: a relocatable object whose sections all lie inside of
// it.
bool is_sound_object(ByteSpan image) {
  Elf64_Ehdr header;
  if (image.size() < sizeof(header)) return false;
  std::memcpy(&header, image.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_REL || header.e_machine != EM_X86_64 ||
      header.e_shentsize != sizeof(Elf64_Shdr) || header.e_phnum != 0 || header.e_shnum == 0 ||
      header.e_shstrndx >= header.e_shnum || header.e_shoff > image.size() ||
      (image.size() - header.e_shoff) / sizeof(Elf64_Shdr) < header.e_shnum) {
    return false;
  }
  for (u64 i = 1; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, image.data() + header.e_shoff + i * sizeof(section), sizeof(section));
    if (section.sh_link >= header.e_shnum) return false;
    if (section.sh_type == SHT_NOBITS) continue;
    if (section.sh_offset > image.size() || section.sh_size > image.size() - section.sh_offset) return false;
  }
  return true;
}

}  // namespace

const LibDw& libdw() {
  static const LibDw dw = open_libdw();
  return dw;
}

DwarfSession::DwarfSession(const std::string& name, ByteSpan image) : copy_(image.begin(), image.end()) {
  if (!is_sound_object(image) || !libdw().complete) return;
  dwfl_ = libdw().dwfl_begin(&offline_callbacks());
  if (dwfl_ == nullptr) return;
  libdw().dwfl_report_begin(dwfl_);
  module_ = libdw().dwfl_report_offline_memory(dwfl_, name.c_str(), name.c_str(),
                                               reinterpret_cast<char*>(copy_.data()), copy_.size());
  libdw().dwfl_report_end(dwfl_, nullptr, nullptr);
}

DwarfSession::~DwarfSession() {
  if (dwfl_ != nullptr) libdw().dwfl_end(dwfl_);
}

std::optional<Dwarf_Addr> DwarfSession::address_of(u32 section_index, u64 offset) const {
  if (module_ == nullptr) return std::nullopt;
  GElf_Addr bias = 0;
  Elf* const elf = libdw().dwfl_module_getelf(module_, &bias);
  Elf_Scn* const section = elf == nullptr ? nullptr : libdw().elf_getscn(elf, section_index);
  GElf_Shdr storage;
  const GElf_Shdr* const header = section == nullptr ? nullptr : libdw().gelf_getshdr(section, &storage);
  if (header == nullptr || (header->sh_flags & SHF_ALLOC) == 0 || offset >= header->sh_size)
    return std::nullopt;
  return header->sh_addr + bias + offset;
}

}  // namespace koi::module
