// SPDX-License-Identifier: GPL-2.0-only
// DynamicDebug: the pr_debug() and dev_dbg() sites of the loaded modules, and the queries that switch them
// (lib/dynamic_debug.c of Linux 6.1 and 6.12). A site is a struct _ddebug in the module's __dyndbg section; its flags
// are kept there, and its static key follows the p flag, so that a site that is off costs a nop.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/printk/dyndbg.h"

namespace koi::runtime {

class Kernel;
class JumpLabels;
struct ModuleInstance;

class DynamicDebug {
 public:
  DynamicDebug(Kernel& kernel, JumpLabels& labels) : kernel_(kernel), labels_(labels) {}

  // Requires: the module's image is mapped; `module` lives until remove_module.
  void add_module(const ModuleInstance& module);
  void remove_module(const ModuleInstance& module);

  // Runs "file foo.c +p; func bar +m". `module`: whose dyndbg= parameter it is; empty: any module's sites.
  // Returns the number of matching sites or -EINVAL; the log has the reasons.
  s32 run(std::string_view queries, std::string_view module);

  // What the flags of the site at `descriptor` (a struct _ddebug) put before its message. nullopt: it cannot be read.
  [[nodiscard]] std::optional<std::string> prefix(u64 descriptor) const;
  // <debugfs>/dynamic_debug/control.
  [[nodiscard]] std::string control() const;

 private:
  struct Table {
    const ModuleInstance* module = nullptr;
    std::vector<printk::DyndbgSite> sites;  // in the order of the module's debug_messages
    std::vector<std::string> class_names;
    std::vector<printk::DyndbgClassMap> class_maps;
  };
  [[nodiscard]] std::vector<printk::DyndbgModule> modules() const;
  void changed(const printk::DyndbgSite& site, u32 old_flags);
  static void read_classes(Table& table);

  Kernel& kernel_;
  JumpLabels& labels_;
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace koi::runtime
