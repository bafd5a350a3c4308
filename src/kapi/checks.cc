// SPDX-License-Identifier: GPL-2.0-only
// What the C core's checks say: the taint, the journal, source lines, and what a module leaves behind.
#include "kapi/checks.h"

#include <algorithm>

#include "host/guest_memory.h"
#include "kapi/leaf.h"
#include "kapi/tables.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/memory/accounting.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/macro_place.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using observe::EventKind;

void koi_found(Address headline) {
  runtime::Kernel& kernel = current();
  kernel.modules().taint().mask |= module::taint_bit(module::Taint::kWarn);
  kernel.note(EventKind::kWarning, guest::load_string(headline, 256).value_or(""));
}

// Without debug information the symbol stands for the file.
s32 koi_source_line(Address ip, Address file, u64 size) {
  runtime::Kernel& kernel = current();
  if (kernel.modules().find_by_address(ip - 1) == nullptr || size == 0) return -1;
  const auto place = runtime::macro_place(kernel, ip);
  std::string text = place ? place->file : runtime::symbol_text(kernel.traps().symbols(), ip - 1);
  if (text.size() >= size) text.resize(size - 1);
  if (guest::copy_out(file, text.c_str(), text.size() + 1) != 0) return -1;
  return place ? static_cast<s32>(place->line) : 0;
}

void koi_left_behind(Address type, Address function, Address name, s32 number) {
  runtime::Kernel& kernel = current();
  const runtime::ModuleInstance* const module = kernel.modules().find_by_address(function);
  const std::string kind = guest::load_string(type, 32).value_or("");
  std::string who;
  if (name != 0) who = fmt::format(" {}:{}", guest::load_string(name, 32).value_or("?"), number);
  const std::string text =
      fmt::format("{} left a {} behind:{} {}", module == nullptr ? "a module" : module->name(), kind, who,
                  runtime::symbol_text(kernel.traps().symbols(), function));
  kernel.console().print(4, "koi: " + text);
  kernel.note(EventKind::kWarning, text);
}

// The leaf functions free without looking.
void koi_look_at_frees() { install_leaves(current()); }

}  // namespace

void report_atomic_allocation() {
  const observe::SiteNumber site = runtime::Accounting::take_site();
  host::upcall(current().core().address_of("koi_might_alloc"));
  runtime::Accounting::set_site(site);
}

void report_atomic_sleep(Sleeper sleeper) {
  const observe::SiteNumber site = runtime::Accounting::take_site();
  host::upcall(current().core().address_of("koi_might_sleep_in"), static_cast<u64>(sleeper));
  runtime::Accounting::set_site(site);
}

bool frees_matter() { return current().locks().frees_matter(); }

void look_into_freed(Address memory, u64 size) {
  runtime::Kernel& kernel = current();
  if (kernel.config().checks != runtime::Checks::kAll) return;
  host::upcall(kernel.core().address_of("debug_check_no_obj_freed"), memory, size);
}

runtime::ExportTable check_exports() {
  static const runtime::Export table[] = {
      {"koi_found", address(koi_found)},
      {"koi_source_line", address(koi_source_line)},
      {"koi_left_behind", address(koi_left_behind)},
      {"koi_look_at_frees", address(koi_look_at_frees)},
  };
  return table;
}

}  // namespace koi::kapi
