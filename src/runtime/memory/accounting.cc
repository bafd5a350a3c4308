// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/accounting.h"

#include <fmt/core.h>

#include <vector>

#include "engine/mm/nobodys_object.h"
#include "host/address_map.h"
#include "host/crossing.h"
#include "runtime/memory/memory.h"

namespace koi::runtime {

using observe::AllocationEvent;
using observe::AllocationKind;
using observe::ObjectOrigin;
using observe::PackedOrigin;
using observe::SiteNumber;

namespace {

u64 slab_actual(const mm::Cache& cache) { return cache.geometry().size; }
u64 block_bytes(const mm::PageDesc& desc) { return host::kPageSize << desc.order; }
u64 page_address(Pfn pfn) { return host::kDirectMap + pfn.value * host::kPageSize; }
AllocationKind kind_of(const mm::PageDesc& desc) {
  return desc.use == mm::PageUse::kLargeKmalloc ? AllocationKind::kLargeKmalloc : AllocationKind::kPages;
}
u64 to_address(const void* p) { return reinterpret_cast<u64>(p); }

AllocationEvent page_event(Pfn pfn, const mm::PageDesc& desc) {
  return {kind_of(desc), page_address(pfn), {}, block_bytes(desc), desc.origin()};
}
AllocationEvent area_event(const mm::VmArea& area) {
  return {AllocationKind::kVmalloc, area.address, {}, area.size - area.guard_bytes(), *area.origin};
}

}  // namespace

SiteNumber Accounting::take_site() {
  host::GsArea* const area = host::gs_area();
  if (area == nullptr) return observe::kNoSite;  // booting
  const auto site = static_cast<SiteNumber>(area->site);
  area->site = observe::kNoSite;
  return site;
}

void Accounting::set_site(SiteNumber site) { host::gs_area()->site = site; }

u64 Accounting::now_ns() {
  const host::GsArea* const area = host::gs_area();
  return area == nullptr ? 0 : area->clock->now_ns;
}

ObjectOrigin Accounting::origin_now(u64 requested, mm::Gfp gfp) const {
  return {take_site(), gfp, requested, now_ns()};
}

void Accounting::note_freed(const AllocationEvent& event) {
  sites_.freed(event.origin.site, event.origin.requested, event.actual);
  tell([&](auto& listener) { listener.freed(event, now_ns()); });
}

// ---- slab objects ----

void Accounting::note_slab(mm::Cache* cache, void* object, u64 requested, mm::Gfp gfp) {
  const ObjectOrigin origin = origin_now(requested, gfp);
  mm::Slab* const slab = memory_.slabs().slab_of(object);
  const PackedOrigin packed = PackedOrigin::pack(origin);
  mm::SlabAllocator::set_origin_of(slab, object, packed);
  sites_.allocated(origin.site, packed.requested(slab_actual(*cache)), slab_actual(*cache));
  tell([&](auto& listener) {
    listener.allocated(
        {AllocationKind::kSlab, to_address(object), cache->name(), slab_actual(*cache), origin});
  });
}

PackedOrigin Accounting::read_slab_origin(mm::Slab* slab, const void* object) {
  if (slab->slot_of(object) >= slab->slots()) return {};
  const u32 number = slab->cache->object_number(slab->slot_of(object));
  return number < slab->objects ? slab->origin(number) : PackedOrigin{};
}

void Accounting::note_slab_freed(const mm::Cache& cache, const void* object, PackedOrigin origin) {
  if (mm::is_nobodys(origin)) return;
  note_freed({AllocationKind::kSlab, to_address(object), cache.name(), slab_actual(cache),
              origin.unpack(slab_actual(cache))});
}

void Accounting::slab_resized(mm::Slab* slab, const void* object, u64 requested) {
  if (!enabled_) return;
  const mm::Cache& cache = *slab->cache;
  ObjectOrigin origin = mm::SlabAllocator::origin_of(slab, object).unpack(slab_actual(cache));
  sites_.resized(origin.site, origin.requested, requested);
  tell([&](auto& listener) {
    listener.resized({AllocationKind::kSlab, to_address(object), cache.name(), slab_actual(cache), origin},
                     requested, now_ns());
  });
  origin.requested = requested;
  mm::SlabAllocator::set_origin_of(slab, object, PackedOrigin::pack(origin));
}

// ---- pages ----

void Accounting::pages_allocated(AllocationKind kind, Pfn pfn, u32 order, u64 requested, mm::Gfp gfp) {
  const ObjectOrigin origin = origin_now(requested, gfp);
  if (!enabled_) return;
  const u64 actual = host::kPageSize << order;
  memory_.pages().desc(pfn).set_origin(origin);
  sites_.allocated(origin.site, requested, actual);
  tell([&](auto& listener) { listener.allocated({kind, page_address(pfn), {}, actual, origin}); });
}

void Accounting::exact_pages_allocated(Pfn first, u64 pages, u64 requested, mm::Gfp gfp) {
  ObjectOrigin origin = origin_now(requested, gfp);
  if (!enabled_) return;
  const u64 actual = pages * host::kPageSize;
  sites_.allocated(origin.site, requested, actual);
  sites_.split(origin.site, pages - 1);
  tell([&](auto& listener) {
    listener.allocated({AllocationKind::kPages, page_address(first), {}, actual, origin});
  });
  for (u64 i = 0; i < pages; ++i) {
    origin.requested = std::min(requested, host::kPageSize);
    requested -= origin.requested;
    memory_.pages().desc(Pfn{first.value + i}).set_origin(origin);
  }
}

std::optional<AllocationEvent> Accounting::pages_at(Pfn pfn) const {
  const mm::PageDesc* const desc = memory_.pages().find(pfn);
  if (desc == nullptr || desc->state != mm::PageState::kAllocated || !desc->has_origin()) return std::nullopt;
  return page_event(pfn, *desc);
}

void Accounting::pages_resized(Pfn pfn, u64 requested) {
  mm::PageDesc& desc = memory_.pages().desc(pfn);
  if (!desc.has_origin()) return;
  sites_.resized(desc.origin().site, desc.requested, requested);
  tell([&](auto& listener) { listener.resized(page_event(pfn, desc), requested, now_ns()); });
  desc.requested = static_cast<u32>(requested);
}

void Accounting::pages_split(Pfn pfn, u32 order) {
  mm::PageDesc& desc = memory_.pages().desc(pfn);
  if (!desc.has_origin() || order == 0) return;
  ObjectOrigin origin = desc.origin();
  u64 left = origin.requested;
  sites_.split(origin.site, (u64{1} << order) - 1);
  tell([&](auto& listener) { listener.split(page_event(pfn, desc), now_ns()); });
  for (u64 i = 0; i < u64{1} << order; ++i) {
    origin.requested = std::min(left, host::kPageSize);
    left -= origin.requested;
    memory_.pages().desc(Pfn{pfn.value + i}).set_origin(origin);
  }
}

// ---- vmalloc, per-CPU ----

void Accounting::vmalloc_allocated(u64 address, u64 requested, mm::Gfp gfp) {
  const ObjectOrigin origin = origin_now(requested, gfp);
  if (!enabled_) return;
  memory_.vmalloc().set_origin(address, origin);
  const AllocationEvent event = area_event(*memory_.vmalloc().find(address));
  sites_.allocated(origin.site, requested, event.actual);
  tell([&](auto& listener) { listener.allocated(event); });
}

std::optional<AllocationEvent> Accounting::area_at(const mm::VmArea* area) const {
  if (area == nullptr || !area->origin) return std::nullopt;
  return area_event(*area);
}

void Accounting::vmalloc_resized(const mm::VmArea& area, u64 requested) {
  if (!area.origin) return;
  ObjectOrigin origin = *area.origin;
  sites_.resized(origin.site, origin.requested, requested);
  tell([&](auto& listener) { listener.resized(area_event(area), requested, now_ns()); });
  origin.requested = requested;
  memory_.vmalloc().set_origin(area.address, origin);
}

void Accounting::percpu_allocated(u64 offset, u64 bytes, mm::Gfp gfp) {
  const ObjectOrigin origin = origin_now(bytes * cpus_, gfp);
  if (!enabled_) return;
  percpu_[offset] = origin;
  sites_.allocated(origin.site, bytes * cpus_, bytes * cpus_);
  tell([&](auto& listener) {
    listener.allocated({AllocationKind::kPercpu, offset, {}, bytes * cpus_, origin});
  });
}

void Accounting::percpu_freed(u64 offset) {
  const auto it = percpu_.find(offset);
  if (it == percpu_.end()) return;
  const ObjectOrigin origin = it->second;
  percpu_.erase(it);
  note_freed({AllocationKind::kPercpu, offset, {}, origin.requested, origin});
}

// ---- observers ----

void Accounting::for_each_live(const std::function<void(const LiveObject&)>& visit) const {
  if (!enabled_) return;
  memory_.slabs().for_each_object([&](const mm::Cache& cache, mm::Slab& slab, const void* object) {
    if (mm::is_nobodys(mm::SlabAllocator::origin_of(&slab, object))) return;
    visit({AllocationKind::kSlab, to_address(object), slab_actual(cache), &cache,
           mm::SlabAllocator::origin_of(&slab, object).unpack(slab_actual(cache))});
  });
  memory_.pages().for_each_allocated([&](Pfn pfn, const mm::PageDesc& desc) {
    if (desc.has_origin())
      visit({kind_of(desc), page_address(pfn), block_bytes(desc), nullptr, desc.origin()});
  });
  for (const mm::VmArea* const area : memory_.vmalloc().areas()) {
    if (area->origin) {
      visit({AllocationKind::kVmalloc, area->address, area->size - area->guard_bytes(), nullptr,
             *area->origin});
    }
  }
  for (const auto& [offset, origin] : percpu_)
    visit({AllocationKind::kPercpu, offset, origin.requested, nullptr, origin});
}

observe::SiteTotals Accounting::totals() const {
  observe::SiteTotals sum;
  for (SiteNumber site = 0; site < sites_.end(); ++site) {
    const observe::SiteTotals one = sites_.totals(site);
    sum.calls += one.calls;
    sum.requested_bytes += one.requested_bytes;
    sum.actual_bytes += one.actual_bytes;
    sum.live_objects += one.live_objects;
    sum.live_requested += one.live_requested;
    sum.live_actual += one.live_actual;
    sum.failures += one.failures;
  }
  return sum;
}

std::optional<std::string> Accounting::check_invariants() const {
  std::vector<observe::SiteTotals> live(sites_.end());
  for_each_live([&](const LiveObject& object) {
    observe::SiteTotals& one = live.at(object.origin.site);
    ++one.live_objects;
    one.live_requested += object.origin.requested;
    one.live_actual += object.actual;
  });
  for (SiteNumber site = 0; site < sites_.end(); ++site) {
    const observe::SiteTotals kept = sites_.totals(site);
    const observe::SiteTotals& seen = live[site];
    if (kept.live_objects != seen.live_objects || kept.live_requested != seen.live_requested ||
        kept.live_actual != seen.live_actual) {
      return fmt::format("site {}: {} objects of {} and {} bytes are alive, counted {} of {} and {}", site,
                         seen.live_objects, seen.live_requested, seen.live_actual, kept.live_objects,
                         kept.live_requested, kept.live_actual);
    }
  }
  return std::nullopt;
}

}  // namespace koi::runtime
