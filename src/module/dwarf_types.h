// SPDX-License-Identifier: GPL-2.0-only
// Types of a module's memory, from the .ko's own DWARF: what a variable is, what an object on the heap probably is, and which fields
// lie in a range of it.
//
// A variable's type is written down. Of an object on the heap it is concluded: from the static pointers that hold its address and
// the pointers in scope where it was accessed and where it was allocated, whose structure has the object's size (or is an element of it, or ends in a flexible array) and has
// a field exactly where each access was; failing that, from a structure of the module's own sources, the only one of that size
// that agrees with the accesses. `how` says which, and nothing is said where two types agree equally well.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace koi::module {

// Offsets count from the beginning of the variable or object.
struct FieldView {
  std::string name;  // "rx.packets", "slots[2].count"; empty: the whole variable
  std::string type;  // "long unsigned int"
  u64 offset = 0;
  u64 bytes = 0;
};

struct TypeView {
  std::string type;  // "struct pair", "struct pair [4]"
  u64 bytes = 0;     // 0: no size of its own
  std::string how;   // heap objects: "pointer `p` in worker()"
  bool structure = false;
  bool array = false;             // of several structures or numbers
  std::vector<FieldView> fields;  // those that were asked for
};

// A place in the file: an offset in a section.
struct CodePlace {
  u32 section = 0;
  u64 offset = 0;
};

struct TypedAccess {
  CodePlace code;
  u64 offset = 0;  // in the object
  u64 bytes = 0;
};

struct ByteRange {
  u64 from = 0, to = 0;
};

class DwarfTypes {
 public:
  // `image`: the module's ELF file, uncompressed. `name` is for libdwfl's own use. Cost: reads the whole of the debug information
  // when asked.
  DwarfTypes(const std::string& name, ByteSpan image);
  ~DwarfTypes();
  DwarfTypes(const DwarfTypes&) = delete;
  DwarfTypes& operator=(const DwarfTypes&) = delete;

  // `symbol`: as the symbol table has it ("total", or "total.3" of a function's own static variable).
  [[nodiscard]] std::optional<TypeView> of_variable(std::string_view symbol, ByteRange shown);
  // `points_there`: does the module's static pointer of this name hold the object's address?
  [[nodiscard]] std::optional<TypeView> of_object(
      u64 bytes, std::span<const TypedAccess> accesses, std::optional<CodePlace> allocation, ByteRange shown,
      const std::function<bool(std::string_view name)>& points_there);

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace koi::module
