// SPDX-License-Identifier: GPL-2.0-only
// Source places of module text: file, line and inlined functions of an offset in a section, from the .ko's
// own DWARF.
//
// Lazy: nothing is read until the first question (a splat or a report), and the answer to a file without
// debug information is nullopt. A .ko is a relocatable object, so its debug sections carry relocations;
// libdwfl's offline mode lays the sections out and applies them, in a private copy of the file. libdw itself
// is opened at that moment; where it is not installed, nothing is known.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"

namespace koi::module {

struct SourceLine {
  std::string file;  // absolute where the compiler recorded its directory
  u32 line = 0;
  u32 column = 0;        // 0: unknown (callers of inlined functions)
  std::string function;  // empty: unknown
};

class DwarfLines {
 public:
  // `image`: the module's ELF file, uncompressed; it must outlive this object. `name` is for libdwfl's own
  // use.
  DwarfLines(std::string name, ByteSpan image);
  ~DwarfLines();
  DwarfLines(DwarfLines&&) noexcept;
  DwarfLines& operator=(DwarfLines&&) noexcept;
  DwarfLines(const DwarfLines&) = delete;
  DwarfLines& operator=(const DwarfLines&) = delete;

  // The place of `offset` in the section with this index: the innermost function first, then each function
  // that it was inlined into. For a return address ask for the byte before it. nullopt: nothing is known. Not
  // thread-safe; cost: parses the compile unit on first use.
  [[nodiscard]] std::optional<std::vector<SourceLine>> find(u32 section_index, u64 offset);

 private:
  class Session;
  std::string name_;
  ByteSpan image_;
  std::unique_ptr<Session> session_;
};

}  // namespace koi::module
