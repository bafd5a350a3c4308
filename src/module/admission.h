// SPDX-License-Identifier: GPL-2.0-only
// The passes that decide whether this kernel takes the module at all, and what taking it does to the taint
// mask.
#pragma once

#include "base/result.h"
#include "module/load_context.h"
#include "module/symbol_source.h"

namespace koi::module {

// module.sig_enforce. Errors: EKEYREJECTED.
[[nodiscard]] Status check_signature(const KernelFacts& kernel, const ModuleFile& file, KernelLog& log);
// module_blacklist=. Errors: EPERM.
[[nodiscard]] Status check_blacklist(const LoadContext& context);
// The CRC of module_layout. Errors: ENOEXEC.
[[nodiscard]] Status check_module_layout_version(LoadContext& context, SymbolSource& symbols);
// Version magic and livepatch; up to 6.3 also the taints (they come before the name is reserved there).
// Errors: ENOEXEC.
[[nodiscard]] Status check_modinfo(LoadContext& context);
// The rest of the taints, after the module's name has been reserved.
void taint_by_origin(LoadContext& context);
// Exported symbols without CRCs taint. Requires: CONFIG_MODVERSIONS, else it does nothing.
void check_export_versions(LoadContext& context);

// Does the CRC that the module expects of `name` equal `kernel_crc` (nullopt: the exporter has none)?
enum class VersionMatch : u8 { kAgrees, kDisagrees };
[[nodiscard]] VersionMatch check_version(LoadContext& context, std::string_view name,
                                         std::optional<u32> kernel_crc);

}  // namespace koi::module
