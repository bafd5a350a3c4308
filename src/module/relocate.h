// SPDX-License-Identifier: GPL-2.0-only
// Relocation (x86-64 psABI, table 4.9; the types are in relocation_types.h with their expressions).
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "module/elf_image.h"
#include "module/linked_image.h"
#include "module/relocation_types.h"

namespace koi::module {

// One place that refers to an undefined symbol.
struct RelocationSite {
  std::string_view symbol;
  u64 value = 0;  // the symbol's address as resolved
  u32 type = 0;
  u32 section = 0;  // the section that holds the place
  u64 offset = 0;   // of the place in its section
  u64 address = 0;  // P
  // The place is the target of a call or jump, conditional ones included.
  bool is_branch = false;
};

// Lets the runtime give a site an address of its own for the symbol: a stub that carries a site number.
class SiteTargets {
 public:
  virtual ~SiteTargets() = default;
  // The address that stands for `site.symbol` at this site; `site.value` to leave it.
  [[nodiscard]] virtual u64 target_for(const RelocationSite& site) = 0;
};

// Applies one relocation to `place` (relocation_width(type) bytes at address P).
// Errors: ENOEXEC: an unknown type, a place that is not zero, a value that does not fit. The message has no
// file name.
[[nodiscard]] Status apply_relocation(u32 type, MutableByteSpan place, u64 place_address, u64 symbol_address,
                                      s64 addend, std::string_view module_name, LoaderEra era,
                                      KernelLog& log);

// Applies all relocations of loaded sections. `values` are the symbols' addresses; `targets` may be null.
// Errors: ENOEXEC, naming section, relocation, place and symbol.
[[nodiscard]] Status relocate(const ElfImage& image, LinkedImage& linked, std::span<const u64> values,
                              SiteTargets* targets, LoaderEra era, KernelLog& log);

}  // namespace koi::module
