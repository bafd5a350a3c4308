// SPDX-License-Identifier: GPL-2.0-only
// Accounting: which call site asked for which live object, for every kind of memory that modules get.
//
// kapi/ tells it of each allocation that succeeded or failed and of each free, before the engine forgets the object; it
// keeps the sums per site exact, the origin beside each object, and passes events on to a recorder. Slab objects keep their
// origin in their slab, blocks of pages in the page descriptor, vmalloc areas in the area, per-CPU memory here.
// Switched off (KernelConfig::accounting) it costs one test and knows nothing.
#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "engine/mm/percpu.h"
#include "engine/mm/slab.h"
#include "engine/mm/vmalloc.h"
#include "observe/allocation_events.h"

namespace koi::runtime {

class Memory;

// A live object. `cache` is set for slab objects.
struct LiveObject {
  observe::AllocationKind kind = observe::AllocationKind::kSlab;
  u64 address = 0;  // per-CPU: the offset
  u64 actual = 0;
  const mm::Cache* cache = nullptr;
  observe::ObjectOrigin origin;
};

class Accounting {
 public:
  enum class Enabled : bool { kNo, kYes };
  Accounting(Memory& memory, Enabled enabled, u32 cpus, std::pmr::memory_resource* resource)
      : memory_(memory),
        enabled_(enabled == Enabled::kYes),
        cpus_(cpus),
        sites_(resource),
        percpu_(resource) {}

  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] observe::AllocationSites& sites() { return sites_; }
  [[nodiscard]] const observe::AllocationSites& sites() const { return sites_; }

  // The site of the call that is being served. Taking it leaves none for the next call.
  [[nodiscard]] static observe::SiteNumber take_site();
  static void set_site(observe::SiteNumber site);

  // Every allocation and free is told to `recorder` from now on; nullptr: no more. It must outlive its use.
  void set_recorder(observe::AllocationRecorder* recorder) {
    recorder_ = recorder;
    if (recorder_changed_) recorder_changed_();
  }
  // Another listener, for as long as the machine runs: the checks of instrumented modules.
  void set_watcher(observe::AllocationRecorder* watcher) {
    watcher_ = watcher;
    if (recorder_changed_) recorder_changed_();
  }
  [[nodiscard]] bool listened_to() const { return recorder_ != nullptr || watcher_ != nullptr; }
  // `changed` is called when a recorder or watcher comes or goes.
  void on_recorder_change(std::function<void()> changed) { recorder_changed_ = std::move(changed); }
  [[nodiscard]] observe::AllocationRecorder* recorder() const { return recorder_; }

  // ---- told by kapi/ ----
  void failed() {
    const observe::SiteNumber site = take_site();
    if (!enabled_) return;
    sites_.failed(site);
    tell([&](auto& listener) { listener.failed(site, now_ns()); });
  }
  // A failed attempt that the caller makes good by other means.
  void retract_failure(observe::SiteNumber site) {
    if (!enabled_) return;
    sites_.retract_failure(site);
    tell([&](auto& listener) { listener.failure_retracted(site); });
  }
  void slab_allocated(mm::Cache* cache, void* object, u64 requested, mm::Gfp gfp) {
    if (enabled_) note_slab(cache, object, requested, gfp);
  }
  // The origin, before a free that may be refused; slab_freed() when it was not.
  [[nodiscard]] observe::PackedOrigin slab_origin(mm::Slab* slab, const void* object) const {
    return enabled_ ? read_slab_origin(slab, object) : observe::PackedOrigin{};
  }
  void slab_freed(const mm::Cache& cache, const void* object, observe::PackedOrigin origin) {
    if (enabled_) note_slab_freed(cache, object, origin);
  }
  void slab_resized(mm::Slab* slab, const void* object, u64 requested);
  // A block of pages: `requested` bytes of it were asked for.
  void pages_allocated(observe::AllocationKind kind, Pfn pfn, u32 order, u64 requested, mm::Gfp gfp);
  // alloc_pages_exact: `pages` single pages in a row.
  void exact_pages_allocated(Pfn first, u64 pages, u64 requested, mm::Gfp gfp);
  // The block as it is recorded, before a free that may be refused; nullopt: nobody asked for it.
  [[nodiscard]] std::optional<observe::AllocationEvent> pages_at(Pfn pfn) const;
  void freed(const std::optional<observe::AllocationEvent>& event) {
    if (event) note_freed(*event);
  }
  void pages_resized(Pfn pfn, u64 requested);
  // Before the engine splits an allocated block into single pages.
  void pages_split(Pfn pfn, u32 order);
  void vmalloc_allocated(u64 address, u64 requested, mm::Gfp gfp);
  [[nodiscard]] std::optional<observe::AllocationEvent> area_at(const mm::VmArea* area) const;
  void vmalloc_resized(const mm::VmArea& area, u64 requested);
  void percpu_allocated(u64 offset, u64 bytes, mm::Gfp gfp);
  void percpu_freed(u64 offset);

  // ---- observers ----
  // Every live object that a module (or the core on its behalf) asked for: slab objects cache by cache, pages by frame number,
  // vmalloc areas by address, per-CPU memory by offset.
  void for_each_live(const std::function<void(const LiveObject&)>& visit) const;
  // The sums over all sites.
  [[nodiscard]] observe::SiteTotals totals() const;
  // nullopt: the sums of each site agree with the live objects. O(everything).
  [[nodiscard]] std::optional<std::string> check_invariants() const;

 private:
  [[nodiscard]] observe::ObjectOrigin origin_now(u64 requested, mm::Gfp gfp) const;
  [[nodiscard]] static u64 now_ns();
  void note_slab(mm::Cache* cache, void* object, u64 requested, mm::Gfp gfp);
  void note_slab_freed(const mm::Cache& cache, const void* object, observe::PackedOrigin origin);
  [[nodiscard]] static observe::PackedOrigin read_slab_origin(mm::Slab* slab, const void* object);
  void note_freed(const observe::AllocationEvent& event);

  template <class Telling>
  void tell(const Telling& telling) {
    if (recorder_ != nullptr) telling(*recorder_);
    if (watcher_ != nullptr) telling(*watcher_);
  }

  Memory& memory_;
  const bool enabled_;
  const u32 cpus_;
  observe::AllocationRecorder* recorder_ = nullptr;
  observe::AllocationRecorder* watcher_ = nullptr;
  std::function<void()> recorder_changed_;
  observe::AllocationSites sites_;
  std::pmr::map<u64, observe::ObjectOrigin> percpu_;  // by offset
};

}  // namespace koi::runtime
