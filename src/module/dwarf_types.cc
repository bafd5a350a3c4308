// SPDX-License-Identifier: GPL-2.0-only
#include "module/dwarf_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "module/dwarf_fields.h"
#include "module/dwarf_session.h"

namespace koi::module {
namespace {

// How well a type explains an object, the best first.
enum class Fit : u8 {
  kExact,      // a pointer, whose structure has the object's size
  kFlexible,   // ... and ends in an array without a size
  kHeldArray,  // an element, by a static pointer to it or a pointer in scope at the allocation
  kHeldNumbers,
  kSize,   // the size alone
  kArray,  // an element, by a pointer in scope at an access
  kNone,
};

struct Candidate {
  Dwarf_Die type;
  Fit fit = Fit::kNone;
  u32 witnesses = 0;  // scopes that it was seen in
  std::string how;
};

bool is_array(Fit fit) { return fit == Fit::kArray || fit == Fit::kHeldArray || fit == Fit::kHeldNumbers; }

int tag_of(Dwarf_Die entry) { return libdw().dwarf_tag(&entry); }

bool is_function_scope(Dwarf_Die entry) {
  const int tag = tag_of(entry);
  return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

std::string_view without_suffix(std::string_view symbol) {
  const size_t dot = symbol.find('.');
  return dot == symbol.npos || dot == 0 ? symbol : symbol.substr(0, dot);
}

}  // namespace

class DwarfTypes::Reader {
 public:
  Reader(const std::string& name, ByteSpan image) : file_(name, image) {}

  std::optional<TypeView> of_variable(std::string_view symbol, ByteRange shown);
  std::optional<TypeView> of_object(u64 bytes, std::span<const TypedAccess> accesses,
                                    std::optional<CodePlace> allocation, ByteRange shown,
                                    const std::function<bool(std::string_view)>& points_there);

 private:
  using Candidates = std::map<std::string, Candidate>;  // by the type's text

  void visit_units(const std::function<void(Dwarf_Die)>& visit);
  void visit_tree(Dwarf_Die entry, int depth, const std::function<void(Dwarf_Die)>& visit);
  // Each variable and parameter in scope, with the innermost function it is in.
  void visit_scope(CodePlace place, const std::function<void(Dwarf_Die, const std::string&)>& visit);
  void consider_scope(CodePlace place, bool birth, u64 bytes, std::span<const TypedAccess> accesses,
                      Candidates& candidates);
  void consider_sizes(u64 bytes, std::span<const TypedAccess> accesses, Candidates& candidates);
  void consider_pointer(Dwarf_Die variable, bool held, const std::string& how, u64 bytes,
                        std::span<const TypedAccess> accesses, Candidates& candidates);
  void consider_static_pointers(u64 bytes, std::span<const TypedAccess> accesses, Candidates& candidates,
                                const std::function<bool(std::string_view)>& points_there);
  [[nodiscard]] static Fit fit_of(Dwarf_Die type, u64 bytes, bool held);
  [[nodiscard]] static bool agrees(Dwarf_Die type, Fit fit, u64 bytes, std::span<const TypedAccess> accesses);
  static void add(Candidates& candidates, Dwarf_Die type, Fit fit, std::string how);

  DwarfSession file_;
};

void DwarfTypes::Reader::visit_units(const std::function<void(Dwarf_Die)>& visit) {
  Dwarf_Addr bias = 0;
  Dwarf* const dwarf =
      file_.module() == nullptr ? nullptr : libdw().dwfl_module_getdwarf(file_.module(), &bias);
  Dwarf_Off offset = 0;
  Dwarf_Off next = 0;
  size_t header = 0;
  while (dwarf != nullptr &&
         libdw().dwarf_nextcu(dwarf, offset, &next, &header, nullptr, nullptr, nullptr) == 0) {
    Dwarf_Die unit;
    if (libdw().dwarf_offdie(dwarf, offset + header, &unit) != nullptr) visit(unit);
    offset = next;
  }
}

// Functions are looked into: their static variables are variables, too.
void DwarfTypes::Reader::visit_tree(Dwarf_Die entry, int depth, const std::function<void(Dwarf_Die)>& visit) {
  constexpr int kMostDepth = 16;
  Dwarf_Die child;
  if (depth > kMostDepth || libdw().dwarf_child(&entry, &child) != 0) return;
  do {
    visit(child);
    const int tag = libdw().dwarf_tag(&child);
    if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block) visit_tree(child, depth + 1, visit);
  } while (libdw().dwarf_siblingof(&child, &child) == 0);
}

std::optional<TypeView> DwarfTypes::Reader::of_variable(std::string_view symbol, ByteRange shown) {
  std::optional<TypeView> view;
  bool several = false;
  visit_units([&](Dwarf_Die unit) {
    visit_tree(unit, 0, [&](Dwarf_Die entry) {
      if (libdw().dwarf_tag(&entry) != DW_TAG_variable) return;
      const char* const name = libdw().dwarf_diename(&entry);
      if (name == nullptr || (symbol != name && without_suffix(symbol) != name)) return;
      const auto type = bare_type_of(entry);
      if (!type) return;
      TypeView found;
      found.type = type_text(*type);
      found.bytes = size_of_type(*type);
      found.structure = is_structure(*type);
      found.array = tag_of(*type) == DW_TAG_array_type;
      fields_in(*type, 0, shown, found.fields);
      several = several || (view && view->type != found.type);
      view = std::move(found);
    });
  });
  return several ? std::nullopt : view;
}

void DwarfTypes::Reader::visit_scope(CodePlace place,
                                     const std::function<void(Dwarf_Die, const std::string&)>& visit) {
  const auto address = file_.address_of(place.section, place.offset);
  if (!address) return;
  Dwarf_Addr bias = 0;
  Dwarf_Die* const unit = libdw().dwfl_module_addrdie(file_.module(), *address, &bias);
  if (unit == nullptr) return;
  const auto visit_entries = [&](std::span<Dwarf_Die> scopes) {
    for (size_t i = 0; i < scopes.size(); ++i) {
      const auto function =
          std::find_if(scopes.begin() + static_cast<std::ptrdiff_t>(i), scopes.end(), is_function_scope);
      if (function == scopes.end()) return;
      const char* const name = libdw().dwarf_diename(&*function);
      Dwarf_Die entry;
      if (libdw().dwarf_child(&scopes[i], &entry) != 0) continue;
      do {
        const int tag = libdw().dwarf_tag(&entry);
        if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)
          visit(entry, name == nullptr ? "" : name);
      } while (libdw().dwarf_siblingof(&entry, &entry) == 0);
    }
  };
  Dwarf_Die* found = nullptr;
  const int count = libdw().dwarf_getscopes(unit, *address - bias, &found);
  const Scopes owner(found);
  const std::span<Dwarf_Die> scopes(found, count > 0 ? static_cast<size_t>(count) : 0);
  const auto function = std::find_if(scopes.begin(), scopes.end(), is_function_scope);
  visit_entries(scopes.first(static_cast<size_t>(function - scopes.begin()) + (function != scopes.end())));
  if (function == scopes.end()) return;
  // dwarf_getscopes leaves the concrete tree at the first inlined function: its own scopes lead on.
  Dwarf_Die* enclosing = nullptr;
  const int enclosing_count = libdw().dwarf_getscopes_die(&*function, &enclosing);
  const Scopes enclosing_owner(enclosing);
  if (enclosing_count > 1) visit_entries({enclosing + 1, static_cast<size_t>(enclosing_count) - 1});
}

Fit DwarfTypes::Reader::fit_of(Dwarf_Die type, u64 bytes, bool held) {
  const u64 size = size_of_type(type);
  if (size == 0) return Fit::kNone;
  if (!is_structure(type) && (!is_number(type) || bytes % size != 0)) return Fit::kNone;
  // Any object is an array of numbers to who walks over it, and some of the kernel's pointers are in every scope.
  if (!is_structure(type)) return held ? Fit::kHeldNumbers : Fit::kNone;
  if (is_of_kernel_header(type)) return Fit::kNone;
  if (size == bytes) return Fit::kExact;
  if (size < bytes && ends_in_flexible_array(type)) return Fit::kFlexible;
  if (bytes % size != 0) return Fit::kNone;
  return held ? Fit::kHeldArray : Fit::kArray;
}

bool DwarfTypes::Reader::agrees(Dwarf_Die type, Fit fit, u64 bytes, std::span<const TypedAccess> accesses) {
  const u64 size = size_of_type(type);
  const bool array = is_array(fit);
  return std::all_of(accesses.begin(), accesses.end(), [&](const TypedAccess& access) {
    std::vector<FieldView> fields;
    fields_in(type, array ? bytes / size : 0, {access.offset, access.offset + access.bytes}, fields);
    return std::any_of(fields.begin(), fields.end(), [&](const FieldView& field) {
      if (field.offset == access.offset && field.bytes == access.bytes) return true;
      if (fit == Fit::kSize) return false;
      // Inside a structure of the kernel's, or a text.
      const bool whole = field.type.find("struct ") == 0 || field.type.find('[') != std::string::npos ||
                         field.type.ends_with("_t") || field.name.find(':') != std::string::npos;
      return whole && field.offset <= access.offset &&
             access.offset + access.bytes <= field.offset + field.bytes;
    });
  });
}

void DwarfTypes::Reader::add(Candidates& candidates, Dwarf_Die type, Fit fit, std::string how) {
  Candidate& candidate = candidates[type_text(type)];
  if (fit < candidate.fit) {
    candidate.type = type;
    candidate.fit = fit;
    candidate.how = std::move(how);
  }
  ++candidate.witnesses;
}

void DwarfTypes::Reader::consider_pointer(Dwarf_Die variable, bool held, const std::string& how, u64 bytes,
                                          std::span<const TypedAccess> accesses, Candidates& candidates) {
  const auto pointer = bare_type_of(variable);
  if (!pointer || tag_of(*pointer) != DW_TAG_pointer_type) return;
  const auto pointee = bare_type_of(*pointer);
  if (!pointee) return;
  const Fit fit = fit_of(*pointee, bytes, held);
  if (fit == Fit::kNone || !agrees(*pointee, fit, bytes, accesses)) return;
  add(candidates, *pointee, fit, how);
}

void DwarfTypes::Reader::consider_scope(CodePlace place, bool birth, u64 bytes,
                                        std::span<const TypedAccess> accesses, Candidates& candidates) {
  visit_scope(place, [&](Dwarf_Die entry, const std::string& function) {
    const char* const name = libdw().dwarf_diename(&entry);
    const std::string how = fmt::format("pointer `{}` in {}()", name == nullptr ? "" : name, function);
    consider_pointer(entry, birth, how, bytes, accesses, candidates);
  });
}

void DwarfTypes::Reader::consider_static_pointers(u64 bytes, std::span<const TypedAccess> accesses,
                                                  Candidates& candidates,
                                                  const std::function<bool(std::string_view)>& points_there) {
  visit_units([&](Dwarf_Die unit) {
    Dwarf_Die entry;
    if (libdw().dwarf_child(&unit, &entry) != 0) return;
    do {
      const char* const name = tag_of(entry) == DW_TAG_variable ? libdw().dwarf_diename(&entry) : nullptr;
      if (name != nullptr && points_there(name))
        consider_pointer(entry, true, fmt::format("pointer `{}`", name), bytes, accesses, candidates);
    } while (libdw().dwarf_siblingof(&entry, &entry) == 0);
  });
}

void DwarfTypes::Reader::consider_sizes(u64 bytes, std::span<const TypedAccess> accesses,
                                        Candidates& candidates) {
  visit_units([&](Dwarf_Die unit) {
    Dwarf_Die entry;
    if (libdw().dwarf_child(&unit, &entry) != 0) return;
    do {
      if (!is_structure(entry) || size_of_type(entry) != bytes || is_of_kernel_header(entry)) continue;
      if (libdw().dwarf_diename(&entry) != nullptr && agrees(entry, Fit::kSize, bytes, accesses))
        add(candidates, entry, Fit::kSize, "the module's only structure of this size with such fields");
    } while (libdw().dwarf_siblingof(&entry, &entry) == 0);
  });
}

std::optional<TypeView> DwarfTypes::Reader::of_object(
    u64 bytes, std::span<const TypedAccess> accesses, std::optional<CodePlace> allocation, ByteRange shown,
    const std::function<bool(std::string_view)>& points_there) {
  Candidates candidates;
  consider_static_pointers(bytes, accesses, candidates, points_there);
  for (const TypedAccess& access : accesses) consider_scope(access.code, false, bytes, accesses, candidates);
  if (allocation) consider_scope(*allocation, true, bytes, accesses, candidates);
  consider_sizes(bytes, accesses, candidates);
  const Candidate* best = nullptr;
  bool tied = false;
  const auto order = [](const Candidate& c) {
    return std::tuple(c.fit, c.fit == Fit::kSize ? 0 : ~c.witnesses);
  };
  for (const auto& [text, candidate] : candidates) {
    if (best != nullptr && order(candidate) == order(*best)) tied = true;
    if (best != nullptr && order(candidate) >= order(*best)) continue;
    best = &candidate;
    tied = false;
  }
  if (best == nullptr || tied) return std::nullopt;
  TypeView view;
  const u64 size = size_of_type(best->type);
  view.array = is_array(best->fit);
  view.bytes = size;
  view.how = best->how;
  view.structure = is_structure(best->type);
  view.type = type_text(best->type) + (view.array ? fmt::format(" [{}]", bytes / size) : "");
  fields_in(best->type, view.array ? bytes / size : 0, shown, view.fields);
  return view;
}

DwarfTypes::DwarfTypes(const std::string& name, ByteSpan image)
    : reader_(std::make_unique<Reader>(name, image)) {}
DwarfTypes::~DwarfTypes() = default;

std::optional<TypeView> DwarfTypes::of_variable(std::string_view symbol, ByteRange shown) {
  return reader_->of_variable(symbol, shown);
}

std::optional<TypeView> DwarfTypes::of_object(u64 bytes, std::span<const TypedAccess> accesses,
                                              std::optional<CodePlace> allocation, ByteRange shown,
                                              const std::function<bool(std::string_view)>& points_there) {
  return reader_->of_object(bytes, accesses, allocation, shown, points_there);
}

}  // namespace koi::module
