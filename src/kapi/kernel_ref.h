// SPDX-License-Identifier: GPL-2.0-only
// The one place that knows the current kernel: exported functions are C calls and carry no `this`.
#pragma once

#include <memory>
#include <vector>

#include "runtime/kernel.h"

namespace koi::kapi {

// Boots a machine with every function that koi exports, and makes it the current one.
Result<std::unique_ptr<runtime::Kernel>> boot(const runtime::KernelConfig& config);

// The machine that the calling task runs on. Requires: booted.
[[nodiscard]] runtime::Kernel& current();

// All tables, for `koi symbols`.
[[nodiscard]] const std::vector<runtime::ExportTable>& export_tables();
// Does koi's C++ export `name`? (The C core's symbols are not asked: they depend on the release.)
[[nodiscard]] bool find_export(std::string_view name);

}  // namespace koi::kapi
