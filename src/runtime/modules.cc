// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/symvers_index.h"
#include "runtime/traps.h"

namespace koi::runtime {
namespace {

// What koi_module_init reads: struct koi_module_facts.
struct ModuleFacts {
  u64 text_base, text_size;
  u64 init_base, init_size;
  u64 percpu, percpu_size;
  u64 kp, num_kp;
  u64 syms, num_syms, gpl_syms, num_gpl_syms;
  u64 extable, num_exentries;
  u64 bug_table, num_bugs;
  u64 jump_entries, num_jump_entries;
  u64 taints;
  u64 args;
};

host::Protection protection_of(module::MemoryKind kind) {
  switch (kind) {
    case module::MemoryKind::kText:
    case module::MemoryKind::kInitText:
      return host::Protection::kReadExecute;
    case module::MemoryKind::kRodata:
    case module::MemoryKind::kInitRodata:
      return host::Protection::kRead;
    case module::MemoryKind::kRoAfterInit:
    case module::MemoryKind::kData:
    case module::MemoryKind::kInitData:
      return host::Protection::kReadWrite;
  }
  return host::Protection::kNone;
}

u64 block_base(const module::Placement& placement, module::Block block) {
  return block == module::Block::kInit ? placement.init_base : placement.core_base;
}

}  // namespace

// Where symbols come from: loaded modules first, then what both koi provides and the presented kernel exports.
class ModuleTable::Host final : public module::LoadHost, public module::SymbolSource {
 public:
  Host(Kernel& kernel, ModuleTable& table)
      : kernel_(kernel), table_(table), symvers_(kernel.config().build_dir + "/Module.symvers") {}

  int reserve_name(std::string_view name) override {
    if (reserved_ == name) return 0;
    const ModuleInstance* const there = table_.find(name);
    if (there == nullptr) {
      reserved_ = name;
      return 0;
    }
    return there->state == ModuleState::kLive ? EEXIST : EBUSY;
  }
  void begin() { reserved_.clear(); }

  Result<module::Placement> place(std::string_view /*name*/, const module::Layout& layout) override {
    module::Placement placement;
    placement.core_base = TRY(kernel_.world().window_take(layout.core_bytes));
    if (layout.init_bytes != 0) placement.init_base = TRY(kernel_.world().window_take(layout.init_bytes));
    if (layout.percpu_bytes != 0) {
      return make_errno(ENOMEM, "per-CPU variables of modules are not supported");
    }
    return placement;
  }

  module::SymbolSource& symbols() override { return *this; }

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
        symbol.owner_is_proprietary = (module->loaded.taints & module::taint_bit(module::Taint::kProprietaryModule)) != 0;
        if (module->state == ModuleState::kComing) symbol.owner_errno = EBUSY;
        if (module->state == ModuleState::kGoing) symbol.owner_errno = ENODEV;
        return symbol;
      }
    }
    return find_in_kernel(name);
  }

 private:
  std::optional<module::ExportedSymbol> find_in_kernel(std::string_view name) {
    const SymversIndex::Entry* const entry = symvers_.find(name);
    if (entry == nullptr) return std::nullopt;
    const auto address = kernel_.provided_symbol(name);
    if (!address) return std::nullopt;
    module::ExportedSymbol symbol;
    symbol.value = *address;
    symbol.gpl_only = entry->gpl_only;
    symbol.crc = entry->crc;
    symbol.name_space = entry->name_space;
    return symbol;
  }

  Kernel& kernel_;
  ModuleTable& table_;
  SymversIndex symvers_;
  std::string reserved_;
};

ModuleTable::ModuleTable(Kernel& kernel) : kernel_(kernel), host_(std::make_unique<Host>(kernel, *this)) {
  facts_.release = kernel.config().release;
  facts_.vermagic = kernel.core().text_symbol("koi_vermagic");
  facts_.struct_module_bytes = kernel.core().layout_or_die("sizeof module");
}

ModuleTable::~ModuleTable() = default;

ModuleInstance* ModuleTable::find(std::string_view name) {
  const auto it = std::find_if(modules_.begin(), modules_.end(), [name](const auto& m) { return m->name() == name; });
  return it == modules_.end() ? nullptr : it->get();
}

ModuleInstance* ModuleTable::find_by_address(u64 address) {
  const auto it =
      std::find_if(modules_.begin(), modules_.end(), [address](const auto& m) { return m->contains(address); });
  return it == modules_.end() ? nullptr : it->get();
}

ModuleInstance* ModuleTable::find_by_struct(u64 this_module) {
  const auto it = std::find_if(modules_.begin(), modules_.end(),
                               [this_module](const auto& m) { return m->this_module == this_module; });
  return it == modules_.end() ? nullptr : it->get();
}

s32 ModuleTable::reference_count(const ModuleInstance& module) const {
  return kernel_.core().function<s32(u64)>("koi_module_refcount")(module.this_module);
}

std::vector<std::string> ModuleTable::users_of(std::string_view name) const {
  std::vector<std::string> users;
  for (const auto& module : modules_) {
    if (std::find(module->uses.begin(), module->uses.end(), name) != module->uses.end()) users.push_back(module->name());
  }
  // The kernel lists the youngest user first.
  std::reverse(users.begin(), users.end());
  return users;
}

std::string ModuleTable::proc_modules(bool show_addresses) const {
  std::string text;
  for (auto it = modules_.rbegin(); it != modules_.rend(); ++it) {
    const ModuleInstance& module = **it;
    if (module.state == ModuleState::kUnformed) continue;
    std::string users;
    for (const std::string& user : users_of(module.name())) users += user + ",";
    if (module.exit == 0 && module.init != 0) users += "[permanent],";
    const char* const state = module.state == ModuleState::kGoing    ? "Unloading"
                              : module.state == ModuleState::kComing ? "Loading"
                                                                     : "Live";
    const std::string letters = module::module_taint_letters(module.loaded.taints);
    const std::string mark = module.state == ModuleState::kGoing ? "-" : module.state == ModuleState::kComing ? "+" : "";
    const u64 size = module.loaded.layout.core_bytes + (module.init_freed ? 0 : module.loaded.layout.init_bytes);
    text += fmt::format("{} {} {} {} {} 0x{:016x}{}\n", module.name(), size, reference_count(module),
                        users.empty() ? "-" : users, state, show_addresses ? module.loaded.placement.core_base : 0,
                        letters.empty() && mark.empty() ? "" : fmt::format(" ({}{})", letters, mark));
  }
  return text;
}

std::vector<std::string> ModuleTable::mentions() const {
  std::vector<std::string> list;
  for (auto it = modules_.rbegin(); it != modules_.rend(); ++it) {
    const ModuleInstance& module = **it;
    if (module.state == ModuleState::kUnformed) continue;
    const ModuleMark mark = module.state == ModuleState::kComing  ? ModuleMark::kComing
                            : module.state == ModuleState::kGoing ? ModuleMark::kGoing
                                                                  : ModuleMark::kLive;
    list.push_back(module_mention(module.name(), module::module_taint_letters(module.loaded.taints), mark));
  }
  return list;
}

// ---- loading ----

ModuleCall ModuleTable::finit_module(const std::string& path, std::string_view args, const module::LoadFlags& flags) {
  Result<module::ModuleFile> file = module::read_module_file(path);
  if (!file.ok()) return {-(file.error().errno_value == 0 ? ENOEXEC : file.error().errno_value), file.error().message};
  host_->begin();
  Result<module::LoadedModule> loaded =
      module::load_module(std::make_unique<module::ModuleFile>(std::move(*file)), facts_, flags, *host_, taint_,
                          kernel_.console());
  if (!loaded.ok()) {
    const int error = loaded.error().errno_value;
    return {-(error == 0 ? ENOEXEC : error), loaded.error().message};
  }
  modules_.push_back(std::make_unique<ModuleInstance>());
  ModuleInstance& module = *modules_.back();
  module.loaded = std::move(*loaded);
  module.uses = module.loaded.resolution.used_owners;
  if (Status prepared = prepare(module, args); !prepared.ok()) {
    const Error error = std::move(prepared).error();
    unload(module);
    return {-error.errno_value, error.message};
  }
  return run_init(module);
}

// The image stands in memory and its tables are known; no module code has run.
Status ModuleTable::prepare(ModuleInstance& module, std::string_view args) {
  map_image(module);
  const module::ElfImage& image = module.loaded.image;
  const module::LinkedImage& linked = *module.loaded.linked;
  const auto section_address = [&](std::string_view name) -> u64 {
    const u32 index = image.find_index(name);
    return index == 0 ? 0 : linked.section_address(index).value_or(0);
  };
  const auto section_size = [&](std::string_view name) -> u64 {
    const u32 index = image.find_index(name);
    return index == 0 ? 0 : image.sections[index].header.size;
  };
  module.this_module = section_address(".gnu.linkonce.this_module");
  module.args.assign(args.begin(), args.end());
  module.args.push_back(0);

  ModuleFacts facts{};
  facts.text_base = module.loaded.placement.core_base;
  facts.text_size = module.loaded.layout.core_bytes;
  facts.init_base = module.loaded.placement.init_base;
  facts.init_size = module.loaded.layout.init_bytes;
  facts.kp = section_address("__param");
  facts.num_kp = section_size("__param") / kernel_.core().layout_or_die("sizeof kernel_param");
  facts.syms = section_address("__ksymtab");
  facts.num_syms = section_size("__ksymtab") / sizeof(module::KernelSymbolRecord);
  facts.gpl_syms = section_address("__ksymtab_gpl");
  facts.num_gpl_syms = section_size("__ksymtab_gpl") / sizeof(module::KernelSymbolRecord);
  facts.extable = section_address("__ex_table");
  facts.num_exentries = section_size("__ex_table") / 12;
  facts.bug_table = section_address("__bug_table");
  facts.num_bugs = section_size("__bug_table") / 12;
  facts.jump_entries = section_address("__jump_table");
  facts.num_jump_entries = section_size("__jump_table") / 16;
  facts.taints = module.loaded.taints;
  facts.args = reinterpret_cast<u64>(module.args.data());
  kernel_.core().function<void(u64, const ModuleFacts*)>("koi_module_init")(module.this_module, &facts);
  std::memcpy(&module.init, reinterpret_cast<const void*>(module.this_module + kernel_.core().layout_or_die("module.init")), 8);
  std::memcpy(&module.exit, reinterpret_cast<const void*>(module.this_module + kernel_.core().layout_or_die("module.exit")), 8);

  if (const u32 ip = image.find_index(".orc_unwind_ip"), rows = image.find_index(".orc_unwind"); ip != 0 && rows != 0) {
    auto table = module::OrcTable::create(
        linked.section_bytes(ip), linked.section_address(ip).value_or(0), linked.section_bytes(rows),
        kernel_.is_6_12() ? module::OrcFormat::kSignalBit : module::OrcFormat::kEndBit);
    if (table.ok()) module.orc.emplace(std::move(*table));
  }
  return Ok{};
}

void ModuleTable::map_image(ModuleInstance& module) {
  const module::LoadedModule& loaded = module.loaded;
  const auto copy = [](u64 base, const std::vector<u8>& bytes) {
    if (bytes.empty()) return;
    host::protect(base, bytes.size(), host::Protection::kReadWrite);
    std::memcpy(reinterpret_cast<void*>(base), bytes.data(), bytes.size());
  };
  copy(loaded.placement.core_base, loaded.linked->core);
  copy(loaded.placement.init_base, loaded.linked->init);
  for (const module::Region& region : loaded.layout.regions) {
    if (region.size == 0) continue;
    host::protect(block_base(loaded.placement, region.block) + region.offset, region.size, protection_of(region.kind));
  }
}

ModuleCall ModuleTable::run_init(ModuleInstance& module) {
  const auto set_state = [&](ModuleState state) {
    module.state = state;
    kernel_.core().function<void(u64, int)>("koi_module_set_state")(module.this_module, static_cast<int>(state));
  };
  set_state(ModuleState::kComing);
  s32 value = 0;
  if (module.init != 0) value = static_cast<s32>(host::upcall(module.init));
  if (value < 0) {
    set_state(ModuleState::kGoing);
    kernel_.note(observe::EventKind::kModuleRefused, fmt::format("{}: init returned {}", module.name(), value));
    unload(module);
    return {value, {}};
  }
  set_state(ModuleState::kLive);
  kernel_.core().function<void(u64)>("koi_module_drop")(module.this_module);
  const module::Region& ro = module.loaded.layout.region(module::MemoryKind::kRoAfterInit);
  if (ro.size != 0) host::protect(module.loaded.placement.core_base + ro.offset, ro.size, host::Protection::kRead);
  free_init(module);
  kernel_.note(observe::EventKind::kModuleLoaded, module.name());
  return {0, {}};
}

void ModuleTable::free_init(ModuleInstance& module) {
  if (module.init_freed || module.loaded.layout.init_bytes == 0) return;
  module.init_freed = true;
  kernel_.traps().remove_sites(module.loaded.placement.init_base,
                               module.loaded.placement.init_base + module.loaded.layout.init_bytes);
  kernel_.world().window_release(module.loaded.placement.init_base, module.loaded.layout.init_bytes);
}

void ModuleTable::unload(ModuleInstance& module) {
  free_init(module);
  const module::Placement placement = module.loaded.placement;
  const u64 size = module.loaded.layout.core_bytes;
  kernel_.traps().remove_sites(placement.core_base, placement.core_base + size);
  const auto it = std::find_if(modules_.begin(), modules_.end(), [&](const auto& m) { return m.get() == &module; });
  CHECK(it != modules_.end());
  modules_.erase(it);
  kernel_.world().window_release(placement.core_base, size);
}

ModuleCall ModuleTable::delete_module(std::string_view name, bool force) {
  ModuleInstance* const module = find(name);
  if (module == nullptr) return {-ENOENT, {}};
  if (!users_of(name).empty()) return {-EWOULDBLOCK, {}};
  if (module->state != ModuleState::kLive) return {-EBUSY, {}};
  if (module->init != 0 && module->exit == 0 && !force) return {-EBUSY, {}};
  if (reference_count(*module) != 0 && !force) return {-EWOULDBLOCK, {}};
  module->state = ModuleState::kGoing;
  kernel_.core().function<void(u64, int)>("koi_module_set_state")(module->this_module, static_cast<int>(module->state));
  if (module->exit != 0) host::upcall(module->exit);
  const std::string letters = module::module_taint_letters(module->loaded.taints);
  last_unloaded_ = module->name() + (letters.empty() ? "" : "(" + letters + ")");
  kernel_.note(observe::EventKind::kModuleUnloaded, module->name());
  unload(*module);
  return {0, {}};
}

}  // namespace koi::runtime
