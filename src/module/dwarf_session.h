// SPDX-License-Identifier: GPL-2.0-only
// A .ko opened with libdwfl's offline mode: what reads its DWARF stands on this.
//
// libdw is opened when it is first needed: linking to it (with libelf and its decompressors) would cost every run a part of its
// start time for the sake of those that splat. Where it is not installed, or the file is not sound, nothing is known.
#pragma once

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"

namespace koi::module {

#define KOI_LIBDW_FUNCTIONS(use)                                                                             \
  use(dwarf_attr) use(dwarf_attr_integrate) use(dwarf_bytesize) use(dwarf_child) use(dwarf_decl_file)        \
      use(dwarf_diename) use(dwarf_dieoffset) use(dwarf_filesrc) use(dwarf_formref_die)                      \
          use(dwarf_formstring) use(dwarf_formudata) use(dwarf_getscopes) use(dwarf_getscopes_die)           \
              use(dwarf_getsrcfiles) use(dwarf_nextcu) use(dwarf_offdie) use(dwarf_siblingof) use(dwarf_tag) \
                  use(dwfl_begin) use(dwfl_build_id_find_elf) use(dwfl_end) use(dwfl_line_comp_dir)          \
                      use(dwfl_lineinfo) use(dwfl_module_addrdie) use(dwfl_module_getdwarf)                  \
                          use(dwfl_module_getelf) use(dwfl_module_getsrc) use(dwfl_offline_section_address)  \
                              use(dwfl_report_begin) use(dwfl_report_end) use(dwfl_report_offline_memory)    \
                                  use(elf_getscn) use(gelf_getshdr)

struct LibDw {
#define KOI_MEMBER(name) decltype(&::name) name = nullptr;
  KOI_LIBDW_FUNCTIONS(KOI_MEMBER)
#undef KOI_MEMBER
  bool complete = false;
};

[[nodiscard]] const LibDw& libdw();

// libdw hands out arrays that the caller frees.
struct FreedByCaller {
  void operator()(void* p) const { std::free(p); }
};
using Scopes = std::unique_ptr<Dwarf_Die, FreedByCaller>;

class DwarfSession {
 public:
  // `image`: the module's ELF file, uncompressed. `name` is for libdwfl's own use.
  DwarfSession(const std::string& name, ByteSpan image);
  ~DwarfSession();
  DwarfSession(const DwarfSession&) = delete;
  DwarfSession& operator=(const DwarfSession&) = delete;

  // nullptr: nothing is known.
  [[nodiscard]] Dwfl_Module* module() const { return module_; }
  // Where libdwfl laid out the byte; nullopt: no such byte, or no section that is loaded.
  [[nodiscard]] std::optional<Dwarf_Addr> address_of(u32 section_index, u64 offset) const;

 private:
  std::vector<u8> copy_;  // libdwfl relocates it in place
  Dwfl* dwfl_ = nullptr;
  Dwfl_Module* module_ = nullptr;
};

}  // namespace koi::module
