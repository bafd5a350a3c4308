// SPDX-License-Identifier: GPL-2.0-only
// <linux/dynamic_debug.h>: what the C core's __dynamic_pr_debug asks.
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/modules/dynamic_debug.h"
#include "runtime/modules/modules.h"

namespace koi::kapi {
namespace {

// A descriptor that no loaded module has carries no flags that koi knows of: its prefix is empty.
void debug_prefix(guest::Address descriptor, guest::Address prefix, u64 size_bytes) {
  std::string text = current().modules().dynamic_debug().prefix(descriptor).value_or("");
  text.resize(std::min<u64>(text.size(), size_bytes - 1));
  if (guest::copy_out(prefix, text.c_str(), text.size() + 1) != 0) raise(guest::last_fault());
}

}  // namespace

runtime::ExportTable dyndbg_exports() {
  static const runtime::Export table[] = {
      {"koi_debug_prefix", address(debug_prefix)},
  };
  return table;
}

}  // namespace koi::kapi
