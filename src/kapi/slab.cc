// SPDX-License-Identifier: GPL-2.0-only
// <linux/slab.h>: kmalloc and its family. Names and argument orders of both releases lead to the same functions.
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/memory.h"
#include "runtime/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Gfp;
using runtime::FrameEvent;

Address to_address(const void* p) { return reinterpret_cast<Address>(p); }
void* to_pointer(Address address) { return reinterpret_cast<void*>(address); }

VcpuId cpu() { return current().sched().running_vcpu(); }
runtime::Memory& memory() { return current().memory(); }

// The page allocator's complaint about a failed large request.
void explain_failure(mm::KmallocFailure why, Gfp gfp) {
  if (why != mm::KmallocFailure::kOrderTooLarge) return;
  if ((gfp & memory().pages().gfp().nowarn) != 0 || !memory().first_order_warning()) return;
  current().traps().warn(FrameEvent::kOrderTooLarge, {"mm/page_alloc.c", 5634, 4832});
}

Address kmalloc(u64 size, Gfp gfp) {
  mm::KmallocFailure why = mm::KmallocFailure::kNone;
  void* const p = memory().kmalloc().alloc(size, gfp, cpu(), &why);
  if (p == nullptr) {
    explain_failure(why, gfp);
    return 0;
  }
  memory().note_allocation(size, memory().kmalloc().ksize(p));
  return to_address(p);
}

Address kmalloc_node(u64 size, Gfp gfp, s32 /*node*/) { return kmalloc(size, gfp); }
Address kmalloc_node_bucket(u64 size, Address /*bucket*/, Gfp gfp, s32 /*node*/) { return kmalloc(size, gfp); }

Address kmalloc_from_cache(mm::Cache* cache, Gfp gfp, u64 size) {
  void* const p = memory().kmalloc().alloc_from(cache, size, gfp, cpu());
  if (p != nullptr) memory().note_allocation(size, cache->object_size());
  return to_address(p);
}
Address kmalloc_node_from_cache(mm::Cache* cache, Gfp gfp, s32 /*node*/, u64 size) {
  return kmalloc_from_cache(cache, gfp, size);
}

void kfree(Address address) {
  const u64 bytes = memory().kmalloc().ksize(to_pointer(address));
  const mm::KfreeOutcome outcome = memory().kmalloc().free(to_pointer(address), cpu());
  switch (outcome) {
    case mm::KfreeOutcome::kOk:
      memory().note_free(bytes);
      return;
    case mm::KfreeOutcome::kNothing:
      return;
    case mm::KfreeOutcome::kDoubleFreeOfHead:
      current().traps().bug(FrameEvent::kDoubleFree, {"mm/slub.c", 419, 552});
    default:
      current().traps().unsupported(fmt::format("kfree() of {:#x}, which is no allocated object", address));
  }
}

u64 ksize(Address address) { return memory().kmalloc().ksize(to_pointer(address)); }
u64 kmalloc_size_roundup(u64 size) { return memory().kmalloc().roundup(size); }

Address krealloc(Address old, u64 size, Gfp gfp) {
  mm::KmallocFailure why = mm::KmallocFailure::kNone;
  void* const p = memory().kmalloc().realloc(to_pointer(old), size, gfp, cpu(), &why);
  if (p == nullptr) explain_failure(why, gfp);
  return to_address(p);
}

}  // namespace

runtime::ExportTable slab_exports() {
  static const runtime::Export table[] = {
      {"__kmalloc", address(kmalloc)},
      {"__kmalloc_noprof", address(kmalloc)},
      {"__kmalloc_node", address(kmalloc_node)},
      {"__kmalloc_node_noprof", address(kmalloc_node_bucket)},
      {"kmalloc_large", address(kmalloc)},
      {"__kmalloc_large_noprof", address(kmalloc)},
      {"kmalloc_large_node", address(kmalloc_node)},
      {"__kmalloc_large_node_noprof", address(kmalloc_node)},
      {"kmalloc_trace", address(kmalloc_from_cache)},
      {"__kmalloc_cache_noprof", address(kmalloc_from_cache)},
      {"kmalloc_node_trace", address(kmalloc_node_from_cache)},
      {"__kmalloc_cache_node_noprof", address(kmalloc_node_from_cache)},
      {"kfree", address(kfree)},
      {"ksize", address(ksize)},
      {"kmalloc_size_roundup", address(kmalloc_size_roundup)},
      {"krealloc", address(krealloc)},
      {"krealloc_noprof", address(krealloc)},
  };
  return table;
}

}  // namespace koi::kapi
