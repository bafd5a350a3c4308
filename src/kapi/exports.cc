// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>

#include "base/check.h"
#include "kapi/allocating.h"
#include "kapi/kernel_ref.h"
#include "kapi/leaf.h"
#include "kapi/page_calls.h"
#include "kapi/tables.h"
#include "runtime/memory/call_sites.h"

namespace koi::kapi {
namespace {

runtime::Kernel* g_current = nullptr;

}  // namespace

const std::vector<runtime::ExportTable>& export_tables() {
  static const std::vector<runtime::ExportTable> tables = {
      core_exports(),        sched_exports(),   slab_exports(),   printk_exports(),     slab_cache_exports(),
      slab_report_exports(), uaccess_exports(), page_exports(),   vmalloc_exports(),    percpu_exports(),
      vfs_exports(),         format_exports(),  dyndbg_exports(), static_key_exports(), check_exports(),
      lockdep_exports(),     tsan_exports(),    asan_exports(),
  };
  return tables;
}

bool find_export(std::string_view name) {
  return std::any_of(export_tables().begin(), export_tables().end(), [name](runtime::ExportTable table) {
    return std::any_of(table.begin(), table.end(),
                       [name](const runtime::Export& e) { return name == e.name; });
  });
}

Result<std::unique_ptr<runtime::Kernel>> boot(const runtime::KernelConfig& config) {
  auto kernel = TRY(runtime::Kernel::boot(config, export_tables()));
  g_current = kernel.get();
  kernel->call_sites().declare(allocating_functions());
  install_memory_reports(*kernel);
  install_leaves(*kernel);
  kernel->memory().accounting().on_recorder_change([k = kernel.get()] { install_leaves(*k); });
  kernel->memory().accounting().sites().on_move([k = kernel.get()] { install_leaves(*k); });
  return kernel;
}

runtime::Kernel& current() {
  DCHECK(g_current != nullptr);
  return *g_current;
}

}  // namespace koi::kapi
