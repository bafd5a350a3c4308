// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/memory_files.h"

#include <array>

#include "engine/mm/proc_text.h"
#include "engine/mm/slab_sysfs.h"
#include "engine/printk/format.h"
#include "host/address_map.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// "0x%pK-0x%pK"
std::string hashed_range(Kernel& kernel, u64 begin, u64 end) {
  const std::array<u64, 2> words = {begin, end};
  printk::VaList arguments(words);
  std::string text;
  static_cast<void>(
      printk::format_string(text, 128, "0x%pK-0x%pK", arguments, kernel.console().environment()));
  return text;
}

// " N0=3 N1=2": an area's pages by node.
std::string pages_by_node(const mm::NodeMap& nodes, const mm::VmArea& area) {
  u64 counts[mm::kMaxNodes] = {};
  for (const Pfn page : area.pages) ++counts[nodes.of(page).value];
  std::string text;
  for (u32 node = 0; node < nodes.count(); ++node) {
    if (counts[node] != 0) text += fmt::format(" N{}={}", node, counts[node]);
  }
  return text;
}

}  // namespace

mm::MemoryUse memory_use(Kernel& kernel) {
  Memory& memory = kernel.memory();
  mm::MemoryUse use;
  use.kernel_stack_kb = kernel.sched().tasks().size() * (host::kThreadSize / 1024);
  use.vmalloc_bytes = kernel.world().vmalloc_size();
  use.vmalloc_pages = memory.vmalloc().mapped_pages();
  use.percpu_bytes = memory.percpu().used_bytes() * kernel.config().cpus;
  use.ram_bytes = kernel.config().memory_bytes;
  return use;
}

std::string proc_slabinfo(Kernel& kernel) { return mm::slabinfo_text(kernel.memory().slabs()); }
std::string proc_buddyinfo(Kernel& kernel) { return mm::buddyinfo_text(kernel.memory().pages()); }
std::string proc_pagetypeinfo(Kernel& kernel) { return mm::pagetypeinfo_text(kernel.memory().pages()); }
std::string proc_zoneinfo(Kernel& kernel) {
  return mm::zoneinfo_text(kernel.memory().pages(), kernel.memory().slabs(), memory_use(kernel));
}
std::string proc_meminfo(Kernel& kernel) {
  return mm::meminfo_text(kernel.memory().pages(), kernel.memory().slabs(), memory_use(kernel));
}

std::string proc_vmallocinfo(Kernel& kernel) {
  std::string text;
  const mm::Vmalloc& vmalloc = kernel.memory().vmalloc();
  for (const mm::VmArea* const area : vmalloc.areas()) {
    text += fmt::format("{} {:7}", hashed_range(kernel, area->address, area->end()), area->size);
    if (area->caller != 0) text += fmt::format(" {}", symbol_text(kernel.traps().symbols(), area->caller));
    if (!area->pages.empty()) text += fmt::format(" pages={}", area->pages.size());
    if (area->physical != 0) text += fmt::format(" phys=0x{:016x}", area->physical);
    if ((area->flags & mm::vm_flag::kIoremap) != 0) text += " ioremap";
    if ((area->flags & mm::vm_flag::kAlloc) != 0) text += " vmalloc";
    if ((area->flags & mm::vm_flag::kMap) != 0) text += " vmap";
    if ((area->flags & mm::vm_flag::kUserMap) != 0) text += " user";
    if (area->page_array_is_area) text += " vpages";
    text += pages_by_node(kernel.memory().pages().nodes(), *area);
    text += '\n';
  }
  for (const auto& [address, size] : vmalloc.unpurged()) {
    text += fmt::format("{} {:7} unpurged vm_area\n", hashed_range(kernel, address, address + size), size);
  }
  return text;
}

// The sites that koi's accounting knows, as CONFIG_MEM_ALLOC_PROFILING of 6.12 shows its own.
std::string proc_allocinfo(Kernel& kernel) {
  std::string text = "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n";
  CallSites& sites = kernel.call_sites();
  for (const auto& module : kernel.modules().all()) sites.find_lines(*module);
  const observe::AllocationSites& totals = kernel.memory().accounting().sites();
  for (observe::SiteNumber number = 1; number < sites.end(); ++number) {
    const CallSite& site = sites.at(number);
    const observe::SiteTotals sum = totals.totals(number);
    if (sum.calls == 0) continue;
    const SourcePlace* const place = own_place(site.source);
    const std::string where = place == nullptr ? "?:0" : fmt::format("{}:{}", place->file, place->line);
    text += fmt::format("{:12} {:8} {} [{}] func:{}\n", sum.live_actual, sum.live_objects, where, site.module,
                        place == nullptr || place->function.empty() ? site.function : place->function);
  }
  return text;
}

}  // namespace koi::runtime
