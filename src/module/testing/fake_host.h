// SPDX-License-Identifier: GPL-2.0-only
// For tests: a LoadHost with a table of exported symbols and fixed addresses, and the facts of an invented
// kernel.
#pragma once

#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "module/load.h"
#include "module/testing/elf_builder.h"

namespace koi::module::testing {

class FakeHost : public LoadHost, public SymbolSource {
 public:
  FakeHost() {
    add("module_layout", 0, kLayoutCrc);
    add("_printk", 0x10001000, kPrintkCrc);
  }
  ExportedSymbol& add(const std::string& name, u64 value, std::optional<u32> crc = std::nullopt) {
    ExportedSymbol& symbol = table[name];
    symbol.value = value;
    symbol.crc = crc;
    return symbol;
  }
  int reserve_name(std::string_view name) override { return names.contains(std::string(name)) ? EEXIST : 0; }
  Result<Placement> place(std::string_view, const Layout& layout) override {
    return Placement{core_base, core_base + layout.core_bytes, layout.percpu_bytes == 0 ? 0 : u64{0x30000}};
  }
  SymbolSource& symbols() override { return *this; }
  std::optional<ExportedSymbol> find(std::string_view name) override {
    const auto it = table.find(std::string(name));
    if (it != table.end()) return it->second;
    if (!answer_all) return std::nullopt;
    ExportedSymbol any;
    any.value = 0x10002000;
    return any;
  }

  std::map<std::string, ExportedSymbol> table;
  std::set<std::string> names;
  u64 core_base = 0x20000000;
  bool answer_all = false;  // every name resolves (hostile input, hand checks)
};

inline KernelFacts facts(std::string release = "6.1.0-test") {
  KernelFacts facts;
  facts.release = std::move(release);
  facts.vermagic = kVermagic;
  facts.struct_module_bytes = kStructModuleBytes;
  return facts;
}

// Loads what the builder holds. `log` and `taint` may be shared between loads.
struct Loaded {
  CollectedLog log;
  KernelTaint taint;
  Result<LoadedModule> result{make_error("not loaded")};
};
inline void load_into(Loaded& out, const ElfBuilder& builder, FakeHost& host,
                      const KernelFacts& kernel = facts(), const LoadFlags& flags = {}) {
  out.result =
      load_module(std::make_unique<ModuleFile>(builder.file()), kernel, flags, host, out.taint, out.log);
}

}  // namespace koi::module::testing
