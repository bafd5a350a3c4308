// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace koi::module {
namespace {

constexpr int kMostSteps = 32;  // typedefs of typedefs; structures in structures
constexpr size_t kMostFields = 256;

std::optional<u64> number_of(Dwarf_Die entry, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (libdw().dwarf_attr_integrate(&entry, name, &attribute) == nullptr ||
      libdw().dwarf_formudata(&attribute, &value) != 0)
    return std::nullopt;
  return value;
}

std::optional<Dwarf_Die> direct_type_of(Dwarf_Die entry) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (libdw().dwarf_attr_integrate(&entry, DW_AT_type, &attribute) == nullptr ||
      libdw().dwarf_formref_die(&attribute, &type) == nullptr)
    return std::nullopt;
  return type;
}

template <class Visit>
void for_each_child(Dwarf_Die entry, const Visit& visit) {
  Dwarf_Die child;
  if (libdw().dwarf_child(&entry, &child) != 0) return;
  do visit(child);
  while (libdw().dwarf_siblingof(&child, &child) == 0);
}

std::string name_of(Dwarf_Die entry) {
  const char* const name = libdw().dwarf_diename(&entry);
  return name == nullptr ? "" : name;
}

// Elements of all dimensions; nullopt: of a flexible array.
std::optional<u64> elements_of(Dwarf_Die array) {
  u64 count = 1;
  bool known = false;
  for_each_child(array, [&](Dwarf_Die dimension) {
    if (const auto last = number_of(dimension, DW_AT_upper_bound)) {
      count *= *last + 1;
      known = true;
    } else if (const auto elements = number_of(dimension, DW_AT_count)) {
      count *= *elements;
      known = true;
    }
  });
  return known ? std::optional(count) : std::nullopt;
}

class FieldReader {
 public:
  FieldReader(ByteRange shown, std::vector<FieldView>& fields) : shown_(shown), fields_(fields) {}

  void value(const std::string& name, Dwarf_Die entry_type, Dwarf_Die type, u64 at, int depth) {
    const u64 bytes = size_of_type(type);
    if (depth > kMostSteps || fields_.size() >= kMostFields) return;
    const int tag = libdw().dwarf_tag(&type);
    if (tag == DW_TAG_array_type) return array(name, entry_type, type, at, depth);
    if (!overlaps(at, bytes)) return;
    const bool whole = name_of(type).empty() || !is_of_kernel_header(type) || name.empty();
    if ((tag == DW_TAG_structure_type || tag == DW_TAG_union_type) && whole)
      return members(name, type, at, depth);
    fields_.push_back({name, type_text(entry_type), at, bytes});
  }

  void elements(const std::string& name, Dwarf_Die entry_type, Dwarf_Die type, u64 count, u64 at, int depth) {
    const u64 bytes = size_of_type(type);
    if (bytes == 0) return;
    const u64 first = shown_.from > at ? (shown_.from - at) / bytes : 0;
    for (u64 i = first; i < count && at + i * bytes < shown_.to; ++i)
      value(fmt::format("{}[{}]", name, i), entry_type, type, at + i * bytes, depth + 1);
  }

 private:
  [[nodiscard]] bool overlaps(u64 at, u64 bytes) const {
    return at < shown_.to && at + std::max<u64>(bytes, 1) > shown_.from;
  }

  void array(const std::string& name, Dwarf_Die entry_type, Dwarf_Die type, u64 at, int depth) {
    const auto direct = direct_type_of(type);
    const auto element = bare_type_of(type);
    if (!direct || !element) return;
    // Texts are one field, not sixteen.
    if (size_of_type(*element) <= 1) {
      const u64 bytes = elements_of(type) ? size_of_type(type) : ~0ULL - at;
      if (overlaps(at, bytes)) fields_.push_back({name, type_text(entry_type), at, bytes});
      return;
    }
    elements(name, *direct, *element, elements_of(type).value_or(~0ULL), at, depth);
  }

  void members(const std::string& name, Dwarf_Die structure, u64 at, int depth) {
    for_each_child(structure, [&](Dwarf_Die member) {
      if (libdw().dwarf_tag(&member) != DW_TAG_member) return;
      const auto direct = direct_type_of(member);
      const auto type = bare_type_of(member);
      if (!direct || !type) return;
      const std::string own = name_of(member);
      const std::string full = own.empty() ? name : name.empty() ? own : name + '.' + own;
      if (const auto bit = number_of(member, DW_AT_data_bit_offset)) {
        const u64 bits = number_of(member, DW_AT_bit_size).value_or(1);
        const u64 from = at + *bit / 8;
        const u64 bytes = (*bit % 8 + bits + 7) / 8;
        if (overlaps(from, bytes))
          fields_.push_back({fmt::format("{}:{}", full, bits), type_text(*direct), from, bytes});
        return;
      }
      value(full, *direct, *type, at + number_of(member, DW_AT_data_member_location).value_or(0), depth + 1);
    });
  }

  const ByteRange shown_;
  std::vector<FieldView>& fields_;
};

}  // namespace

std::optional<Dwarf_Die> bare_type_of(Dwarf_Die entry) {
  for (int steps = 0; steps < kMostSteps; ++steps) {
    const auto type = direct_type_of(entry);
    if (!type) return std::nullopt;
    entry = *type;
    const int tag = libdw().dwarf_tag(&entry);
    if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type) return entry;
  }
  return std::nullopt;
}

std::string type_text(Dwarf_Die entry) {
  std::string behind;
  for (int steps = 0; steps < kMostSteps; ++steps) {
    const int tag = libdw().dwarf_tag(&entry);
    const std::string name = name_of(entry);
    if (tag == DW_TAG_structure_type) return "struct " + (name.empty() ? "(unnamed)" : name) + behind;
    if (tag == DW_TAG_union_type) return "union " + (name.empty() ? "(unnamed)" : name) + behind;
    if (tag == DW_TAG_enumeration_type) return "enum " + (name.empty() ? "(unnamed)" : name) + behind;
    if (!name.empty()) return name + behind;
    if (tag == DW_TAG_subroutine_type) return "(function)" + behind;
    if (tag == DW_TAG_pointer_type) behind = (behind.starts_with('*') ? "*" : " *") + behind;
    if (tag == DW_TAG_array_type)
      behind += elements_of(entry) ? fmt::format(" [{}]", *elements_of(entry)) : std::string(" []");
    const auto next = direct_type_of(entry);
    if (!next) return "void" + behind;
    entry = *next;
  }
  return "(unknown)";
}

u64 size_of_type(Dwarf_Die type) {
  u64 count = 1;
  for (int steps = 0; steps < kMostSteps; ++steps) {
    const int tag = libdw().dwarf_tag(&type);
    if (tag != DW_TAG_array_type) {
      const int size = libdw().dwarf_bytesize(&type);
      return size < 0 ? 0 : count * static_cast<u64>(size);
    }
    const auto element = bare_type_of(type);
    if (!element) return 0;
    count *= elements_of(type).value_or(0);
    type = *element;
  }
  return 0;
}

bool is_structure(Dwarf_Die type) { return libdw().dwarf_tag(&type) == DW_TAG_structure_type; }

bool is_number(Dwarf_Die type) {
  const int tag = libdw().dwarf_tag(&type);
  return (tag == DW_TAG_base_type && size_of_type(type) > 1) || tag == DW_TAG_pointer_type ||
         tag == DW_TAG_enumeration_type;
}

bool ends_in_flexible_array(Dwarf_Die structure) {
  bool flexible = false;
  for_each_child(structure, [&](Dwarf_Die member) {
    if (libdw().dwarf_tag(&member) != DW_TAG_member) return;
    auto type = bare_type_of(member);
    flexible = type && libdw().dwarf_tag(&*type) == DW_TAG_array_type && elements_of(*type).value_or(0) == 0;
  });
  return flexible;
}

bool is_of_kernel_header(Dwarf_Die entry) {
  const char* const file = libdw().dwarf_decl_file(&entry);
  if (file == nullptr) return false;
  const std::string_view path = file;
  return path.find("/include/linux/") != path.npos || path.find("/include/asm") != path.npos ||
         path.find("/linux-headers-") != path.npos;
}

void fields_in(Dwarf_Die type, u64 count, ByteRange shown, std::vector<FieldView>& fields) {
  FieldReader reader(shown, fields);
  if (count != 0)
    reader.elements("", type, type, count, 0, 0);
  else
    reader.value("", type, type, 0, 0);
  std::stable_sort(fields.begin(), fields.end(),
                   [](const FieldView& a, const FieldView& b) { return a.offset < b.offset; });
}

}  // namespace koi::module
