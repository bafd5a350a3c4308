// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_lines.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <cstdlib>
#include <cstring>
#include <span>

namespace koi::module {
namespace {

// libdw is opened when it is first needed: linking to it (with libelf and its decompressors) would cost every
// run a part of its start time for the sake of those that splat.
#define KOI_LIBDW_FUNCTIONS(use)                                                                          \
  use(dwarf_attr) use(dwarf_diename) use(dwarf_filesrc) use(dwarf_formstring) use(dwarf_formudata)        \
      use(dwarf_getscopes) use(dwarf_getscopes_die) use(dwarf_getsrcfiles) use(dwarf_tag) use(dwfl_begin) \
          use(dwfl_build_id_find_elf) use(dwfl_end) use(dwfl_line_comp_dir) use(dwfl_lineinfo)            \
              use(dwfl_module_addrdie) use(dwfl_module_getelf) use(dwfl_module_getsrc)                    \
                  use(dwfl_offline_section_address) use(dwfl_report_begin) use(dwfl_report_end)           \
                      use(dwfl_report_offline_memory) use(elf_getscn) use(gelf_getshdr)

struct LibDw {
#define KOI_MEMBER(name) decltype(&::name) name = nullptr;
  KOI_LIBDW_FUNCTIONS(KOI_MEMBER)
#undef KOI_MEMBER
  bool complete = false;
};

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

const LibDw& libdw() {
  static const LibDw dw = open_libdw();
  return dw;
}

// libdw hands out arrays that the caller frees.
struct Freed {
  void operator()(void* p) const { std::free(p); }
};
using Scopes = std::unique_ptr<Dwarf_Die, Freed>;

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

bool is_function(Dwarf_Die* die) {
  const int tag = libdw().dwarf_tag(die);
  return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

std::optional<u64> unsigned_attribute(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (libdw().dwarf_attr(die, name, &attribute) == nullptr ||
      libdw().dwarf_formudata(&attribute, &value) != 0)
    return std::nullopt;
  return value;
}

std::string with_directory(const char* directory, const char* file) {
  if (file == nullptr) return "";
  if (file[0] == '/' || directory == nullptr) return file;
  return std::string(directory) + '/' + file;
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

class DwarfLines::Session {
 public:
  Session(const std::string& name, ByteSpan image) : copy_(image.begin(), image.end()) {
    if (!is_sound_object(image) || !libdw().complete) return;
    dwfl_ = libdw().dwfl_begin(&offline_callbacks());
    if (dwfl_ == nullptr) return;
    libdw().dwfl_report_begin(dwfl_);
    module_ = libdw().dwfl_report_offline_memory(dwfl_, name.c_str(), name.c_str(),
                                                 reinterpret_cast<char*>(copy_.data()), copy_.size());
    libdw().dwfl_report_end(dwfl_, nullptr, nullptr);
  }
  ~Session() {
    if (dwfl_ != nullptr) libdw().dwfl_end(dwfl_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::optional<std::vector<SourceLine>> find(u32 section_index, u64 offset) {
    const auto address = address_of(section_index, offset);
    if (!address) return std::nullopt;
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = libdw().dwfl_module_addrdie(module_, *address, &bias);
    Dwfl_Line* const line = libdw().dwfl_module_getsrc(module_, *address);
    if (unit == nullptr || line == nullptr) return std::nullopt;
    SourceLine place;
    int line_number = 0;
    int column = 0;
    const char* const file = libdw().dwfl_lineinfo(line, nullptr, &line_number, &column, nullptr, nullptr);
    if (file == nullptr || line_number <= 0) return std::nullopt;
    place.file = with_directory(libdw().dwfl_line_comp_dir(line), file);
    place.line = static_cast<u32>(line_number);
    place.column = static_cast<u32>(column);
    return with_callers(unit, *address - bias, std::move(place));
  }

 private:
  // Where libdwfl laid out the byte; nullopt: no such byte, or no section that is loaded.
  std::optional<Dwarf_Addr> address_of(u32 section_index, u64 offset) {
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

  // Names the function of `place`, and adds the places that it was inlined at.
  static std::vector<SourceLine> with_callers(Dwarf_Die* unit, Dwarf_Addr address, SourceLine place) {
    std::vector<SourceLine> places;
    places.push_back(std::move(place));
    Dwarf_Die* found = nullptr;
    const int count = libdw().dwarf_getscopes(unit, address, &found);
    const Scopes owner(found);
    // dwarf_getscopes leaves the concrete tree at the first inlined function: its own scopes lead on.
    for (Dwarf_Die& die : std::span(found, count > 0 ? static_cast<u64>(count) : 0)) {
      if (!is_function(&die)) continue;
      Dwarf_Die* enclosing = nullptr;
      const int enclosing_count = libdw().dwarf_getscopes_die(&die, &enclosing);
      const Scopes enclosing_owner(enclosing);
      add_functions(unit, std::span(enclosing, enclosing_count > 0 ? static_cast<u64>(enclosing_count) : 0),
                    places);
      break;
    }
    return places;
  }

  static void add_functions(Dwarf_Die* unit, std::span<Dwarf_Die> scopes, std::vector<SourceLine>& places) {
    for (Dwarf_Die& die : scopes) {
      if (!is_function(&die)) continue;
      const char* const name = libdw().dwarf_diename(&die);
      places.back().function = name == nullptr ? "" : name;
      if (libdw().dwarf_tag(&die) == DW_TAG_subprogram) return;
      SourceLine caller;
      caller.file = file_name(unit, unsigned_attribute(&die, DW_AT_call_file).value_or(0));
      caller.line = static_cast<u32>(unsigned_attribute(&die, DW_AT_call_line).value_or(0));
      caller.column = static_cast<u32>(unsigned_attribute(&die, DW_AT_call_column).value_or(0));
      places.push_back(std::move(caller));
    }
  }

  static std::string file_name(Dwarf_Die* unit, u64 index) {
    Dwarf_Files* files = nullptr;
    size_t count = 0;
    if (libdw().dwarf_getsrcfiles(unit, &files, &count) != 0 || index >= count) return "";
    Dwarf_Attribute attribute;
    const char* const directory =
        libdw().dwarf_formstring(libdw().dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    return with_directory(directory, libdw().dwarf_filesrc(files, index, nullptr, nullptr));
  }

  std::vector<u8> copy_;  // libdwfl relocates it in place
  Dwfl* dwfl_ = nullptr;
  Dwfl_Module* module_ = nullptr;
};

DwarfLines::DwarfLines(std::string name, ByteSpan image) : name_(std::move(name)), image_(image) {}
DwarfLines::~DwarfLines() = default;
DwarfLines::DwarfLines(DwarfLines&&) noexcept = default;
DwarfLines& DwarfLines::operator=(DwarfLines&&) noexcept = default;

std::optional<std::vector<SourceLine>> DwarfLines::find(u32 section_index, u64 offset) {
  if (!session_) session_ = std::make_unique<Session>(name_, image_);
  return session_->find(section_index, offset);
}

}  // namespace koi::module
