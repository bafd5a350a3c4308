// SPDX-License-Identifier: GPL-2.0-only
// A module's part of kallsyms: address to "name+offset/size", and name to address, by the kernel's rules
// (kernel/module/kallsyms.c): the symbol with the greatest value not above the address, the first of equals
// in file order; its size is the distance to the next symbol, not st_size.
//
// Lookups allocate nothing and touch only this object: a signal handler may call them.
#pragma once

#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "module/layout.h"
#include "module/linked_image.h"

namespace koi::module {

class ModuleSymbols {
 public:
  struct Entry {
    std::string_view name;  // points into this object
    u64 address = 0;
    char type = '?';    // nm's letter, lower case
    bool core = false;  // stays after init has been freed
  };
  struct Found {
    std::string_view name;
    u64 offset = 0;
    u64 size = 0;
  };
  // Is the init block still there? With it go its symbols.
  enum class Init : u8 { kPresent, kFreed };

  // Copies what it needs into `memory`; `image` may go afterwards.
  ModuleSymbols(const ElfImage& image, const Layout& layout, const LinkedImage& linked,
                std::span<const u64> values, LoaderEra era, std::pmr::memory_resource* memory);
  ModuleSymbols(const ModuleSymbols&) = delete;
  ModuleSymbols& operator=(const ModuleSymbols&) = delete;

  // The symbol that `address` belongs to; nullopt: the address is not in this module, or no symbol precedes
  // it.
  [[nodiscard]] std::optional<Found> find(u64 address, Init init) const;
  // The first symbol `name`; nullopt: there is none.
  [[nodiscard]] std::optional<u64> address_of(std::string_view name, Init init) const;
  // All entries in file order: what /proc/kallsyms lists.
  [[nodiscard]] const std::pmr::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool contains(u64 address, Init init) const;

 private:
  struct Span {
    u64 begin = 0, end = 0;
    [[nodiscard]] bool contains(u64 address) const { return address >= begin && address < end; }
  };
  // The bounds that the kernel starts its search with.
  struct Bounds {
    u64 best = 0, next = 0;
  };
  [[nodiscard]] std::optional<Bounds> bounds_of(u64 address, Init init) const;

  LoaderEra era_;
  Span core_, init_;
  Span regions_[kMemoryKinds];
  std::pmr::vector<char> names_;
  std::pmr::vector<Entry> entries_;
};

}  // namespace koi::module
