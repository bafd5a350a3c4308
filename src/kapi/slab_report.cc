// SPDX-License-Identifier: GPL-2.0-only
// What the slab allocator tells about an object: kmem_dump_obj(), and the checks of hardened usercopy.
#include <algorithm>

#include "engine/mm/slab_debug.h"
#include "host/address_map.h"
#include "kapi/slab_calls.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/modules.h"

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

namespace {

// "Redzone  0x...: bb bb ...  ....", 16 bytes a line.
void dump_bytes(std::string_view what, Address from, u64 bytes) {
  for (u64 done = 0; done < bytes; done += 16) {
    std::string hex, text;
    for (u64 i = done; i < std::min<u64>(done + 16, bytes); ++i) {
      const u8 byte = guest::load<u8>(from + i).value_or(0);
      if (!hex.empty()) hex += ' ';
      hex += fmt::format("{:02x}", byte);
      text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    current().console().print(
        3, fmt::format("{:<8} {}: {:<47}  {}", what, kernel_text("%p", {from + done}), hex, text));
  }
}

void dump_object(const mm::Geometry& geometry, Address object) {
  const bool red = (geometry.flags & mm::slab_flag::kRedZone) != 0;
  if (red) dump_bytes("Redzone", object - geometry.red_left_pad, geometry.red_left_pad);
  dump_bytes("Object", object, std::min<u64>(geometry.object_size, host::kPageSize));
  if (red) dump_bytes("Redzone", object + geometry.object_size, geometry.inuse - geometry.object_size);
}

}  // namespace

void report_damage(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::ObjectUse /*expected*/,
                   const mm::Damage& damage) {
  runtime::Console& console = current().console();
  const mm::Geometry& geometry = cache.geometry();
  const Address slab_start = to_address(slab.base) - geometry.red_left_pad;
  const Address first = to_address(damage.first);
  const Address last = to_address(damage.last);
  console.print(3, "=============================================================================");
  console.print(3, fmt::format("BUG {} ({}): {} overwritten", cache.name(),
                               runtime::taint_string(current().modules().taint().mask), damage.what));
  console.print(3, "-----------------------------------------------------------------------------\n");
  console.print(3, kernel_text("0x%p-0x%p @offset=%tu. First byte 0x%x instead of 0x%x",
                               {first, last, first - slab_start, damage.found, damage.expected}));
  const Pfn pfn{(slab_start - host::kDirectMap) / host::kPageSize};
  console.print(
      3, kernel_text("Slab 0x%p objects=%u used=%u fp=0x%p flags=%pGp",
                     {page_of(pfn), slab.objects, slab.objects - slab.free_objects(), 0, page_of(pfn)}));
  if (object != nullptr) {
    console.print(3, kernel_text("Object 0x%p @offset=%tu fp=0x%p\n",
                                 {to_address(object), to_address(object) - slab_start, 0}));
    dump_object(geometry, to_address(object));
  }
  current().traps().dump_stack(4, FrameEvent::kSlabDamage);
  constexpr u32 kTaintBadPage = 5;
  current().modules().taint().mask |= 1ULL << kTaintBadPage;
  if (memory().first_time(runtime::Once::kLockDebuggingOff)) {
    console.print(4, "Disabling lock debugging due to kernel taint");
  }
  console.print(
      3, kernel_text(fmt::format("FIX {}: Restoring {} 0x%p-0x%p=0x%x", cache.name(), damage.what).c_str(),
                     {first, last, damage.expected}));
  current().note(observe::EventKind::kWarning, fmt::format("{}: {} overwritten", cache.name(), damage.what));
}

runtime::ExportTable slab_report_exports() {
  static const runtime::Export table[] = {
      {"kmem_dump_obj", address(kmem_dump_obj)},
      {"__check_object_size", address(check_object_size)},
  };
  return table;
}

}  // namespace koi::kapi
