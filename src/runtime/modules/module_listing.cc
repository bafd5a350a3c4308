// SPDX-License-Identifier: GPL-2.0-only
// Questions about the loaded modules: by name or address, their users, /proc/modules, the list in a splat.
#include <algorithm>

#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {

ModuleInstance* ModuleTable::find(std::string_view name) {
  const auto it =
      std::find_if(modules_.begin(), modules_.end(), [name](const auto& m) { return m->name() == name; });
  return it == modules_.end() ? nullptr : it->get();
}

ModuleInstance* ModuleTable::find_by_address(u64 address) {
  const auto it = std::find_if(modules_.begin(), modules_.end(),
                               [address](const auto& m) { return m->contains(address); });
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
    if (std::find(module->uses.begin(), module->uses.end(), name) != module->uses.end())
      users.push_back(module->name());
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
    const std::string mark = module.state == ModuleState::kGoing    ? "-"
                             : module.state == ModuleState::kComing ? "+"
                                                                    : "";
    const u64 size =
        module.loaded.layout.core_bytes + (module.init_freed ? 0 : module.loaded.layout.init_bytes);
    text += fmt::format("{} {} {} {} {} 0x{:016x}{}\n", module.name(), size, reference_count(module),
                        users.empty() ? "-" : users, state,
                        show_addresses ? module.loaded.placement.core_base : 0,
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

}  // namespace koi::runtime
