// SPDX-License-Identifier: GPL-2.0-only
// Loading a module: the list of passes from a file to bytes that only need to be copied to their pages.
// Nothing here maps memory or runs code; what a load needs from outside comes through LoadHost.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "module/admission.h"
#include "module/elf_image.h"
#include "module/exports.h"
#include "module/layout.h"
#include "module/linked_image.h"
#include "module/load_context.h"
#include "module/relocate.h"
#include "module/resolve.h"
#include "module/symbol_source.h"

namespace koi::module {

// What the runtime supplies while a module is loaded.
class LoadHost {
 public:
  virtual ~LoadHost() = default;
  // Reserves the module's name (add_unformed_module). 0, or EEXIST (loaded), EBUSY (being loaded or removed).
  // From 6.4 on the kernel asks twice, before and after layout: the second time is for the same load.
  [[nodiscard]] virtual int reserve_name(std::string_view name) = 0;
  // Reserves address ranges for the blocks of `layout` and a place in the per-CPU area.
  [[nodiscard]] virtual Result<Placement> place(std::string_view name, const Layout& layout) = 0;
  [[nodiscard]] virtual SymbolSource& symbols() = 0;
  // nullptr: all sites of a symbol share its address.
  [[nodiscard]] virtual SiteTargets* site_targets() { return nullptr; }
};

// A module ready to be copied to memory. It owns its file; views in `image` and `info` point into it.
struct LoadedModule {
  std::unique_ptr<ModuleFile> file;
  ElfImage image;
  ModInfo info;
  Layout layout;
  Placement placement;
  std::unique_ptr<LinkedImage> linked;
  Resolution resolution;
  std::vector<Export> exports;
  u64 taints = 0;                  // struct module.taints
  std::vector<std::string> notes;  // oddities that the kernel lets pass in silence, one line each

  [[nodiscard]] const std::string& name() const { return image.module_name; }
};

// Loads `file` for the kernel `kernel`. The kernel's own lines go to `log` in the kernel's order;
// `kernel_taint` changes as in the kernel, also when the load fails later.
// Errors: those of the passes; each message names the file and the place.
[[nodiscard]] Result<LoadedModule> load_module(std::unique_ptr<ModuleFile> file, const KernelFacts& kernel,
                                               const LoadFlags& flags, LoadHost& host,
                                               KernelTaint& kernel_taint, KernelLog& log);

}  // namespace koi::module
