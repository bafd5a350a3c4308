// SPDX-License-Identifier: GPL-2.0-only
// What the page and slab allocators say when they fail: warn_alloc(), Mem-Info, slab_out_of_memory(). Counters that koi
// has not (the page cache, anonymous memory) are zero because it has no such pages.
#include <algorithm>

#include "engine/printk/format.h"
#include "host/address_map.h"
#include "kapi/page_calls.h"
#include "kapi/slab_debug_calls.h"
#include "runtime/console.h"

namespace koi::kapi {
namespace {

using mm::Gfp;
using runtime::FrameEvent;

constexpr mm::Zone kKinds[] = {mm::Zone::kDma, mm::Zone::kDma32, mm::Zone::kNormal};

// Every zone of a node that has memory.
std::vector<mm::ZoneId> zones_of(u32 node) {
  std::vector<mm::ZoneId> zones;
  for (const mm::Zone kind : kKinds) {
    const mm::ZoneId zone(mm::NodeId{node}, kind);
    if (memory().pages().present_pages(zone) != 0) zones.push_back(zone);
  }
  return zones;
}

template <class Visit>
void for_each_zone(Visit visit) {
  for (u32 node = 0; node < memory().pages().node_count(); ++node) {
    for (const mm::ZoneId zone : zones_of(node)) visit(zone);
  }
}

// A struct __va_list_tag whose register area is used up, so that all arguments are on its stack.
class Arguments {
 public:
  explicit Arguments(std::span<const u64> values) : overflow_(values.data()) {}
  [[nodiscard]] u64 address() const { return guest::address_of(this); }

 private:
  [[maybe_unused]] u32 gp_offset_ = 48;
  [[maybe_unused]] u32 fp_offset_ = 304;
  const u64* overflow_;
  [[maybe_unused]] const u64* registers_ = nullptr;
};

u64 now() { return current().sched().now().value; }

u64 slab_pages(bool reclaimable) {
  const mm::SlabAllocator& slabs = memory().slabs();
  u64 pages = 0;
  for (const mm::Cache* const cache : slabs.caches()) {
    const bool is = (cache->flags() & mm::slab_flag::kReclaimAccount) != 0;
    if (is == reclaimable) pages += cache->slab_count() << cache->geometry().order;
  }
  return pages;
}

// Zones up to the last that has memory; the kernel shows the reserves against all of its own.
std::string lowmem_reserves(mm::ZoneId zone) {
  const mm::Buddy& pages = memory().pages();
  std::string text = "lowmem_reserve[]:";
  for (const mm::Zone wanted : kKinds) text += fmt::format(" {}", pages.lowmem_reserve(zone, wanted));
  // ZONE_MOVABLE and ZONE_DEVICE are reserved against like the last zone.
  for (int i = 0; i < 2; ++i) text += fmt::format(" {}", pages.lowmem_reserve(zone, mm::Zone::kNormal));
  return text;
}

void zone_line(mm::ZoneId zone) {
  const mm::Buddy& pages = memory().pages();
  const mm::Watermarks marks = pages.watermarks(zone);
  u64 pcp = 0;
  for (u32 cpu = 0; cpu < current().config().cpus; ++cpu) pcp += pages.pcp_pages(zone, VcpuId{cpu});
  print(
      4,
      fmt::format(
          "Node {} {} free:{}kB boost:0kB min:{}kB low:{}kB high:{}kB reserved_highatomic:{}KB "
          "active_anon:0kB "
          "inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB writepending:0kB present:{}kB "
          "managed:{}kB mlocked:0kB bounce:0kB free_pcp:{}kB local_pcp:{}kB free_cma:0kB",
          zone.node, mm::zone_name(zone.zone), pages.free_pages(zone) * kKbPerPage, marks.min * kKbPerPage,
          marks.low * kKbPerPage, marks.high * kKbPerPage, pages.reserved_highatomic(zone) * kKbPerPage,
          pages.present_pages(zone) * kKbPerPage, pages.managed_pages(zone) * kKbPerPage, pcp * kKbPerPage,
          pages.pcp_pages(zone, this_cpu()) * kKbPerPage));
  print(4, lowmem_reserves(zone));
}

// "Node 0 DMA: 1*4kB (U) 0*8kB ... = 2944kB"
void block_line(mm::ZoneId zone) {
  constexpr std::string_view kTypes = "UMEHI";
  const mm::Buddy& pages = memory().pages();
  std::string text = fmt::format("Node {} {}: ", zone.node, mm::zone_name(zone.zone));
  u64 total = 0;
  for (u8 order = 0; order <= mm::kMaxOrder; ++order) {
    const u64 blocks = pages.free_blocks(zone, Order(order));
    total += blocks << order;
    text += fmt::format("{}*{}kB ", blocks, kKbPerPage << order);
    if (blocks == 0) continue;
    text += '(';
    for (u32 type = 0; type < mm::kMigrateTypeCount; ++type) {
      if (pages.free_blocks(zone, Order(order), static_cast<mm::MigrateType>(type)) != 0)
        text += kTypes[type];
    }
    text += ") ";
  }
  print(4, fmt::format("{}= {}kB", text, total * kKbPerPage));
}

// kswapd gave up: no zone that an ordinary request may use is above its high watermark.
bool all_unreclaimable(u32 node) {
  const mm::Buddy& pages = memory().pages();
  const std::vector<mm::ZoneId> zones = zones_of(node);
  return std::none_of(zones.begin(), zones.end(), [&](mm::ZoneId zone) {
    const u64 kept = pages.reserved_highatomic(zone) + pages.lowmem_reserve(zone, mm::Zone::kNormal);
    return pages.managed_pages(zone) != 0 && pages.free_pages(zone) > pages.watermarks(zone).high + kept;
  });
}

}  // namespace

u64 unreclaimable_slab_pages() { return slab_pages(false); }

void show_memory() {
  const mm::Buddy& pages = memory().pages();
  print(4, "Mem-Info:");
  print(4, fmt::format("active_anon:0 inactive_anon:0 isolated_anon:0\n"
                       " active_file:0 inactive_file:0 isolated_file:0\n"
                       " unevictable:0 dirty:0 writeback:0\n"
                       " slab_reclaimable:{} slab_unreclaimable:{}\n"
                       " mapped:0 shmem:0 pagetables:0\n"
                       " sec_pagetables:0 bounce:0\n"
                       " kernel_misc_reclaimable:0\n"
                       " free:{} free_pcp:{} free_cma:0",
                       slab_pages(true), slab_pages(false), pages.free_pages(), pages.pcp_pages()));
  u64 present = 0;
  const std::string_view blank = current().is_6_12() ? "" : " ";
  for (u32 node = 0; node < pages.node_count(); ++node)
    print(4,
          fmt::format(
              "Node {2} active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
              "isolated(anon):0kB isolated(file):0kB mapped:0kB dirty:0kB writeback:0kB shmem:0kB "
              "shmem_thp:{0}0kB "
              "shmem_pmdmapped:{0}0kB anon_thp:{0}0kB writeback_tmp:0kB kernel_stack:0kB pagetables:0kB "
              "sec_pagetables:0kB all_unreclaimable? {1}",
              blank, all_unreclaimable(node) ? "yes" : "no", node));
  for_each_zone([&](mm::ZoneId zone) {
    present += pages.present_pages(zone);
    zone_line(zone);
  });
  for_each_zone(block_line);
  for (u32 node = 0; node < pages.node_count(); ++node)
    print(4, fmt::format("Node {} hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB",
                         node));
  print(4, "0 total pagecache pages");
  print(4, "0 pages in swap cache");
  print(4, "Free swap  = 0kB");
  print(4, "Total swap = 0kB");
  print(4, fmt::format("{} pages RAM", present));
  print(4, "0 pages HighMem/MovableOnly");
  print(4, fmt::format("{} pages reserved", present - pages.managed_pages()));
  print(4, "0 pages hwpoisoned");
}

std::string kernel_text(const char* format, std::initializer_list<u64> arguments) {
  const Arguments list(std::span<const u64>(arguments.begin(), arguments.size()));
  printk::VaList va(list.address());
  std::string text;
  static_cast<void>(
      printk::format_string(text, 1024, guest::address_of(format), va, current().console().environment()));
  return text;
}

void kernel_print(const char* format, std::initializer_list<u64> arguments) {
  const Arguments list(std::span<const u64>(arguments.begin(), arguments.size()));
  printk::VaList va(list.address());
  runtime::Console& console = current().console();
  static_cast<void>(
      console.log().print(console.call(), guest::address_of(format), va, console.environment()));
}

namespace {

class Reports final : public runtime::MemoryReports {
 public:
  void unexpected_gfp(const mm::Cache* /*cache*/, Gfp gfp, Gfp used) override {
    const u32 bad = gfp & ~used;
    const u32 flags = used;
    print(4, fmt::format("Unexpected gfp: {:#x} ({}). Fixing up to gfp: {:#x} ({}). Fix your code!", bad,
                         kernel_text("%pGg", {guest::address_of(&bad)}), used,
                         kernel_text("%pGg", {guest::address_of(&flags)})));
    current().traps().dump_stack(4, FrameEvent::kUnexpectedGfp);
    current().note(observe::EventKind::kWarning, "Unexpected gfp");
  }
  // 6.12 warns only where it must reclaim.
  void nofail_block(Order /*order*/, Gfp /*gfp*/) override {
    if (current().is_6_12() || !memory().first_time(runtime::Once::kNofailLargeOrder)) return;
    current().traps().warn(FrameEvent::kNofailLargeOrder, {"mm/page_alloc.c", 3891, 0});
  }
  void damaged(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::ObjectUse expected,
               const mm::Damage& damage) override {
    report_damage(cache, slab, object, expected, damage);
  }
  void slab_debug(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::SlabDebugEvent what,
                  u64 value) override {
    report_slab_event(cache, slab, object, what, value);
  }
};

}  // namespace

void install_memory_reports(runtime::Kernel& kernel) {
  static Reports reports;  // no state
  kernel.memory().set_reports(&reports);
}

void koi_finding(std::string_view text) {
  const u64 from = caller();
  const std::string where = from != 0 ? runtime::backtrace_text(current().traps().symbols(), from) : "";
  print(4, fmt::format("koi: {} (at {})", text, where));
  current().note(observe::EventKind::kWarning, text);
}

void page_pointer_fault(FrameEvent event, u64 address) {
  // virt_to_page(): the page array lies at vmemmap_base, and compound_head is what is read first.
  const u64 physical = address >= host::kDirectMap ? address - host::kDirectMap : address;
  const u64 page = host::kVmemmap + physical / host::kPageSize * host::kStructPageSize;
  current().traps().fault(event, page + sizeof(u64), false);
}

void node_fault(s32 /*node*/) {
  current().traps().fault(FrameEvent::kFaultInside, memory().facts().zonelist_of_no_node, false);
}

std::string all_nodes() {
  const u32 nodes = memory().pages().node_count();
  return nodes == 1 ? "0" : fmt::format("0-{}", nodes - 1);
}

void warn_order_too_large(Gfp gfp) {
  if ((gfp & memory().pages().gfp().nowarn) != 0 || !memory().first_time(runtime::Once::kOrderTooLarge))
    return;
  current().traps().warn(FrameEvent::kOrderTooLarge, {"mm/page_alloc.c", 5634, 4832});
}

void report_allocation_failure(FrameEvent event, Gfp gfp, std::string_view what) {
  if ((gfp & memory().pages().gfp().nowarn) != 0 || !memory().page_reports().admits(now())) return;
  const u32 flags = gfp;
  print(4, fmt::format("{}: {}, mode:{:#x}({}), nodemask=(null),cpuset=/,mems_allowed={}",
                       current().sched().current()->comm, what, gfp,
                       kernel_text("%pGg", {guest::address_of(&flags)}), all_nodes()));
  current().traps().dump_stack(4, event);
  show_memory();
  current().note(observe::EventKind::kWarning, what);
}

void report_page_failure(Order order, Gfp gfp) {
  report_allocation_failure(FrameEvent::kAllocationFailure, gfp,
                            fmt::format("page allocation failure: order:{}", order.value));
}

PageRequest slab_request(const mm::Cache* cache, Gfp gfp) {
  const mm::GfpBits& bits = memory().pages().gfp();
  return {cache->geometry().min_order,
          (gfp & ~(bits.zero | bits.account | bits.reclaimable)) | cache->page_gfp()};
}

void report_slab_failure(const mm::Cache* cache, Gfp gfp) {
  const mm::GfpBits& bits = memory().pages().gfp();
  const mm::Geometry& geometry = cache->geometry();
  if ((gfp & bits.nowarn) != 0) return;
  const PageRequest request = slab_request(cache, gfp);
  report_page_failure(Order(static_cast<u8>(request.order)), request.gfp);
  if (!memory().slab_reports().admits(now())) return;
  const u32 flags = gfp;
  const std::string mode = kernel_text("%pGg", {guest::address_of(&flags)});
  print(4,
        current().is_6_12()
            ? fmt::format("SLUB: Unable to allocate memory on CPU {} (of node {}) on node -1, gfp={:#x}({})",
                          this_cpu().value, memory().pages().nodes().of(this_cpu()).value, gfp, mode)
            : fmt::format("SLUB: Unable to allocate memory on node -1, gfp={:#x}({})", gfp, mode));
  print(4,
        fmt::format("  cache: {}, object size: {}, buffer size: {}, default order: {}, min order: {}",
                    cache->name(), geometry.object_size, geometry.size, geometry.order, geometry.min_order));
  if (geometry.min_order > mm::get_order(geometry.object_size)) {
    print(4, fmt::format("  {} debugging increased min order, use slab_debug=O to disable.", cache->name()));
  }
  for (u32 node = 0; node < memory().pages().node_count(); ++node) {
    const auto use = memory().slabs().node_use(cache, mm::NodeId{node});
    print(4, fmt::format("  node {}: slabs: {}, objs: {}, free: {}", node, use.slabs, use.objects,
                         use.free_objects));
  }
}

}  // namespace koi::kapi
