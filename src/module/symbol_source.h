// SPDX-License-Identifier: GPL-2.0-only
// Where a module's undefined symbols come from: the kernel core, koi's exported functions, other modules. The
// loader knows only this interface; the runtime implements it.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.h"

namespace koi::module {

struct ExportedSymbol {
  u64 value = 0;                      // its address (a per-CPU variable: its offset in the per-CPU area)
  std::string_view owner;             // the exporting module; empty: the kernel itself
  bool gpl_only = false;              // EXPORT_SYMBOL_GPL
  std::optional<u32> crc;             // nullopt: the exporter has no versions
  std::string_view name_space;        // EXPORT_SYMBOL_NS; empty: none
  bool owner_is_proprietary = false;  // its module carries taint P
  int owner_errno = 0;  // not 0: the owner cannot be used now (EBUSY: being loaded, ENODEV: going)
};

class SymbolSource {
 public:
  virtual ~SymbolSource() = default;
  // The exported symbol `name`; nullopt: nobody exports it. Views live until the load has ended.
  [[nodiscard]] virtual std::optional<ExportedSymbol> find(std::string_view name) = 0;
  // With --lazy: the address of a stub that oopses by the missing symbol's name. nullopt: refuse the module.
  [[nodiscard]] virtual std::optional<u64> stand_in(std::string_view name) {
    static_cast<void>(name);
    return std::nullopt;
  }
};

}  // namespace koi::module
