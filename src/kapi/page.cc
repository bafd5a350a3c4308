// SPDX-License-Identifier: GPL-2.0-only
// <linux/gfp.h>: the page allocator, by struct page and by address.
#include <algorithm>

#include "engine/mm/proc_text.h"
#include "host/address_map.h"
#include "kapi/bad_page.h"
#include "kapi/checks.h"
#include "kapi/memcg.h"
#include "kapi/page_calls.h"
#include "kapi/tables.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Gfp;
using runtime::FrameEvent;

Address page_address(Pfn pfn) { return host::kDirectMap + pfn.value * host::kPageSize; }
u64 block_bytes(u32 order) { return host::kPageSize << order; }

// init_on_alloc, or __GFP_ZERO; with init_on_free pages are clear already.
void clear_block(Pfn pfn, u64 bytes, Gfp gfp) {
  if (current().config().boot.init_on_free) return;
  if (!current().config().boot.init_on_alloc && (gfp & memory().pages().gfp().zero) == 0) return;
  static_cast<void>(guest::fill(page_address(pfn), 0, bytes));
}

// Nobody has seen it yet.
void give_back_uncharged(Pfn pfn, Order order) {
  memory().pages().desc(pfn).tag = 0;
  static_cast<void>(drop_page_reference(pfn));
  free_block(pfn, order);
  accounting().failed();
}

std::optional<Pfn> alloc_block(u32 order, Gfp gfp, s32 node = mm::kNoNode) {
  runtime::Memory& m = memory();
  if (order > mm::kMaxOrder) {
    accounting().failed();
    warn_order_too_large(gfp);
    return std::nullopt;
  }
  check_may_wait(gfp);
  const Order wanted{static_cast<u8>(order)};
  const auto attempt = [&] { return m.pages().alloc(wanted, gfp, {this_cpu(), node}); };
  mm::PageAllocation got = with_reclaim({order, gfp}, attempt, [] { return true; });
  while (got && report_held_page(got.pfn, wanted))
    got = with_reclaim({order, gfp}, attempt, [] { return true; });
  if (!got) {
    accounting().failed();
    report_page_failure(wanted, gfp);
    return std::nullopt;
  }
  if (!charge_block(got.pfn, order, gfp)) {
    give_back_uncharged(got.pfn, wanted);
    return std::nullopt;
  }
  clear_block(got.pfn, block_bytes(order), gfp);
  accounting().pages_allocated(observe::AllocationKind::kPages, got.pfn, order, block_bytes(order), gfp);
  return got.pfn;
}

Address alloc_pages(Gfp gfp, u32 order) {
  const auto pfn = alloc_block(order, gfp);
  return pfn ? page_of(*pfn) : 0;
}
// With one node a mask leaves no choice.
void refuse_node_mask(Address nodemask) {
  if (nodemask != 0 && memory().pages().node_count() > 1)
    current().traps().unsupported("page allocation with a nodemask");
}

Address alloc_pages_node(Gfp gfp, u32 order, s32 node, Address nodemask) {
  refuse_node_mask(nodemask);
  const auto pfn = alloc_block(order, gfp, page_node(node));
  return pfn ? page_of(*pfn) : 0;
}
Address folio_alloc(Gfp gfp, u32 order) { return alloc_pages(gfp | memory().pages().gfp().comp, order); }
Address folio_alloc_node(Gfp gfp, u32 order, s32 node, Address nodemask) {
  return alloc_pages_node(gfp | memory().pages().gfp().comp, order, node, nodemask);
}

Address get_free_pages(Gfp gfp, u32 order) {
  const auto pfn = alloc_block(order, gfp & ~memory().pages().gfp().highmem);
  return pfn ? page_address(*pfn) : 0;
}
Address get_zeroed_page(Gfp gfp) { return get_free_pages(gfp | memory().pages().gfp().zero, 0); }

void split_block(Pfn pfn, Order order) {
  accounting().pages_split(pfn, order.value);
  memory().pages().split(pfn, order);
  split_charge(pfn, order.value);
}

// The pages of a block behind its first one, which somebody else still holds: they go one power of two at a time.
void free_tail_blocks(Pfn pfn, u32 order) {
  split_block(pfn, Order(static_cast<u8>(order)));
  for (u64 i = 1; i < u64{1} << order; ++i) free_block(Pfn{pfn.value + i}, Order(0));
}

void free_pages_of(Pfn pfn, u32 order) {
  mm::PageDesc* const desc = memory().pages().find(pfn);
  if (desc == nullptr || desc->state != mm::PageState::kAllocated) {
    koi_finding(fmt::format("the page {:#x} is given back, but it is free already", pfn.value));
    static_cast<void>(drop_page_reference(pfn));
    return;
  }
  check_freed(host::kDirectMap + pfn.value * host::kPageSize, host::kPageSize << order);
  const bool compound = memory().is_compound(pfn);
  if (drop_page_reference(pfn)) {
    free_block(pfn, Order(static_cast<u8>(order)));
  } else if (!compound && order != 0 && desc->order == order) {
    free_tail_blocks(pfn, order);
  }
}

void free_pages_by_page(Address page, u32 order) {
  if (const auto pfn = pfn_of_page(page)) free_pages_of(*pfn, order);
}

void free_pages_by_address(Address address, u32 order) {
  if (address == 0) return;
  const Pfn pfn{(address - host::kDirectMap) / host::kPageSize};
  if (address < host::kDirectMap || memory().pages().find(pfn) == nullptr) {
    page_pointer_fault(FrameEvent::kFaultInside, address);
  }
  free_pages_of(pfn, order);
}

// The last reference of a page or folio went in an inlined put_page().
void folio_put(Address folio) {
  const auto pfn = pfn_of_page(folio);
  if (!pfn) return;
  const mm::PageDesc* const desc = memory().pages().find(*pfn);
  if (desc == nullptr || desc->state != mm::PageState::kAllocated) {
    koi_finding(fmt::format("the page {:#x} is given back, but it is free already", pfn->value));
    return;
  }
  const u32 order = desc->order;
  if (order != 0 && !memory().is_compound(*pfn)) {
    // Only the first page was put; the others have no owner any more.
    split_block(*pfn, Order(static_cast<u8>(order)));
    free_block(*pfn, Order(0));
    return;
  }
  free_block(*pfn, Order(static_cast<u8>(order)));
}

void split_page(Address page, u32 order) {
  if (const auto pfn = pfn_of_page(page)) split_block(*pfn, Order(static_cast<u8>(order)));
}

Address alloc_pages_exact_nid(s32 nid, u64 size, Gfp gfp) {
  const s32 node = page_node(nid);
  runtime::Memory& m = memory();
  const u32 order = mm::get_order(size);
  const Gfp single = gfp & ~(m.pages().gfp().comp | m.pages().gfp().highmem);
  if (gfp != single &&
      m.first_time(nid == mm::kNoNode ? runtime::Once::kExactCompound : runtime::Once::kExactCompoundNode)) {
    const u32 later = nid == mm::kNoNode ? 0 : 25;
    current().traps().warn(FrameEvent::kExactCompound, {"mm/page_alloc.c", 5930 + later, 5139 + later});
  }
  if (order > mm::kMaxOrder) {
    accounting().failed();
    warn_order_too_large(gfp);
    return 0;
  }
  check_may_wait(gfp);
  const auto attempt = [&] { return m.pages().alloc_exact(size, single, {this_cpu(), node}); };
  const mm::PageAllocation got = with_reclaim({order, single}, attempt, [] { return true; });
  if (!got) {
    accounting().failed();
    report_page_failure(Order(static_cast<u8>(order)), single);
    return 0;
  }
  const u64 bytes = mm::align_up(size, host::kPageSize);
  if (!charge_exact(got.pfn, order, bytes / host::kPageSize, single)) {
    for (u64 i = 0; i < bytes / host::kPageSize; ++i) {
      memory().pages().desc(Pfn{got.pfn.value + i}).tag = 0;
      static_cast<void>(drop_page_reference(Pfn{got.pfn.value + i}));
      free_block(Pfn{got.pfn.value + i}, Order(0));
    }
    accounting().failed();
    return 0;
  }
  clear_block(got.pfn, bytes, gfp);
  accounting().exact_pages_allocated(got.pfn, bytes / host::kPageSize, size, gfp);
  return page_address(got.pfn);
}
Address alloc_pages_exact(u64 size, Gfp gfp) { return alloc_pages_exact_nid(mm::kNoNode, size, gfp); }

void free_pages_exact(Address address, u64 size) {
  for (u64 at = 0; at < mm::align_up(size, host::kPageSize); at += host::kPageSize) {
    free_pages_by_address(address + at, 0);
  }
}

// Fills the holes of an array of pages, or adds to a list; returns how many there are then.
u64 alloc_pages_bulk(Gfp gfp, s32 nid, Address nodemask, u64 count, Address list, Address array) {
  refuse_node_mask(nodemask);
  const s32 node = page_node(nid);
  u64 filled = 0;
  for (; filled < count && array != 0; ++filled) {
    const auto there = guest::load<u64>(array + filled * sizeof(u64));
    if (!there) {
      raise(guest::last_fault());
      return filled;
    }
    if (*there == 0) break;
  }
  for (; filled < count; ++filled) {
    const auto pfn = alloc_block(0, filled == 0 ? gfp : gfp | memory().pages().gfp().nowarn, node);
    if (!pfn) break;
    if (array == 0) {
      memory().add_to_page_list(*pfn, list);
    } else if (!guest::store(array + filled * sizeof(u64), page_of(*pfn))) {
      raise(guest::last_fault());
      return filled;
    }
  }
  return filled;
}
u64 alloc_pages_bulk_mempolicy(Gfp gfp, u64 count, Address array) {
  return alloc_pages_bulk(gfp, mm::kNoNode, 0, count, 0, array);
}

bool is_free_buddy_page(Address page) {
  const auto pfn = pfn_of_page(page);
  if (!pfn) return false;
  const mm::PageDesc* const desc = memory().pages().find(*pfn);
  return desc != nullptr && desc->state == mm::PageState::kFree;
}

void koi_free_rcu_slab(u64 pfn) {
  runtime::Memory& m = memory();
  m.slabs().free_rcu_slab(Pfn{pfn}, Order(m.pages().desc(Pfn{pfn}).order));
}

void koi_refresh_memory_counters() { memory().publish_free_pages(); }

u64 koi_available_pages() { return mm::available_pages(memory().pages(), memory().slabs()); }

u64 nr_free_buffer_pages() {
  u64 sum = 0;
  const mm::Buddy& pages = memory().pages();
  for (u32 node = 0; node < pages.node_count(); ++node) {
    for (const mm::Zone kind : {mm::Zone::kDma, mm::Zone::kDma32, mm::Zone::kNormal}) {
      const mm::ZoneId zone(mm::NodeId{node}, kind);
      const u64 managed = pages.managed_pages(zone);
      sum += managed - std::min(managed, pages.watermarks(zone).high);
    }
  }
  return sum;
}

}  // namespace

u64 page_of(Pfn pfn) { return host::kVmemmap + pfn.value * host::kStructPageSize; }

std::optional<Pfn> pfn_of_page(Address page) {
  const Pfn pfn{(page - host::kVmemmap) / host::kStructPageSize};
  const bool in_array = page >= host::kVmemmap && memory().pages().find(pfn) != nullptr;
  if (in_array && page % host::kStructPageSize == 0) return pfn;
  // What the kernel reads first: compound_head.
  if (!guest::load<u64>(page + sizeof(u64))) {
    raise(guest::last_fault());
    return std::nullopt;
  }
  koi_finding(fmt::format("{:#x} is no struct page", page));
  return std::nullopt;
}

bool drop_page_reference(Pfn pfn) {
  const Address counter = page_of(pfn) + memory().facts().page_refcount;
  const s32 count = guest::load<s32>(counter).value_or(1) - 1;
  static_cast<void>(guest::store(counter, count));
  return count == 0;
}

void free_block(Pfn pfn, Order order) {
  runtime::Memory& m = memory();
  const auto event = accounting().pages_at(pfn);
  uncharge_block(pfn);
  if (const mm::PageDesc* const desc = m.pages().find(pfn);
      desc != nullptr && desc->state == mm::PageState::kAllocated && desc->order == order.value &&
      report_bad_pages(pfn, order)) {
    accounting().freed(event);
    m.pages().desc(pfn).tag = 0;  // nobody's from now on
    return;
  }
  switch (m.pages().free(pfn, order, this_cpu())) {
    case mm::PageFreeOutcome::kOk:
      accounting().freed(event);
      return;
    case mm::PageFreeOutcome::kWrongOrder:
      koi_finding(fmt::format("the page {:#x} is given back with order {}, but was allocated with order {}",
                              pfn.value, order.value, m.pages().desc(pfn).order));
      return;
    case mm::PageFreeOutcome::kNotFirstPage:
      koi_finding(fmt::format("the page {:#x} is given back, but is inside an allocated block", pfn.value));
      return;
    default:
      koi_finding(fmt::format("the page {:#x} is given back, but it is free already", pfn.value));
  }
}

runtime::ExportTable page_exports() {
  using host::CrossingKind, host::Leaf;
  static const runtime::Export table[] = {
      {"alloc_pages", address(alloc_pages), CrossingKind::kPlain, 0, Leaf::kAllocPages},
      {"alloc_pages_noprof", address(alloc_pages), CrossingKind::kPlain, 0, Leaf::kAllocPages},
      {"__alloc_pages", address(alloc_pages_node), CrossingKind::kPlain, 0, Leaf::kAllocPages},
      {"__alloc_pages_noprof", address(alloc_pages_node), CrossingKind::kPlain, 0, Leaf::kAllocPages},
      {"folio_alloc", address(folio_alloc)},
      {"folio_alloc_noprof", address(folio_alloc)},
      {"__folio_alloc", address(folio_alloc_node)},
      {"__folio_alloc_noprof", address(folio_alloc_node)},
      {"__get_free_pages", address(get_free_pages)},
      {"get_free_pages_noprof", address(get_free_pages)},
      {"get_zeroed_page", address(get_zeroed_page)},
      {"get_zeroed_page_noprof", address(get_zeroed_page)},
      {"__free_pages", address(free_pages_by_page), CrossingKind::kPlain, 0, Leaf::kFreePages},
      {"free_pages", address(free_pages_by_address)},
      {"__folio_put", address(folio_put)},
      {"split_page", address(split_page)},
      {"alloc_pages_exact", address(alloc_pages_exact)},
      {"alloc_pages_exact_noprof", address(alloc_pages_exact)},
      {"alloc_pages_exact_nid", address(alloc_pages_exact_nid)},
      {"free_pages_exact", address(free_pages_exact)},
      {"__alloc_pages_bulk", address(alloc_pages_bulk)},
      {"alloc_pages_bulk_noprof", address(alloc_pages_bulk)},
      {"alloc_pages_bulk_array_mempolicy", address(alloc_pages_bulk_mempolicy)},
      {"alloc_pages_bulk_array_mempolicy_noprof", address(alloc_pages_bulk_mempolicy)},
      {"is_free_buddy_page", address(is_free_buddy_page)},
      {"koi_free_rcu_slab", address(koi_free_rcu_slab)},
      {"koi_refresh_memory_counters", address(koi_refresh_memory_counters)},
      {"koi_available_pages", address(koi_available_pages)},
      {"nr_free_buffer_pages", address(nr_free_buffer_pages)},
  };
  return table;
}

}  // namespace koi::kapi
