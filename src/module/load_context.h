// SPDX-License-Identifier: GPL-2.0-only
// What the passes of one load share: the kernel that is presented, the flags of the system call, the taints
// so far.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "module/elf_image.h"
#include "module/kernel_log.h"
#include "module/modinfo.h"
#include "module/taint.h"
#include "module/versions.h"

namespace koi::module {

// The kernel that modules are checked against. All of it comes from the kernel core (its header tree and
// config).
struct KernelFacts {
  std::string release;              // "6.1.0-56-amd64"
  std::string vermagic;             // VERMAGIC_STRING, with its final blank
  u64 struct_module_bytes = 0;      // sizeof(struct module); 0: not compared
  bool modversions = true;          // CONFIG_MODVERSIONS
  bool module_signatures = true;    // CONFIG_MODULE_SIG
  bool enforce_signatures = false;  // module.sig_enforce
  bool retpoline = true;            // a Spectre v2 mitigation is on: modules without retpolines get a warning
  bool livepatch = true;            // CONFIG_LIVEPATCH
  bool constructors = false;        // CONFIG_CONSTRUCTORS
  bool allow_missing_namespaces = false;  // CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS
  std::vector<std::string> blacklist;     // module_blacklist=
  u64 max_loaded_bytes = u64{64} << 20;   // koi's own limit for the loaded sections
};

// The flags of finit_module.
enum class VersionPolicy : u8 { kCheck, kIgnore };
struct LoadFlags {
  VersionPolicy modversions = VersionPolicy::kCheck;  // kIgnore: MODULE_INIT_IGNORE_MODVERSIONS
  VersionPolicy vermagic = VersionPolicy::kCheck;     // kIgnore: MODULE_INIT_IGNORE_VERMAGIC
};

struct LoadContext {
  const KernelFacts& kernel;
  const LoadFlags& flags;
  KernelTaint& kernel_taint;
  KernelLog& log;
  const ElfImage& image;
  const ModInfo& info;
  Signature signature;
  LoaderEra era;

  u64 module_taints = 0;      // struct module.taints
  bool has_versions = false;  // __versions is there and heeded
  VersionTable versions;

  [[nodiscard]] const std::string& name() const { return image.module_name; }
  void taint(Taint bit, LockDebugging locks) {
    kernel_taint.add(bit, locks, log);
    module_taints |= taint_bit(bit);
  }
  // What `modprobe --force` relies on: say `reason` once a boot, taint, and go on (CONFIG_MODULE_FORCE_LOAD).
  void force_load(std::string_view reason) {
    if (!kernel_taint.has(Taint::kForcedModule))
      log.line(kLogWarning, "{}: {}: kernel tainted.", name(), reason);
    taint(Taint::kForcedModule, LockDebugging::kNowUnreliable);
  }
};

}  // namespace koi::module
