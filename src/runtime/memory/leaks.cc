// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/leaks.h"

#include <algorithm>

#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

std::vector<LeakedSite> live_sites_of_gone_modules(Kernel& kernel) {
  std::vector<LeakedSite> leaks;
  const CallSites& sites = kernel.call_sites();
  for (observe::SiteNumber n = 1; n < sites.end(); ++n) {
    if (sites.at(n).in_memory) continue;
    const observe::SiteTotals totals = kernel.memory().accounting().sites().totals(n);
    if (totals.live_objects != 0)
      leaks.push_back({n, totals.live_objects, totals.live_requested, totals.live_actual});
  }
  std::stable_sort(leaks.begin(), leaks.end(),
                   [](const LeakedSite& a, const LeakedSite& b) { return a.actual > b.actual; });
  return leaks;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

bool has_live_allocations(Kernel& kernel, const ModuleInstance& module) {
  for (observe::SiteNumber n = module.first_site; n < module.end_site; ++n) {
    if (kernel.memory().accounting().sites().totals(n).live_objects != 0) return true;
  }
  return false;
}

std::vector<LeakedSite> find_leaks(Kernel& kernel) {
  std::vector<LeakedSite> leaks = live_sites_of_gone_modules(kernel);
  if (leaks.empty() || kernel.halted()) return leaks;
  static_cast<void>(kernel.run_task("koi", [&kernel] {
    host::upcall(kernel.core().address_of("rcu_barrier"));
    return 0;
  }));
  return live_sites_of_gone_modules(kernel);
}

std::string leak_text(Kernel& kernel, const LeakedSite& leak) {
  const CallSite& site = kernel.call_sites().at(leak.site);
  std::string place = site.text();
  if (const SourcePlace* const own = own_place(site.source); own != nullptr) {
    // The functions that were inlined there, innermost first; the last place is the function itself.
    std::string chain;
    for (size_t i = 0; i + 1 < site.source.size(); ++i) {
      if (!is_kernel_header(site.source[i])) chain += site.source[i].function + " in ";
    }
    place = fmt::format("{}:{} ({}{})", file_name(own->file), own->line, chain, place);
  }
  return fmt::format("{} object{} of {} bytes in all, {} at {}", leak.objects, leak.objects == 1 ? "" : "s",
                     leak.actual, site.callee, place);
}

}  // namespace koi::runtime
