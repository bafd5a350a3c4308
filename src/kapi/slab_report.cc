// SPDX-License-Identifier: GPL-2.0-only
// What the slab allocator tells about an object: kmem_dump_obj(), and the checks of hardened usercopy.
#include <algorithm>

#include "host/address_map.h"
#include "kapi/slab_calls.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/modules/modules.h"

namespace koi::kapi {
namespace {

using guest::Address;
using runtime::FrameEvent;

bool is_direct_map(Address address) {
  const Pfn pfn{(address - host::kDirectMap) / host::kPageSize};
  return address >= host::kDirectMap && memory().pages().find(pfn) != nullptr;
}

// ---- kmem_dump_obj ----

bool kmem_dump_obj(Address address) {
  if (address < host::kPageSize || !is_direct_map(address)) return false;
  mm::SlabAllocator& slabs = memory().slabs();
  const mm::Slab* const slab = slabs.slab_of(to_pointer(address));
  if (slab == nullptr) return false;
  const mm::Cache* const cache = slab->cache;
  const mm::Geometry& geometry = cache->geometry();
  // "start" is where the object's slot begins, red zone included; the data offset leads past that.
  const Address slab_start = to_address(slab->base) - geometry.red_left_pad;
  const u64 number = (address - slab_start) / geometry.size;
  const Address start = slab_start + number * geometry.size;
  u64 data_offset = 0;
  if ((geometry.flags & mm::slab_flag::kRedZone) != 0 && address >= start + geometry.red_left_pad) {
    data_offset = geometry.red_left_pad;
  }
  std::string text = fmt::format(" slab {} start {:016x}", cache->name(), start);
  if (data_offset != 0) text += fmt::format(" data offset {}", data_offset);
  text += fmt::format(" pointer offset {}", address - start - data_offset);
  const u32 size = current().is_6_12() ? cache->object_size() : cache->usercopy_size();
  if (size != 0) text += fmt::format(" size {}", size);
  text += '\n';
  kernel_print("\001c%s", {guest::address_of(text.c_str())});
  return true;
}

// ---- hardened usercopy ----

class UsercopyCheck {
 public:
  UsercopyCheck(Address address, u64 size, bool to_user)
      : address_(address), size_(size), to_user_(to_user) {}

  void run() const {
    if (size_ == 0) return;
    if (address_ + (size_ - 1) < address_) abort("wrapped address", {}, 0, address_ + size_);
    if (address_ <= kZeroSizePointer) abort("null address", {}, address_, size_);
    if (on_stack()) return;
    check_heap();
    check_text();
  }

 private:
  [[noreturn]] void abort(std::string_view name, std::string_view detail, u64 offset, u64 size,
                          FrameEvent event = FrameEvent::kUsercopyAbortEarly) const {
    const std::string quoted = detail.empty() ? "" : fmt::format(" '{}'", detail);
    current().console().print(
        0, fmt::format("usercopy: Kernel memory {} attempt detected {} {}{} (offset {}, size {})!",
                       to_user_ ? "exposure" : "overwrite", to_user_ ? "from" : "to", name, quoted, offset,
                       size));
    current().traps().bug(event, {"mm/usercopy.c", 101, 102});
  }

  // The running task's kernel stack: below the caller's frame nothing may be copied.
  bool on_stack() const {
    const Address stack = current().sched().current()->kernel_stack;
    const Address end = stack + host::kThreadSize;
    if (address_ + size_ <= stack || end <= address_) return false;
    const Address pointer = host::gs_area()->border + sizeof(host::BorderRecord);
    if (address_ < stack || end < address_ + size_ || address_ < pointer)
      abort("process stack", {}, pointer - address_, size_);
    return true;
  }

  void check_heap() const {
    runtime::Memory& m = memory();
    if (address_ - host::kVmalloc < current().world().vmalloc_size()) {
      const mm::VmArea* const area = m.vmalloc().find(address_);
      if (area == nullptr) abort("vmalloc", "no area", 0, size_);
      if (size_ > area->end() - address_) abort("vmalloc", {}, address_ - area->address, size_);
      return;
    }
    if (!is_direct_map(address_)) return;
    if (const mm::Slab* const slab = m.slabs().slab_of(to_pointer(address_)); slab != nullptr) {
      check_slab(*slab);
      return;
    }
    const Pfn pfn{(address_ - host::kDirectMap) / host::kPageSize};
    const auto block = m.pages().block_of(pfn);
    if (!block || !m.is_compound(*block)) return;
    const u64 offset = address_ - (host::kDirectMap + block->value * host::kPageSize);
    const u64 bytes = host::kPageSize << m.pages().desc(*block).order;
    if (size_ > bytes - offset) abort("page alloc", {}, offset, size_);
  }

  void check_slab(const mm::Slab& slab) const {
    const mm::Cache& cache = *slab.cache;
    const mm::Geometry& geometry = cache.geometry();
    u64 offset = (address_ - (to_address(slab.base) - geometry.red_left_pad)) % geometry.size;
    if ((geometry.flags & mm::slab_flag::kRedZone) != 0) {
      if (offset < geometry.red_left_pad) {
        abort("SLUB object in left red zone", cache.name(), offset, size_, FrameEvent::kUsercopyAbort);
      }
      offset -= geometry.red_left_pad;
    }
    const u64 first = cache.usercopy_offset();
    const u64 bytes = cache.usercopy_size();
    if (offset >= first && offset - first <= bytes && size_ <= first - offset + bytes) return;
    abort("SLUB object", cache.name(), offset, size_, FrameEvent::kUsercopyAbort);
  }

  void check_text() const {
    const Address low = current().core().text_begin();
    const Address high = current().core().text_end();
    if (address_ < high && address_ + size_ > low) abort("kernel text", {}, address_ - low, size_);
  }

  Address address_;
  u64 size_;
  bool to_user_;
};

void check_object_size(Address address, u64 size, bool to_user) {
  UsercopyCheck(address, size, to_user).run();
}

}  // namespace

runtime::ExportTable slab_report_exports() {
  static const runtime::Export table[] = {
      {"kmem_dump_obj", address(kmem_dump_obj)},
      {"__check_object_size", address(check_object_size)},
  };
  return table;
}

}  // namespace koi::kapi
