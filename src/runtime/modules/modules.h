// SPDX-License-Identifier: GPL-2.0-only
// ModuleTable: the loaded modules, and the system calls that load and unload them.
//
// finit_module and delete_module run in a task, as in the kernel: init, exit, parameter operations and notifiers are
// upcalls that can oops, and then the task dies and the module stays as it is: stuck.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "module/dwarf_lines.h"
#include "module/dwarf_types.h"
#include "module/gdb_jit.h"
#include "module/load.h"
#include "module/orc.h"
#include "module/params.h"
#include "module/symbols.h"
#include "module/tables.h"
#include "module/versions.h"
#include "observe/allocation_sites.h"
#include "runtime/modules/dynamic_debug.h"
#include "runtime/modules/jump_labels.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

class Kernel;

enum class ModuleState : u8 { kLive = 0, kComing = 1, kGoing = 2, kUnformed = 3 };

struct ModuleInstance {
  module::LoadedModule loaded;
  ModuleState state = ModuleState::kUnformed;
  u64 this_module = 0;  // address of its struct module
  u64 init = 0;         // addresses of the functions; 0: it has none
  u64 exit = 0;
  bool init_freed = false;
  std::vector<std::string> uses;  // modules that it depends on
  std::optional<module::OrcTable> orc;
  std::optional<module::ModuleSymbols> symbols;
  module::ModuleTables tables;
  std::vector<module::Param> params;
  std::string args;
  std::unique_ptr<module::GdbJitModule> gdb;
  // Its numbered calls of allocating functions (CallSites).
  std::vector<u64> site_stubs;
  observe::SiteNumber first_site = 1, end_site = 1;

  // Where in the sources `address` lies, innermost function first; empty: no debug information.
  [[nodiscard]] std::vector<SourcePlace> source_places(u64 address);
  // The place of text in the file, also of init text that is gone; nullopt: no text of this module.
  [[nodiscard]] std::optional<module::CodePlace> code_place(u64 address) const;

  [[nodiscard]] const std::string& name() const { return loaded.name(); }
  [[nodiscard]] bool in_core(u64 address) const {
    return address - loaded.placement.core_base < loaded.layout.core_bytes;
  }
  [[nodiscard]] bool in_init(u64 address) const {
    return !init_freed && address - loaded.placement.init_base < loaded.layout.init_bytes;
  }
  [[nodiscard]] bool contains(u64 address) const { return in_core(address) || in_init(address); }
};

// What a load or unload call gave: 0 or a negative errno, as the system call returns it.
struct ModuleCall {
  s32 value = 0;
  std::string message;  // koi's own explanation of a refusal; empty when there is nothing to add
};

class ModuleTable {
 public:
  explicit ModuleTable(Kernel& kernel);
  ~ModuleTable();
  ModuleTable(const ModuleTable&) = delete;
  ModuleTable& operator=(const ModuleTable&) = delete;

  // ---- system calls; from a task ----
  ModuleCall finit_module(const std::string& path, std::string_view args, const module::LoadFlags& flags);
  // The same for a file that was read already.
  ModuleCall init_module(module::ModuleFile file, std::string_view args, const module::LoadFlags& flags);
  // `force`: O_TRUNC; without O_NONBLOCK nothing differs, since koi's callers never wait.
  ModuleCall delete_module(std::string_view name, bool force);

  // ---- observers ----
  [[nodiscard]] ModuleInstance* find(std::string_view name);
  [[nodiscard]] ModuleInstance* find_by_address(u64 address);
  [[nodiscard]] ModuleInstance* find_by_struct(u64 this_module);
  // In order of loading.
  [[nodiscard]] const std::vector<std::unique_ptr<ModuleInstance>>& all() const { return modules_; }
  [[nodiscard]] s32 reference_count(const ModuleInstance& module) const;
  [[nodiscard]] std::vector<std::string> users_of(std::string_view name) const;
  // /proc/modules: "name size refs users state address (taints)".
  [[nodiscard]] std::string proc_modules(bool show_addresses) const;
  // For splats: "a(OE+)", newest first.
  [[nodiscard]] std::vector<std::string> mentions() const;
  [[nodiscard]] bool loading_disabled() const { return loading_disabled_; }
  void disable_loading() { loading_disabled_ = true; }
  [[nodiscard]] const std::string& last_unloaded() const { return last_unloaded_; }
  [[nodiscard]] module::KernelTaint& taint() { return taint_; }
  // The standard parameter operations, for modules that call them from operations of their own.
  s32 param_set(std::string_view ops, std::optional<std::string> value, u64 record);
  [[nodiscard]] std::string param_get(std::string_view ops, u64 record, int& error);
  [[nodiscard]] module::ParamHost& param_host();
  [[nodiscard]] const module::KernelFacts& facts() const { return facts_; }
  // Called with each module before its memory goes; nullptr: no more.
  void on_unload(std::function<void(ModuleInstance&)> observer) { unload_observer_ = std::move(observer); }
  [[nodiscard]] JumpLabels& jump_labels() { return jump_labels_; }
  [[nodiscard]] DynamicDebug& dynamic_debug() { return dynamic_debug_; }

 private:
  // What the loader's passes ask of the runtime, and where symbols come from.
  class Host;

  ModuleCall run_init(ModuleInstance& module);
  Status prepare(ModuleInstance& module, std::string_view args);
  void fill_struct_module(ModuleInstance& module);
  void set_trap_sites(ModuleInstance& module);
  void tell_gdb(ModuleInstance& module);
  s32 notify(ModuleInstance& module, ModuleState state);
  void check_leftovers(const ModuleInstance& module);
  [[nodiscard]] bool try_force_unload(bool force);
  // Takes or drops a dependant's reference.
  void use_module(std::string_view owner, s32 change);
  void suspicious_init(const ModuleInstance& module, s32 value);
  void set_state(ModuleInstance& module, ModuleState state);
  Status read_parameters(ModuleInstance& module);
  void map_image(ModuleInstance& module);
  void free_init(ModuleInstance& module);
  void unload(ModuleInstance& module);

  Kernel& kernel_;
  module::KernelFacts facts_;
  module::KernelTaint taint_;
  std::vector<std::unique_ptr<ModuleInstance>> modules_;
  JumpLabels jump_labels_;
  DynamicDebug dynamic_debug_;
  void prepare_core();
  bool core_prepared_ = false;
  bool loading_disabled_ = false;  // /proc/sys/kernel/modules_disabled
  std::string last_unloaded_;
  std::function<void(ModuleInstance&)> unload_observer_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<module::ParamHost> params_;
};

}  // namespace koi::runtime
