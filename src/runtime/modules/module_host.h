// SPDX-License-Identifier: GPL-2.0-only
// What the loader's passes ask of the runtime: a name, a place, and the symbols.
#pragma once

#include <cerrno>
#include <optional>
#include <string>

#include "runtime/checks/sanitizers.h"
#include "runtime/core/symvers_index.h"
#include "runtime/kernel.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {

// Where symbols come from: loaded modules first, then what both koi provides and the presented kernel exports.
class ModuleTable::Host final : public module::LoadHost, public module::SymbolSource {
 public:
  Host(Kernel& kernel, ModuleTable& table)
      : kernel_(kernel),
        table_(table),
        symvers_(SymversIndex::of_release(kernel.config().release, kernel.config().build_dir)) {}

  int reserve_name(std::string_view name) override {
    if (reserved_ == name) return 0;
    const ModuleInstance* there = table_.find(name);
    if (there == nullptr) {
      reserved_ = name;
      return 0;
    }
    // A namesake is being loaded: the kernel waits how that ends, and gives up if it fails.
    while (there != nullptr && there->state == ModuleState::kComing) {
      kernel_.sleep_ns(kNamesakePollNs);
      there = table_.find(name);
    }
    return there != nullptr && there->state == ModuleState::kLive ? EEXIST : EBUSY;
  }
  void begin() { reserved_.clear(); }

  Result<module::Placement> place(std::string_view name, const module::Layout& layout) override {
    module::Placement placement;
    kernel_.call_sites().begin(name);
    placement.core_base = TRY(kernel_.world().window_take(layout.core_bytes));
    if (layout.init_bytes != 0) placement.init_base = TRY(kernel_.world().window_take(layout.init_bytes));
    if (layout.percpu_bytes != 0) {
      const auto percpu = kernel_.memory().percpu().alloc_static(layout.percpu_bytes, layout.percpu_align);
      if (percpu.outcome != mm::PercpuOutcome::kOk) {
        return make_errno(ENOMEM, "no room for {} bytes of per-CPU variables", layout.percpu_bytes);
      }
      placement.percpu_address = percpu.offset;
    }
    return placement;
  }

  module::SymbolSource& symbols() override { return *this; }
  module::SiteTargets* site_targets() override {
    return kernel_.config().accounting ? &kernel_.call_sites() : nullptr;
  }

  std::optional<module::ExportedSymbol> find(std::string_view name) override {
    for (const auto& module : table_.modules_) {
      for (const module::Export& exported : module->loaded.exports) {
        if (exported.name != name) continue;
        module::ExportedSymbol symbol;
        symbol.value = exported.address;
        symbol.owner = module->name();
        symbol.gpl_only = exported.gpl_only;
        symbol.crc = exported.crc;
        symbol.name_space = exported.name_space;
        symbol.owner_is_proprietary =
            (module->loaded.taints & module::taint_bit(module::Taint::kProprietaryModule)) != 0;
        if (module->state == ModuleState::kComing) symbol.owner_errno = EBUSY;
        if (module->state == ModuleState::kGoing) symbol.owner_errno = ENODEV;
        return symbol;
      }
    }
    return find_in_kernel(name);
  }

  std::optional<u64> stand_in(std::string_view name) override {
    if (!kernel_.config().lazy) return std::nullopt;
    return kernel_.missing_stub(name);
  }

 private:
  static constexpr u64 kNamesakePollNs = 1'000'000;

  std::optional<module::ExportedSymbol> find_in_kernel(std::string_view name) {
    const SymversIndex::Entry* const entry = symvers_.find(name);
    if (entry == nullptr) return is_instrumentation_callback(name) ? callback(name) : std::nullopt;
    // Nobody calls module_layout: it stands for the CRC of struct module.
    std::optional<u64> address =
        name == "module_layout" ? std::optional<u64>(0) : kernel_.provided_symbol(name);
    if (name == "jiffies") address = kernel_.traps().jiffies_page();
    if (!address) return std::nullopt;
    module::ExportedSymbol symbol;
    symbol.value = *address;
    symbol.gpl_only = entry->gpl_only;
    symbol.crc = entry->crc;
    symbol.name_space = entry->name_space;
    return symbol;
  }

  // The presented kernel has no such function: there is no CRC to compare, and who calls it is none of its business.
  std::optional<module::ExportedSymbol> callback(std::string_view name) {
    const auto address = kernel_.provided_symbol(name);
    if (!address) return std::nullopt;
    module::ExportedSymbol symbol;
    symbol.value = *address;
    return symbol;
  }

  Kernel& kernel_;
  ModuleTable& table_;
  SymversIndex symvers_;
  std::string reserved_;
};

}  // namespace koi::runtime
