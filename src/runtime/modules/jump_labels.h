// SPDX-License-Identifier: GPL-2.0-only
// JumpLabels: static branches. A site is a 2- or 5-byte nop or jmp in module text; which of the two it is follows from
// its key (kernel/jump_label.c of Linux 6.1 and 6.12):
//
//   jmp  when  (key enabled) != (the branch that was compiled in)
//
// All sites of a key change together, in all modules. Changing one costs two mprotect calls for each page that holds
// sites; finding them is linear in the sites of all modules. Context: any, no lock: nothing runs beside it.
#pragma once

#include <optional>
#include <set>

#include "base/result.h"
#include "module/tables.h"

namespace koi::runtime {

class Kernel;
struct ModuleInstance;

class JumpLabels {
 public:
  explicit JumpLabels(Kernel& kernel) : kernel_(kernel) {}

  // A static call's trampoline jumps to `function` from now on; 0: it returns at once.
  static void set_trampoline(u64 trampoline, u64 function);
  // Brings the sites of a module that is being loaded into the state of their keys. Requires: its text is mapped.
  // Errors: ENOEXEC, naming a site that holds neither nop nor jmp.
  Status add_module(const ModuleInstance& module);

  // For the WARN_ON_ONCEs about keys, by their line: true the first time.
  [[nodiscard]] bool first_warning(u32 line) { return warned_.insert(line).second; }

  // static_key.enabled. Errors (nullopt): the key cannot be read.
  [[nodiscard]] static std::optional<s32> enabled(u64 key);
  // Stores the value and, if the key goes on or off by it, changes its sites. False: the key cannot be written.
  bool set_enabled(u64 key, s32 value);

 private:
  void update(u64 key);
  Status bring_up_to_date(const ModuleInstance& module, const module::JumpLabel& site);

  Kernel& kernel_;
  std::set<u32> warned_;
};

}  // namespace koi::runtime
