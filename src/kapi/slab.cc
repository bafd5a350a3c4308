// SPDX-License-Identifier: GPL-2.0-only
// <linux/slab.h>: kmalloc and its family. Names and argument orders of both releases lead to the same functions.
#include <cstring>

#include "engine/mm/nobodys_object.h"
#include "host/address_map.h"
#include "kapi/checks.h"
#include "kapi/guarded.h"
#include "kapi/memcg.h"
#include "kapi/slab_calls.h"
#include "kapi/tables.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/console.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Gfp;
using Alignment = runtime::Guard::Alignment;
using runtime::FrameEvent;

Address kmalloc_failed(u64 size, Gfp gfp, mm::KmallocFailure why, const mm::Cache* cache) {
  accounting().failed();
  if (why == mm::KmallocFailure::kOrderTooLarge) {
    warn_order_too_large(gfp);
  } else if (cache != nullptr) {
    report_slab_failure(cache, gfp);
  } else {
    report_page_failure(Order(static_cast<u8>(mm::get_order(size))), gfp | memory().pages().gfp().comp);
  }
  return 0;
}

// A size beyond every order is refused before the question of waiting comes up.
void check_large_may_wait(u64 size, Gfp gfp) {
  if (mm::get_order(size) <= mm::kMaxOrder) check_may_wait(gfp);
}

Address note_large(void* p, u64 size, Gfp gfp) {
  const Pfn pfn{(to_address(p) - host::kDirectMap) / host::kPageSize};
  if (!charge_large(pfn, gfp)) {
    static_cast<void>(memory().kmalloc().free(p, this_cpu()));
    accounting().failed();
    return 0;
  }
  accounting().pages_allocated(observe::AllocationKind::kLargeKmalloc, pfn, memory().pages().desc(pfn).order,
                               size, gfp);
  return to_address(p);
}

Address note_object(mm::Cache* cache, void* p, u64 size, Gfp gfp) {
  if (!charge_objects(*cache, {&p, 1}, gfp)) {
    accounting().failed();
    return 0;
  }
  accounting().slab_allocated(cache, p, size, gfp);
  return to_address(p);
}

PageRequest large_request(u64 size, Gfp gfp) {
  return {mm::get_order(size), gfp | memory().pages().gfp().comp};
}

// Slow way of every kmalloc: no memory at the first attempt.
Address kmalloc_again(u64 size, Gfp gfp, s32 node, mm::KmallocFailure why) {
  runtime::Memory& m = memory();
  void* p = nullptr;
  const bool large = size > mm::kKmallocMaxCacheSize;
  const mm::Cache* const cache = large ? nullptr : m.kmalloc().cache_for(size, gfp);
  if (why == mm::KmallocFailure::kNoMemory) {
    PageSlowPath slow_path(large ? large_request(size, gfp) : slab_request(cache, gfp));
    while (p == nullptr && why == mm::KmallocFailure::kNoMemory && slow_path.again()) {
      p = m.kmalloc().alloc(size, gfp, {this_cpu(), node}, &why);
    }
  }
  if (p == nullptr) return kmalloc_failed(size, gfp, why, cache);
  mm::Cache* const owner = m.slabs().find_cache_of(p);
  return owner == nullptr ? note_large(p, size, gfp) : note_object(owner, p, size, gfp);
}

// `node`: as slab_node() and, for sizes beyond the caches, page_node() have it.
Address kmalloc_on(u64 size, Gfp gfp, s32 node) {
  runtime::Memory& m = memory();
  // With the address checks there is a redzone behind each object.
  const u64 padded = current().sanitizers().addresses().padded(size);
  if (padded <= mm::kKmallocMaxCacheSize && size != 0) [[likely]] {
    check_may_wait(gfp);
    mm::Cache* const cache = m.kmalloc().cache_for(padded, gfp);
    if (const auto guarded = guarded_object(cache, size, gfp, Alignment::kKmalloc)) return *guarded;
    void* const p = m.slabs().alloc(cache, gfp, {this_cpu(), node}, static_cast<u32>(size));
    if (p == nullptr) [[unlikely]] {
      return kmalloc_again(size, gfp, node, mm::KmallocFailure::kNoMemory);
    }
    return note_object(cache, p, size, gfp);
  }
  if (size == 0) {
    static_cast<void>(runtime::Accounting::take_site());
    return to_address(mm::Kmalloc::zero_size_ptr());
  }
  mm::KmallocFailure why = mm::KmallocFailure::kNone;
  check_large_may_wait(size, gfp);
  void* const p = m.kmalloc().alloc_large(size, gfp, {this_cpu(), node}, &why);
  if (p == nullptr) return kmalloc_again(size, gfp, node, why);
  return note_large(p, size, gfp);
}

Address kmalloc(u64 size, Gfp gfp) { return kmalloc_on(size, gfp, mm::kNoNode); }

Address kmalloc_node(u64 size, Gfp gfp, s32 node) {
  const bool large = size > mm::kKmallocMaxCacheSize;
  return kmalloc_on(size, gfp, large ? page_node(node) : slab_node(node));
}

// The large entries take any size, also one that a cache could serve.
Address kmalloc_large_node(u64 size, Gfp gfp, s32 nid) {
  const s32 node = page_node(nid);
  runtime::Memory& m = memory();
  check_large_may_wait(size, gfp);
  mm::KmallocFailure why = mm::KmallocFailure::kNone;
  const auto attempt = [&] { return m.kmalloc().alloc_large(size, gfp, {this_cpu(), node}, &why); };
  void* const p =
      with_reclaim(large_request(size, gfp), attempt, [&] { return why == mm::KmallocFailure::kNoMemory; });
  if (p == nullptr) return kmalloc_failed(size, gfp, why, nullptr);
  return note_large(p, size, gfp);
}
Address kmalloc_large(u64 size, Gfp gfp) { return kmalloc_large_node(size, gfp, mm::kNoNode); }

// What an inlined kmalloc() of a constant size comes to.
Address kmalloc_node_from_cache(mm::Cache* cache, Gfp gfp, s32 nid, u64 size) {
  const s32 node = slab_node(nid);
  if (!is_cache(cache)) [[unlikely]] {
    bad_cache(cache);
  }
  check_may_wait(gfp);
  if (const auto guarded = guarded_object(cache, size, gfp, Alignment::kKmalloc)) return *guarded;
  if (current().sanitizers().addresses().enabled()) return kmalloc_on(size, gfp, node);
  runtime::Memory& m = memory();
  const auto attempt = [&] {
    return m.slabs().alloc(cache, gfp, {this_cpu(), node}, static_cast<u32>(size));
  };
  void* p = attempt();
  if (p == nullptr) [[unlikely]] {
    p = with_reclaim(slab_request(cache, gfp), attempt, [] { return true; });
  }
  if (p == nullptr) [[unlikely]] {
    return kmalloc_failed(size, gfp, mm::KmallocFailure::kNoMemory, cache);
  }
  return note_object(cache, p, size, gfp);
}
Address kmalloc_from_cache(mm::Cache* cache, Gfp gfp, u64 size) {
  return kmalloc_node_from_cache(cache, gfp, mm::kNoNode, size);
}

// 6.12 with CONFIG_SLAB_BUCKETS: the caches may be a set of the caller's own (kmem_buckets_create).
Address kmalloc_from_bucket(u64 size, Address bucket, Gfp gfp, s32 node) {
  if (bucket == 0 || size == 0 || size > mm::kKmallocMaxCacheSize) return kmalloc_node(size, gfp, node);
  const auto cache = guest::load<u64>(bucket + mm::Kmalloc::index(size) * sizeof(u64));
  if (!cache) {
    raise(guest::last_fault());
    return 0;
  }
  return kmalloc_node_from_cache(static_cast<mm::Cache*>(to_pointer(*cache)), gfp, node, size);
}

// DECL_BUCKET_PARAMS: with CONFIG_SLAB_BUCKETS the bucket is the second argument, without it there is none.
Address kmalloc_node_6_12(u64 size, u64 second, u64 third, u64 fourth) {
  if (memory().facts().slab_buckets == 0)
    return kmalloc_node(size, static_cast<Gfp>(second), static_cast<s32>(third));
  return kmalloc_from_bucket(size, second, static_cast<Gfp>(third), static_cast<s32>(fourth));
}

Address kmalloc_node_track_caller(u64 size, Gfp gfp, s32 node, u64 /*caller*/) {
  return kmalloc_node(size, gfp, node);
}

// A pointer that no slab holds.
void kfree_pages(Address address) {
  runtime::Memory& m = memory();
  const auto large = m.pages().block_of(Pfn{(address - host::kDirectMap) / host::kPageSize});
  const auto event = large ? accounting().pages_at(*large) : std::nullopt;
  switch (m.kmalloc().free(to_pointer(address), this_cpu())) {
    case mm::KfreeOutcome::kOk:
      if (large) uncharge_large(*large);
      accounting().freed(event);
      return;
    case mm::KfreeOutcome::kNothing:
      return;
    case mm::KfreeOutcome::kInsideLarge:
      if (large) uncharge_large(*large);
      accounting().freed(event);
      koi_finding(fmt::format("kfree() of {:#x}, which is inside a large block", address));
      return;
    default:
      break;
  }
  const Pfn pfn{(address - host::kDirectMap) / host::kPageSize};
  if (address < host::kDirectMap || !m.pages().is_ram(pfn))
    page_pointer_fault(FrameEvent::kFreeOfBadPointer, address);
  const auto block = m.pages().block_of(pfn);
  if (!block) {
    // Its reference count goes below zero, which the kernel notices when it hands the page out again.
    koi_finding(fmt::format("kfree() of {:#x}: the page is free already", address));
    return;
  }
  if (m.first_time(runtime::Once::kFreeOfSinglePage)) {
    current().traps().warn(FrameEvent::kFreeOfPages,
                           current().is_6_12() ? runtime::Traps::KernelPlace{"mm/slub.c", 4799, 4799}
                                               : runtime::Traps::KernelPlace{"mm/slab_common.c", 904, 904});
    current().console().print(4, kernel_text("object pointer: 0x%p", {address}));
  }
  if (drop_page_reference(*block)) free_block(*block, Order(m.pages().desc(*block).order));
}

// Objects whose time in the quarantine is over.
void free_released() {
  mm::SlabAllocator& slabs = memory().slabs();
  while (const u64 address = current().sanitizers().addresses().take_released()) {
    if (mm::Slab* const slab = slabs.slab_of(to_pointer(address)); slab != nullptr)
      static_cast<void>(slabs.free_to(slab, to_pointer(address), this_cpu()));
  }
}

// The address checks keep it: for the books it is free, for the allocator it is not yet.
void put_in_quarantine(mm::Slab* slab, Address address) {
  const observe::PackedOrigin origin = accounting().slab_origin(slab, to_pointer(address));
  mm::SlabAllocator::set_origin_of(slab, to_pointer(address), mm::kNobodysOrigin);
  accounting().slab_freed(*slab->cache, to_pointer(address), origin);
  uncharge_object(*slab->cache, to_pointer(address));
  free_released();
}

void kfree(Address address) {
  if (free_guarded(address)) return;
  runtime::Memory& m = memory();
  mm::Slab* const slab = m.slabs().slab_of(to_pointer(address));
  if (slab == nullptr) [[unlikely]] {
    if (address > kZeroSizePointer) kfree_pages(address);
    return;
  }
  const mm::Cache* const cache = slab->cache;
  check_freed(address, cache->object_size());
  forget_locks(address, cache->object_size());
  using Held = runtime::AddressChecks::Held;
  if (const Held held = current().sanitizers().addresses().hold_back(address, "kfree"); held != Held::kNo)
      [[unlikely]] {
    if (held == Held::kInQuarantine) put_in_quarantine(slab, address);
    return;
  }
  const observe::PackedOrigin origin = accounting().slab_origin(slab, to_pointer(address));
  const mm::FreeOutcome outcome = m.slabs().free_to(slab, to_pointer(address), this_cpu());
  if (outcome == mm::FreeOutcome::kOk) [[likely]] {
    accounting().slab_freed(*cache, to_pointer(address), origin);
    uncharge_object(*cache, to_pointer(address));
    return;
  }
  free_refused(outcome, slab, address, "kfree");
}

// Reads a pointer's page as __ksize() does.
u64 usable_bytes(Address address) {
  if (address <= kZeroSizePointer) return 0;
  if (const u64 guarded = guarded_bytes(address); guarded != 0) return guarded;
  runtime::Memory& m = memory();
  const u64 bytes = m.kmalloc().ksize(to_pointer(address));
  if (bytes != 0) return bytes;
  const Pfn pfn{(address - host::kDirectMap) / host::kPageSize};
  if (address < host::kDirectMap || !m.pages().is_ram(pfn))
    page_pointer_fault(FrameEvent::kFaultInside, address);
  if (const mm::Slab* const slab = m.slabs().slab_of(to_pointer(address)); slab != nullptr) {
    koi_finding(fmt::format("ksize() of {:#x}, which is not an allocated object of {}", address,
                            slab->cache->name()));
    return m.slabs().ksize(slab->cache);
  }
  return host::kPageSize;
}

u64 ksize(Address address) {
  const u64 bytes = usable_bytes(address);
  if (const mm::Cache* const cache = memory().slabs().find_cache_of(to_pointer(address)); cache != nullptr) {
    memory().slabs().forget_requested_size(cache, to_pointer(address));
  }
  return bytes;
}

u64 kmalloc_size_roundup(u64 size) { return memory().kmalloc().roundup(size); }

void kfree_sensitive(Address address) {
  const u64 bytes = ksize(address);
  if (bytes != 0 && guest::fill(address, 0, bytes) != 0) {
    raise(guest::last_fault());
    return;
  }
  kfree(address);
}

void note_resized(Address address, u64 size) {
  void* const p = to_pointer(address);
  if (mm::Slab* const slab = memory().slabs().slab_of(p); slab != nullptr) {
    accounting().slab_resized(slab, p, size);
  } else if (const auto block =
                 memory().pages().block_of(Pfn{(address - host::kDirectMap) / host::kPageSize})) {
    accounting().pages_resized(*block, size);
  }
}

Address krealloc_guarded(Address old, u64 had, u64 size, Gfp gfp) {
  if (had >= size) {
    static_cast<void>(runtime::Accounting::take_site());
    return old;
  }
  const Address fresh = kmalloc(size, gfp);
  if (fresh == 0) return 0;
  std::memcpy(to_pointer(fresh), to_pointer(old), had);
  kfree(old);
  return fresh;
}

Address krealloc(Address old, u64 size, Gfp gfp) {
  runtime::Memory& m = memory();
  if (size == 0) {
    static_cast<void>(runtime::Accounting::take_site());
    kfree(old);
    return to_address(mm::Kmalloc::zero_size_ptr());
  }
  const u64 had = usable_bytes(old);
  if (guarded_bytes(old) != 0) return krealloc_guarded(old, had, size, gfp);
  if (had != 0 && m.kmalloc().ksize(to_pointer(old)) == 0) {
    // Freed already, or plain pages: as the kernel sees it, memory of `had` bytes.
    if (had >= size) {
      static_cast<void>(runtime::Accounting::take_site());
      return old;
    }
    const Address fresh = kmalloc(size, gfp);
    if (fresh == 0) return 0;
    if (guest::copy_out(fresh, to_pointer(old), had) != 0) raise(guest::last_fault());
    kfree(old);
    return fresh;
  }
  if (had >= size) {
    m.kmalloc().resize(to_pointer(old), size, gfp);
    note_resized(old, size);
    static_cast<void>(runtime::Accounting::take_site());
    return old;
  }
  const Address fresh = kmalloc(size, gfp);
  if (fresh == 0 || had == 0) return fresh;
  std::memcpy(to_pointer(fresh), to_pointer(old), had);
  kfree(old);
  return fresh;
}

}  // namespace

Address kmalloc_bytes(u64 size, Gfp gfp, s32 node) { return kmalloc_node(size, gfp, node); }
Address kmalloc_bytes(u64 size, Address bucket, Gfp gfp, s32 node) {
  return kmalloc_from_bucket(size, bucket, gfp, node);
}
void kfree_bytes(Address address) { kfree(address); }
Address krealloc_bytes(Address old, u64 size, Gfp gfp) { return krealloc(old, size, gfp); }

runtime::ExportTable slab_exports() {
  using host::CrossingKind, host::Leaf;
  static const runtime::Export table[] = {
      {"__kmalloc", address(kmalloc), CrossingKind::kPlain, 0, Leaf::kKmalloc},
      {"__kmalloc_noprof", address(kmalloc), CrossingKind::kPlain, 0, Leaf::kKmalloc},
      {"__kmalloc_node", address(kmalloc_node), CrossingKind::kPlain, 0, Leaf::kKmalloc},
      {"__kmalloc_node_noprof", address(kmalloc_node_6_12)},
      {"__kmalloc_node_track_caller", address(kmalloc_node_track_caller)},
      {"__kmalloc_node_track_caller_noprof", address(kmalloc_node_6_12)},
      {"kmalloc_large", address(kmalloc_large)},
      {"__kmalloc_large_noprof", address(kmalloc_large)},
      {"kmalloc_large_node", address(kmalloc_large_node)},
      {"__kmalloc_large_node_noprof", address(kmalloc_large_node)},
      {"kmalloc_trace", address(kmalloc_from_cache), CrossingKind::kPlain, 0, Leaf::kKmallocFromCache},
      {"__kmalloc_cache_noprof", address(kmalloc_from_cache), CrossingKind::kPlain, 0,
       Leaf::kKmallocFromCache},
      {"kmalloc_node_trace", address(kmalloc_node_from_cache)},
      {"__kmalloc_cache_node_noprof", address(kmalloc_node_from_cache)},
      {"kfree", address(kfree), CrossingKind::kPlain, 0, Leaf::kKfree},
      {"kfree_sensitive", address(kfree_sensitive)},
      {"ksize", address(ksize)},
      {"kmalloc_size_roundup", address(kmalloc_size_roundup)},
      {"krealloc", address(krealloc)},
      {"krealloc_noprof", address(krealloc)},
  };
  return table;
}

}  // namespace koi::kapi
