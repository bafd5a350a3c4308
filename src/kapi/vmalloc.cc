// SPDX-License-Identifier: GPL-2.0-only
// <linux/vmalloc.h>, and kvmalloc, which chooses between kmalloc and vmalloc.
#include <vector>

#include "host/address_map.h"
#include "kapi/checks.h"
#include "kapi/memcg.h"
#include "kapi/oom.h"
#include "kapi/page_calls.h"
#include "kapi/tables.h"
#include "runtime/console.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Gfp;
using mm::VmallocOutcome;
using runtime::FrameEvent;

constexpr u64 kIntMax = 0x7fff'ffff;
constexpr u32 kVmMapPutPages = 0x200;

Gfp gfp_kernel() { return memory().pages().gfp().kernel(); }
Gfp zero() { return memory().pages().gfp().zero; }

// 6.1 sets __GFP_HIGHMEM before it reports; both set __GFP_NOWARN for the pages, so only the sizes are ever told.
void explain(const mm::VmallocResult& result, u64 size, Gfp gfp) {
  switch (result.outcome) {
    case VmallocOutcome::kZeroSize:
      if (memory().first_time(runtime::Once::kVmallocZeroSize)) {
        current().traps().warn(FrameEvent::kVmallocZeroSize, {"mm/vmalloc.c", 3227, 3838});
      }
      return;
    case VmallocOutcome::kExceedsRam:
      report_allocation_failure(FrameEvent::kVmallocTooLarge, gfp,
                                fmt::format("vmalloc error: size {}, exceeds total pages", size));
      return;
    case VmallocOutcome::kNoAddresses:
      report_allocation_failure(FrameEvent::kVmallocNoPages, gfp,
                                fmt::format("vmalloc error: size {}, vm_struct allocation failed", size));
      return;
    case VmallocOutcome::kNoPages:
      if (current().is_6_12() && !current_has_fatal_signal()) {
        report_allocation_failure(FrameEvent::kVmallocNoPages, gfp,
                                  fmt::format("vmalloc error: size {}, failed to allocate pages",
                                              result.pages_got * host::kPageSize));
      }
      return;  // 6.1 asks with __GFP_NOWARN and says nothing
    case VmallocOutcome::kNotMapped:
      report_allocation_failure(FrameEvent::kVmallocNoPages, gfp,
                                fmt::format("vmalloc error: size {}, failed to map pages", size));
      return;
    case VmallocOutcome::kOk:
      return;
  }
}

// The pages come one by one, so that each may start the OOM killer; a task that dies gets no more of them.
mm::VmallocResult fill_area(mm::VmallocResult result, const mm::Vmalloc::Request& request) {
  mm::Vmalloc& areas = memory().vmalloc();
  const mm::GfpBits& bits = memory().pages().gfp();
  const u64 address = result.address;
  PageSlowPath slow_path({0, (request.gfp | bits.highmem | bits.nowarn) & ~bits.comp});
  while (result.outcome == VmallocOutcome::kNoPages && slow_path.again() && !current_has_fatal_signal()) {
    result = areas.go_on(address, request);
  }
  if (result.outcome == VmallocOutcome::kNoPages) areas.give_up(address, VcpuId{request.at.cpu});
  return result;
}

// Each of the area's pages; at the first that the cgroup refuses all go back.
mm::VmallocResult charge_area(mm::VmallocResult result, const mm::Vmalloc::Request& request) {
  mm::Vmalloc& areas = memory().vmalloc();
  const mm::GfpBits& bits = memory().pages().gfp();
  const u64 pages = areas.find(result.address)->pages.size();
  const u64 charged =
      charge_vmalloc(result.address, pages, (request.gfp | bits.highmem | bits.nowarn) & ~bits.comp);
  if (charged == pages) return result;
  static_cast<void>(areas.free(result.address, VcpuId{request.at.cpu}));
  result.outcome = VmallocOutcome::kNoPages;
  result.pages_got = charged;
  return result;
}

// What comes before a new area: its descriptor is allocated, then its addresses are looked for.
void check_new_area(Gfp gfp) {
  if (in_interrupt()) current().traps().bug(FrameEvent::kVmallocInInterrupt, {"mm/vmalloc.c", 2554, 3177});
  check_may_wait(gfp);
  check_may_sleep(Sleeper::kVmapArea);
}

Address allocate(u64 size, u64 align, Gfp gfp, u32 flags = mm::vm_flag::kAlloc, s32 node = mm::kNoNode) {
  runtime::Memory& m = memory();
  mm::Vmalloc::Request request;
  request.size = size;
  request.align = align;
  request.gfp = gfp;
  request.at = {this_cpu(), page_node(node)};
  request.flags = flags;
  request.caller = caller();
  if (size != 0) check_new_area(gfp);
  mm::VmallocResult result = m.vmalloc().start(request);
  if (result.outcome == VmallocOutcome::kNoPages) result = fill_area(result, request);
  if (result.outcome == VmallocOutcome::kOk && is_charged(gfp)) result = charge_area(result, request);
  if (result.outcome != VmallocOutcome::kOk) {
    accounting().failed();
    explain(result, size, gfp);
    return 0;
  }
  accounting().vmalloc_allocated(result.address, size, gfp);
  return result.address;
}

Address vmalloc(u64 size) { return allocate(size, 1, gfp_kernel()); }
Address vzalloc(u64 size) { return allocate(size, 1, gfp_kernel() | zero()); }
Address vmalloc_on(u64 size, u64 align, Gfp gfp, s32 node) {
  return allocate(size, align, gfp, mm::vm_flag::kAlloc, node);
}
Address vmalloc_node(u64 size, s32 node) { return vmalloc_on(size, 1, gfp_kernel(), node); }
Address vzalloc_node(u64 size, s32 node) { return vmalloc_on(size, 1, gfp_kernel() | zero(), node); }
Address vmalloc_gfp(u64 size, Gfp gfp) { return allocate(size, 1, gfp); }
Address vmalloc_node_align(u64 size, u64 align, Gfp gfp, s32 node, Address /*caller*/) {
  return vmalloc_on(size, align, gfp, node);
}
Address vmalloc_node_range(u64 size, u64 align, u64 /*start*/, u64 /*end*/, Gfp gfp, u64 /*prot*/,
                           u64 /*flags*/, s32 node, Address /*caller*/) {
  return vmalloc_on(size, align, gfp, node);
}
Address vmalloc_user(u64 size) {
  return allocate(size, host::kPageSize, gfp_kernel() | zero(), mm::vm_flag::kAlloc | mm::vm_flag::kUserMap);
}
Address vmalloc_32(u64 size) { return allocate(size, 1, gfp_kernel() | memory().pages().gfp().dma32); }
Address vmalloc_32_user(u64 size) {
  return allocate(size, host::kPageSize, gfp_kernel() | memory().pages().gfp().dma32 | zero(),
                  mm::vm_flag::kAlloc | mm::vm_flag::kUserMap);
}

Address vmalloc_array_gfp(u64 count, u64 size, Gfp gfp) {
  u64 bytes = 0;
  return __builtin_mul_overflow(count, size, &bytes) ? 0 : allocate(bytes, 1, gfp);
}
Address vmalloc_array(u64 count, u64 size) { return vmalloc_array_gfp(count, size, gfp_kernel()); }
Address vcalloc_gfp(u64 count, u64 size, Gfp gfp) { return vmalloc_array_gfp(count, size, gfp | zero()); }
Address vcalloc(u64 count, u64 size) { return vcalloc_gfp(count, size, gfp_kernel()); }

// "Trying to vfree() nonexistent vm area (%p)", at level 3.
void warn_no_area(FrameEvent event, Address address, std::string_view function,
                  runtime::Traps::KernelPlace place) {
  // The level is KERN_ERR's, carried in the text.
  current().traps().warn(
      event, place,
      "\0013" +
          kernel_text(fmt::format("Trying to {}() nonexistent vm area (%p)", function).c_str(), {address}));
}

void kvfree(Address address);

void release(Address address, bool unmap_only) {
  runtime::Memory& m = memory();
  const mm::VmArea* const area = address == 0 ? nullptr : m.vmalloc().find(address);
  if (area != nullptr && !unmap_only) {
    check_freed(area->address, area->size - host::kPageSize);
    current().locks().memory_freed(area->address, area->size - host::kPageSize);
  }
  const auto event = accounting().area_at(area);
  const Address base = area == nullptr ? 0 : area->address;
  const bool owns = area != nullptr && area->given_array != 0 && !unmap_only;
  const Address array = owns ? area->given_array : 0;
  const std::vector<Pfn> given =
      owns ? std::vector<Pfn>(area->shown.begin(), area->shown.end()) : std::vector<Pfn>();
  const bool newer = current().is_6_12();
  const std::string_view function = newer && unmap_only ? "vunmap" : "vfree";
  switch (m.vmalloc().free(address, this_cpu())) {
    case mm::VfreeOutcome::kOk:
    case mm::VfreeOutcome::kInsideArea:
      uncharge_vmalloc(base);
      accounting().freed(event);
      for (const Pfn page : given) {
        if (drop_page_reference(page)) free_block(page, Order(0));
      }
      if (owns) kvfree(array);
      return;
    case mm::VfreeOutcome::kNothing:
      return;
    case mm::VfreeOutcome::kBadAddress:
      current().traps().warn(FrameEvent::kVfreeBadAddress, {"mm/vmalloc.c", 2752, 3291},
                             kernel_text("Trying to vfree() bad address (%p)", {address}));
      if (newer)
        warn_no_area(FrameEvent::kVfreeNotMapped, address, function,
                     {"mm/vmalloc.c", 0, unmap_only ? 3473u : 3426u});
      return;
    case mm::VfreeOutcome::kNoSuchArea:
      warn_no_area(newer ? FrameEvent::kVfreeNotMapped : FrameEvent::kVfreeBadAddress, address, function,
                   {"mm/vmalloc.c", 2758, unmap_only ? 3473u : 3426u});
      return;
  }
}
// In an interrupt it is put off.
void vfree(Address address) {
  if (!in_interrupt()) check_may_sleep(Sleeper::kVfree);
  release(address, false);
}
void vfree_atomic(Address address) { release(address, false); }
void vunmap(Address address) {
  if (in_interrupt()) current().traps().bug(FrameEvent::kVunmapInInterrupt, {"mm/vmalloc.c", 2878, 3466});
  check_may_sleep(Sleeper::kVunmap);
  release(address, true);
}

// ---- mapping pages of the caller's ----

Address map_pages(Address pages, u32 count, u32 flags, u64 protection = 0) {
  runtime::Memory& m = memory();
  std::vector<Pfn> frames;
  frames.reserve(count);
  for (u32 i = 0; i < count; ++i) {
    const auto page = guest::load<u64>(pages + i * sizeof(u64));
    if (!page) {
      raise(guest::last_fault());
      return 0;
    }
    const auto pfn = pfn_of_page(*page);
    if (!pfn) return 0;
    frames.push_back(*pfn);
  }
  mm::Vmalloc::Request request;
  request.at = this_cpu();
  request.flags = flags;
  request.protection = protection;
  request.caller = caller();
  const mm::VmallocResult result = m.vmalloc().map(frames, request);
  return result.outcome == VmallocOutcome::kOk ? result.address : 0;
}

Address vmap(Address pages, u32 count, u64 flags, u64 protection) {
  check_may_sleep(Sleeper::kVmap);
  if (count != 0 && in_interrupt())
    current().traps().bug(FrameEvent::kVmallocInInterrupt, {"mm/vmalloc.c", 2554, 3177});
  const Address area = map_pages(pages, count, static_cast<u32>(flags), protection);
  if (area != 0 && (flags & kVmMapPutPages) != 0) memory().vmalloc().give_pages(area, pages);
  return area;
}
Address vm_map_ram(Address pages, u32 count, s32 /*node*/) {
  check_may_wait(gfp_kernel());
  return map_pages(pages, count, mm::vm_flag::kAlloc);
}
void vm_unmap_ram(Address address, u32 /*count*/) {
  check_may_sleep(Sleeper::kVmUnmapRam);
  release(address, true);
}
void vm_unmap_aliases() { memory().vmalloc().purge(); }

Address vmalloc_to_page(Address address) {
  const auto pfn = memory().vmalloc().page_at(address);
  return pfn ? page_of(*pfn) : 0;
}
u64 vmalloc_to_pfn(Address address) {
  const Address page = vmalloc_to_page(address);
  return static_cast<u64>(static_cast<s64>(page - host::kVmemmap) / static_cast<s64>(host::kStructPageSize));
}
bool is_vmalloc_addr(Address address) { return address - host::kVmalloc < current().world().vmalloc_size(); }
bool is_vmalloc_or_module_addr(Address address) {
  return is_vmalloc_addr(address) || host::in_window(address);
}

// ---- kvmalloc ----

Address kvmalloc(u64 size, Address bucket, Gfp gfp, s32 node) {
  runtime::Memory& m = memory();
  const Gfp attempt = m.kmalloc().kvmalloc_attempt(size, gfp).value_or(gfp);
  const observe::SiteNumber site = runtime::Accounting::take_site();
  runtime::Accounting::set_site(site);
  const Address p =
      bucket != 0 ? kmalloc_bytes(size, bucket, attempt, node) : kmalloc_bytes(size, attempt, node);
  if (p != 0 || size <= host::kPageSize || (gfp & m.pages().gfp().direct_reclaim) == 0) return p;
  if (size > kIntMax) {
    if ((gfp & m.pages().gfp().nowarn) == 0 && m.first_time(runtime::Once::kKvmallocTooLarge)) {
      current().traps().warn(FrameEvent::kKvmallocTooLarge, {"mm/util.c", 596, 670});
    }
    return 0;
  }
  accounting().retract_failure(site);
  runtime::Accounting::set_site(site);
  return vmalloc_on(size, 1, gfp, node);
}
Address kvmalloc_node(u64 size, Gfp gfp, s32 node) { return kvmalloc(size, 0, gfp, node); }
// DECL_BUCKET_PARAMS: with CONFIG_SLAB_BUCKETS the bucket is the second argument.
Address kvmalloc_node_6_12(u64 size, u64 second, u64 third, u64 fourth) {
  if (memory().facts().slab_buckets == 0)
    return kvmalloc(size, 0, static_cast<Gfp>(second), static_cast<s32>(third));
  return kvmalloc(size, second, static_cast<Gfp>(third), static_cast<s32>(fourth));
}

void kvfree(Address address) {
  if (is_vmalloc_addr(address))
    vfree(address);
  else
    kfree_bytes(address);
}
void kvfree_sensitive(Address address, u64 bytes) {
  if (address <= kZeroSizePointer) return;
  if (guest::fill(address, 0, bytes) != 0) {
    raise(guest::last_fault());
    return;
  }
  kvfree(address);
}

// Bytes of one place to another, through a buffer: both may be the module's mistakes.
bool copy(Address to, Address from, u64 bytes) {
  u8 buffer[4096];
  for (u64 done = 0; done < bytes; done += sizeof(buffer)) {
    const u64 part = std::min<u64>(sizeof(buffer), bytes - done);
    if (guest::copy_in(buffer, from + done, part) != 0 || guest::copy_out(to + done, buffer, part) != 0) {
      raise(guest::last_fault());
      return false;
    }
  }
  return true;
}

Address kvrealloc_6_1(Address old, u64 old_size, u64 size, Gfp gfp) {
  if (old_size >= size) {
    static_cast<void>(runtime::Accounting::take_site());
    return old;
  }
  const Address fresh = kvmalloc(size, 0, gfp, mm::kNoNode);
  if (fresh == 0 || !copy(fresh, old, old_size)) return 0;
  kvfree(old);
  return fresh;
}

Address vrealloc(Address old, u64 size, Gfp gfp) {
  if (size == 0) {
    vfree(old);
    return 0;
  }
  const mm::VmArea* const area = memory().vmalloc().find(old);
  const u64 had = area == nullptr ? 0 : area->requested;
  const u64 room = area == nullptr ? 0 : area->size - area->guard_bytes();
  if (size <= room) {
    accounting().vmalloc_resized(*area, size);
    static_cast<void>(runtime::Accounting::take_site());
    if (size < had) static_cast<void>(guest::fill(old + size, 0, had - size));
    return old;
  }
  const Address fresh = allocate(size, 1, gfp);
  if (fresh == 0 || !copy(fresh, old, had)) return 0;
  vfree(old);
  return fresh;
}

Address kvrealloc_6_12(Address old, u64 size, Gfp gfp) {
  if (is_vmalloc_addr(old)) return vrealloc(old, size, gfp);
  runtime::Memory& m = memory();
  const u64 had = m.kmalloc().ksize(to_pointer(old));
  const observe::SiteNumber site = runtime::Accounting::take_site();
  runtime::Accounting::set_site(site);
  const Address moved = krealloc_bytes(old, size, m.kmalloc().kvmalloc_attempt(size, gfp).value_or(gfp));
  if (moved != 0) return moved;
  accounting().retract_failure(site);
  runtime::Accounting::set_site(site);
  const Address fresh = kvmalloc(size, 0, gfp, mm::kNoNode);
  if (fresh == 0 || !copy(fresh, old, had)) return 0;
  kfree_bytes(old);
  return fresh;
}

// ---- what needs page tables or a device: refused by name ----

template <const char* Name>
s32 refused() {
  current().traps().unsupported(Name);
}
constexpr char kVmapPfn[] = "vmap_pfn";
constexpr char kRemapRange[] = "remap_vmalloc_range";
constexpr char kRemapPfn[] = "remap_pfn_range";

}  // namespace

runtime::ExportTable vmalloc_exports() {
  using host::CrossingKind;
  static const runtime::Export table[] = {
      {"vmalloc", address(vmalloc)},
      {"vmalloc_noprof", address(vmalloc)},
      {"vzalloc", address(vzalloc)},
      {"vzalloc_noprof", address(vzalloc)},
      {"vmalloc_node", address(vmalloc_node)},
      {"vmalloc_node_noprof", address(vmalloc_node)},
      {"vzalloc_node", address(vzalloc_node)},
      {"vzalloc_node_noprof", address(vzalloc_node)},
      {"__vmalloc", address(vmalloc_gfp)},
      {"__vmalloc_noprof", address(vmalloc_gfp)},
      {"vmalloc_huge", address(vmalloc_gfp)},
      {"vmalloc_huge_noprof", address(vmalloc_gfp)},
      {"__vmalloc_node", address(vmalloc_node_align)},
      {"__vmalloc_node_noprof", address(vmalloc_node_align)},
      {"__vmalloc_node_range", address(vmalloc_node_range), CrossingKind::kStackArgs},
      {"__vmalloc_node_range_noprof", address(vmalloc_node_range), CrossingKind::kStackArgs},
      {"vmalloc_user", address(vmalloc_user)},
      {"vmalloc_user_noprof", address(vmalloc_user)},
      {"vmalloc_32", address(vmalloc_32)},
      {"vmalloc_32_noprof", address(vmalloc_32)},
      {"vmalloc_32_user", address(vmalloc_32_user)},
      {"vmalloc_32_user_noprof", address(vmalloc_32_user)},
      {"__vmalloc_array", address(vmalloc_array_gfp)},
      {"__vmalloc_array_noprof", address(vmalloc_array_gfp)},
      {"vmalloc_array", address(vmalloc_array)},
      {"vmalloc_array_noprof", address(vmalloc_array)},
      {"__vcalloc", address(vcalloc_gfp)},
      {"__vcalloc_noprof", address(vcalloc_gfp)},
      {"vcalloc", address(vcalloc)},
      {"vcalloc_noprof", address(vcalloc)},
      {"vrealloc_noprof", address(vrealloc)},
      {"vfree", address(vfree)},
      {"vfree_atomic", address(vfree_atomic)},
      {"vmap", address(vmap)},
      {"vunmap", address(vunmap)},
      {"vm_map_ram", address(vm_map_ram)},
      {"vm_unmap_ram", address(vm_unmap_ram)},
      {"vm_unmap_aliases", address(vm_unmap_aliases)},
      {"vmalloc_to_page", address(vmalloc_to_page)},
      {"vmalloc_to_pfn", address(vmalloc_to_pfn)},
      {"is_vmalloc_addr", address(is_vmalloc_addr)},
      {"is_vmalloc_or_module_addr", address(is_vmalloc_or_module_addr)},
      {"kvmalloc_node", address(kvmalloc_node)},
      {"__kvmalloc_node_noprof", address(kvmalloc_node_6_12)},
      {"kvfree", address(kvfree)},
      {"kvfree_sensitive", address(kvfree_sensitive)},
      {"kvrealloc", address(kvrealloc_6_1)},
      {"kvrealloc_noprof", address(kvrealloc_6_12)},
      {"vmap_pfn", address(refused<kVmapPfn>)},
      {"remap_vmalloc_range", address(refused<kRemapRange>)},
      {"remap_vmalloc_range_partial", address(refused<kRemapRange>)},
      {"remap_pfn_range", address(refused<kRemapPfn>)},
  };
  return table;
}

}  // namespace koi::kapi
