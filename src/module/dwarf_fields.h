// SPDX-License-Identifier: GPL-2.0-only
// Types as DWARF entries: names, sizes, and the fields that lie in a range of one. Requires: libdw is there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "module/dwarf_session.h"
#include "module/dwarf_types.h"

namespace koi::module {

// The type that an entry refers to, without typedefs and qualifiers; nullopt: none is known (void).
[[nodiscard]] std::optional<Dwarf_Die> bare_type_of(Dwarf_Die entry);
// "struct list_head", "u64", "char [16]", "struct pair *".
[[nodiscard]] std::string type_text(Dwarf_Die entry);
// Arrays have no size of their own; 0: unknown, or a flexible array.
[[nodiscard]] u64 size_of_type(Dwarf_Die type);
[[nodiscard]] bool is_structure(Dwarf_Die type);
[[nodiscard]] bool is_number(Dwarf_Die type);
// Its last member is an array without a size.
[[nodiscard]] bool ends_in_flexible_array(Dwarf_Die structure);
// The file that the entry was declared in is one of the kernel's headers.
[[nodiscard]] bool is_of_kernel_header(Dwarf_Die entry);
// What lies in `shown` of a value of that type: fields of the module's own structures one by one, elements of arrays one by one, structures
// of the kernel's headers as one. `count`: elements of the type, one after the other; 0: one value that is none.
void fields_in(Dwarf_Die type, u64 count, ByteRange shown, std::vector<FieldView>& fields);

}  // namespace koi::module
