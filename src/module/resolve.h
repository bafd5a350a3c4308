// SPDX-License-Identifier: GPL-2.0-only
// Symbol resolution: every symbol of the module gets its address (the kernel's simplify_symbols).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "module/admission.h"
#include "module/linked_image.h"
#include "module/load_context.h"
#include "module/symbol_source.h"

namespace koi::module {

struct Resolution {
  std::vector<u64> values;                // by symbol index
  std::vector<std::string> used_owners;   // modules that this one now depends on, in order of first use
  std::vector<std::string> stand_ins;     // missing symbols for which the source gave a stub (--lazy)
  std::vector<std::string> weak_missing;  // weak symbols that nobody exports: 0
  bool uses_gpl_only = false;
};

// Resolves all symbols; every one that fails is in the log and in the message, not only the first.
// Errors: ENOENT (missing, or GPL-only for a module with another licence), EINVAL (version, namespace),
// ENOEXEC (SHN_COMMON, a section index that does not exist), EBUSY or ENODEV (the exporter is being loaded or
// removed).
[[nodiscard]] Result<Resolution> resolve_symbols(LoadContext& context, const LinkedImage& linked,
                                                 SymbolSource& source);

// The names that `image` imports, in symbol order: what `koi symbols` lists.
struct Import {
  std::string_view name;
  bool weak = false;
};
[[nodiscard]] std::vector<Import> imports(const ElfImage& image);

}  // namespace koi::module
