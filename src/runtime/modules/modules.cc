// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules/modules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/console.h"
#include "runtime/files/virtual_files.h"
#include "runtime/kernel.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/leaks.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/module_host.h"
#include "runtime/modules/module_params.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
ModuleTable::ModuleTable(Kernel& kernel)
    : kernel_(kernel),
      jump_labels_(kernel),
      dynamic_debug_(kernel, jump_labels_),
      host_(std::make_unique<Host>(kernel, *this)),
      params_(make_param_host(kernel)) {
  facts_.release = kernel.config().release;
  facts_.vermagic = kernel.core().text_symbol("koi_vermagic");
  facts_.struct_module_bytes = kernel.core().layout_or_die("sizeof module");
  facts_.enforce_signatures = kernel.config().boot.enforce_signatures;
  facts_.blacklist = kernel.config().boot.blacklist;
}

ModuleTable::~ModuleTable() = default;

module::ParamHost& ModuleTable::param_host() { return *params_; }

ModuleCall ModuleTable::finit_module(const std::string& path, std::string_view args,
                                     const module::LoadFlags& flags) {
  if (loading_disabled_) return {-EPERM, "loading modules is disabled (modules_disabled)"};
  Result<module::ModuleFile> file = module::read_module_file(path);
  if (!file.ok())
    return {-(file.error().errno_value == 0 ? ENOEXEC : file.error().errno_value), file.error().message};
  return init_module(std::move(*file), args, flags);
}

ModuleCall ModuleTable::init_module(module::ModuleFile file, std::string_view args,
                                    const module::LoadFlags& flags) {
  if (loading_disabled_) return {-EPERM, "loading modules is disabled (modules_disabled)"};
  prepare_core();
  host_->begin();
  Result<module::LoadedModule> loaded =
      module::load_module(std::make_unique<module::ModuleFile>(std::move(file)), facts_, flags, *host_,
                          taint_, kernel_.console());
  if (!loaded.ok()) {
    kernel_.call_sites().abandon();
    const int error = loaded.error().errno_value;
    return {-(error == 0 ? ENOEXEC : error), loaded.error().message};
  }
  if (Status watched = kernel_.sanitizers().module_loaded(*loaded); !watched.ok()) {
    kernel_.call_sites().abandon();
    const module::Placement& placement = loaded->placement;
    kernel_.world().window_release(placement.core_base, loaded->layout.core_bytes);
    if (placement.init_base != 0)
      kernel_.world().window_release(placement.init_base, loaded->layout.init_bytes);
    return {-ENOEXEC, std::move(watched).error().message};
  }
  modules_.push_back(std::make_unique<ModuleInstance>());
  ModuleInstance& module = *modules_.back();
  module.loaded = std::move(*loaded);
  kernel_.call_sites().adopt(module);
  module.uses = module.loaded.resolution.used_owners;
  for (const std::string& owner : module.uses) use_module(owner, +1);
  if (Status prepared = prepare(module, args); !prepared.ok()) {
    const Error error = std::move(prepared).error();
    unload(module);
    return {-error.errno_value, error.message};
  }
  // The presented kernels have no CONFIG_CONSTRUCTORS: only the compiler's own, which tell of the globals, are run.
  if (kernel_.sanitizers().needs_constructors(module.loaded))
    for (const u64 constructor : module.tables.constructors) host::upcall(constructor);
  return run_init(module);
}

// What the kernel does at boot and the core needs a task for.
void ModuleTable::prepare_core() {
  if (std::exchange(core_prepared_, true)) return;
  host::upcall(kernel_.core().address_of("radix_tree_init"));
  host::upcall(kernel_.core().address_of("koi_name_locks"));
}

s32 ModuleTable::notify(ModuleInstance& module, ModuleState state) {
  return static_cast<s32>(host::upcall(kernel_.core().address_of("koi_module_notify"), module.this_module,
                                       static_cast<u64>(state)));
}

// The image stands in memory, its tables are known and its parameters set; of module code only parameter operations ran.
Status ModuleTable::prepare(ModuleInstance& module, std::string_view args) {
  const module::ElfImage& image = module.loaded.image;
  module::LinkedImage& linked = *module.loaded.linked;
  const std::vector<u64>& values = module.loaded.resolution.values;
  module.args = args;
  module.tables = TRY(module::read_tables(image, linked));
  module.symbols.emplace(image, module.loaded.layout, linked, values, module::loader_era(facts_.release),
                         kernel_.world().heap());
  kernel_.call_sites().name_functions(module);
  set_trap_sites(module);
  map_image(module);
  if (kernel_.config().for_gdb) tell_gdb(module);
  fill_struct_module(module);
  if (const u32 ip = image.find_index(".orc_unwind_ip"), rows = image.find_index(".orc_unwind");
      ip != 0 && rows != 0) {
    auto table = module::OrcTable::create(
        linked.section_bytes(ip), linked.section_address(ip).value_or(0), linked.section_bytes(rows),
        kernel_.is_6_12() ? module::OrcFormat::kSignalBit : module::OrcFormat::kEndBit);
    if (table.ok()) module.orc.emplace(std::move(*table));
  }
  set_state(module, ModuleState::kComing);
  TRY(jump_labels_.add_module(module));
  dynamic_debug_.add_module(module);
  return read_parameters(module);
}

void ModuleTable::set_state(ModuleInstance& module, ModuleState state) {
  module.state = state;
  kernel_.core().function<void(u64, int)>("koi_module_set_state")(module.this_module,
                                                                  static_cast<int>(state));
}

Status ModuleTable::read_parameters(ModuleInstance& module) {
  module.params = TRY(module::read_params(module.tables.params));
  const module::ParsedArgs parsed = module::parse_module_args(module.name(), module.args, module.params,
                                                              *params_, taint_, kernel_.console());
  if (parsed.error != 0) {
    return make_errno(-parsed.error, "{}: its parameters were refused: {}", module.name(), module.args);
  }
  return Ok{};
}

ModuleCall ModuleTable::run_init(ModuleInstance& module) {
  s32 value = 0;
  const s32 preempt_count = kernel_.preempt_count();
  kernel_.sched().current()->context = static_cast<u8>(FrameContext::kModuleInit);
  if (module.init != 0) value = static_cast<s32>(host::upcall(module.init));
  if (module.init != 0) kernel_.traps().check_initcall(module.init, preempt_count);
  if (value < 0) {
    set_state(module, ModuleState::kGoing);
    static_cast<void>(notify(module, ModuleState::kGoing));
    kernel_.note(observe::EventKind::kModuleRefused,
                 fmt::format("{}: init returned {}", module.name(), value));
    kernel_.files().module_gone(module);
    unload(module);
    return {value, {}};
  }
  if (value > 0) suspicious_init(module, value);
  set_state(module, ModuleState::kLive);
  kernel_.sched().current()->context = static_cast<u8>(FrameContext::kModuleNotifier);
  static_cast<void>(notify(module, ModuleState::kLive));
  kernel_.core().function<void(u64)>("koi_module_drop")(module.this_module);
  const module::Region& ro = module.loaded.layout.region(module::MemoryKind::kRoAfterInit);
  if (ro.size != 0)
    host::protect(module.loaded.placement.core_base + ro.offset, ro.size, host::Protection::kRead);
  free_init(module);
  kernel_.note(observe::EventKind::kModuleLoaded, module.name());
  return {0, {}};
}

void ModuleTable::free_init(ModuleInstance& module) {
  if (module.init_freed || module.loaded.layout.init_bytes == 0) return;
  module.init_freed = true;
  kernel_.traps().remove_sites(module.loaded.placement.init_base,
                               module.loaded.placement.init_base + module.loaded.layout.init_bytes);
  // gdb keeps its breakpoints in the init text until the module is gone: no other code may come there.
  if (module.gdb != nullptr) {
    host::protect(module.loaded.placement.init_base, module.loaded.layout.init_bytes,
                  host::Protection::kNone);
    return;
  }
  kernel_.sanitizers().memory_is_fresh(module.loaded.placement.init_base, module.loaded.layout.init_bytes);
  kernel_.world().window_release(module.loaded.placement.init_base, module.loaded.layout.init_bytes);
}

void ModuleTable::unload(ModuleInstance& module) {
  if (has_live_allocations(kernel_, module)) kernel_.call_sites().find_lines(module);
  if (unload_observer_) unload_observer_(module);
  kernel_.sanitizers().coverage().collect(module);
  kernel_.sanitizers().races().report_sharing();
  dynamic_debug_.remove_module(module);
  for (const std::string& owner : module.uses) use_module(owner, -1);
  free_init(module);
  kernel_.call_sites().unload(module);
  const module::Placement placement = module.loaded.placement;
  const u64 size = module.loaded.layout.core_bytes;
  const u64 init_size = module.gdb != nullptr ? module.loaded.layout.init_bytes : 0;
  kernel_.traps().remove_sites(placement.core_base, placement.core_base + size);
  kernel_.locks().module_unloaded(placement.core_base, size);
  kernel_.sanitizers().memory_is_fresh(placement.core_base, size);
  for (const module::Param& param : module.params) module::free_param(param, *params_);
  if (placement.percpu_address != 0)
    static_cast<void>(kernel_.memory().percpu().free(placement.percpu_address));
  const auto it =
      std::find_if(modules_.begin(), modules_.end(), [&](const auto& m) { return m.get() == &module; });
  CHECK(it != modules_.end());
  modules_.erase(it);
  kernel_.world().window_release(placement.core_base, size);
  if (init_size != 0) kernel_.world().window_release(placement.init_base, init_size);
}

void ModuleTable::use_module(std::string_view owner, s32 change) {
  const ModuleInstance* const used = find(owner);
  if (used == nullptr) return;
  kernel_.core().function<void(u64, s32)>("koi_module_count")(used->this_module, change);
}

void ModuleTable::suspicious_init(const ModuleInstance& module, s32 value) {
  kernel_.console().line(
      module::kLogWarning,
      "do_init_module: '{}'->init suspiciously returned {}, it should follow 0/-E convention\n"
      "do_init_module: loading module anyway...",
      module.name(), value);
  kernel_.traps().dump_loader_stack();
}

// What is still armed, queued, running or registered.
void ModuleTable::check_leftovers(const ModuleInstance& module) {
  if (kernel_.config().checks != Checks::kAll) return;
  const u64 begin = module.loaded.placement.core_base;
  host::upcall(kernel_.core().address_of("koi_module_leftovers"), begin,
               begin + module.loaded.layout.core_bytes);
}

// CONFIG_MODULE_FORCE_UNLOAD: `rmmod -f` taints and goes on.
bool ModuleTable::try_force_unload(bool force) {
  if (force)
    taint_.add(module::Taint::kForcedRmmod, module::LockDebugging::kNowUnreliable, kernel_.console());
  return force;
}

ModuleCall ModuleTable::delete_module(std::string_view name, bool force) {
  if (loading_disabled_) return {-EPERM, {}};
  ModuleInstance* const module = find(name);
  if (module == nullptr) return {-ENOENT, {}};
  if (!users_of(name).empty()) return {-EWOULDBLOCK, {}};
  if (module->state != ModuleState::kLive) return {-EBUSY, {}};
  bool forced = false;
  if (module->init != 0 && module->exit == 0) {
    forced = try_force_unload(force);
    if (!forced) return {-EBUSY, {}};
  }
  if (kernel_.core().function<s32(u64)>("koi_module_try_release")(module->this_module) != 0) {
    if (!forced && !try_force_unload(force)) return {-EWOULDBLOCK, {}};
  }
  set_state(*module, ModuleState::kGoing);
  kernel_.sched().current()->context = static_cast<u8>(FrameContext::kModuleExit);
  if (module->exit != 0) host::upcall(module->exit);
  static_cast<void>(notify(*module, ModuleState::kGoing));
  const std::string letters = module::module_taint_letters(module->loaded.taints);
  last_unloaded_ = module->name() + (letters.empty() ? "" : "(" + letters + ")");
  kernel_.note(observe::EventKind::kModuleUnloaded, module->name());
  kernel_.files().module_gone(*module);
  check_leftovers(*module);
  unload(*module);
  // So that /proc/buddyinfo of a machine without modules shows what they left, and nothing else.
  if (modules_.empty()) kernel_.memory().give_back_spare();
  return {0, {}};
}

}  // namespace koi::runtime
