// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_lines.h"

#include <span>

#include "module/dwarf_session.h"

namespace koi::module {
namespace {

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

}  // namespace

class DwarfLines::Session {
 public:
  Session(const std::string& name, ByteSpan image) : file_(name, image) {}

  std::optional<std::vector<SourceLine>> find(u32 section_index, u64 offset) {
    const auto address = file_.address_of(section_index, offset);
    if (!address) return std::nullopt;
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = libdw().dwfl_module_addrdie(file_.module(), *address, &bias);
    Dwfl_Line* const line = libdw().dwfl_module_getsrc(file_.module(), *address);
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

  DwarfSession file_;
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
