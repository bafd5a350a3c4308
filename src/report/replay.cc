// SPDX-License-Identifier: GPL-2.0-only
#include "report/replay.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "report/replay_machine.h"

namespace koi::report {
namespace {

constexpr u32 kMostVcpus = 64;
constexpr u64 kMapCells = 512;
constexpr std::string_view kOwnCacheName = "koi_advised_cache";

// One object as it lies in the replaying machine.
struct Placed {
  AllocatorKind kind = AllocatorKind::kSlab;
  u64 handle = 0;  // address in the replay's RAM, first frame, or area
  u64 bytes = 0;
  u32 site = 0;
  bool exact = false;  // single pages in a row
};

class Replayer {
 public:
  Replayer(const Trace& trace, const ReplayOptions& options)
      : trace_(trace),
        options_(options),
        release_(options.change.release.value_or(trace.machine.is_6_12() ? Release::k6_12 : Release::k6_1)),
        cpus_(std::clamp(trace.machine.cpus, 1U, kMostVcpus)),
        machine_(release_, cpus_, trace.machine.memory_bytes) {}

  ReplayResult run() {
    for (size_t i = 0; i < trace_.events.size(); ++i) {
      event(trace_.events[i]);
      if (i + 1 == options_.snapshot_after) result_.snapshot = snapshot();
    }
    return std::move(result_);
  }

 private:
  [[nodiscard]] VcpuId cpu_of(const TraceEvent& e) const { return VcpuId{e.cpu % cpus_}; }

  // The request's meaning in the bits of the release that is replayed; no zeroing.
  [[nodiscard]] mm::Gfp gfp_of(const TraceEvent& e) const {
    const mm::GfpBits& from = mm::gfp_bits(trace_.machine.is_6_12() ? Release::k6_12 : Release::k6_1);
    const mm::GfpBits& to = mm::gfp_bits(release_);
    mm::Gfp gfp = to.kernel();
    if ((e.gfp & from.dma) != 0) gfp |= to.dma;
    if ((e.gfp & from.dma32) != 0) gfp |= to.dma32;
    if ((e.gfp & from.reclaimable) != 0) gfp |= to.reclaimable;
    if ((e.gfp & from.account) != 0) gfp |= to.account;
    return gfp;
  }

  void event(const TraceEvent& e) {
    if (e.type == TraceEventType::kAlloc) {
      if (const auto there = objects_.find(e.address); there != objects_.end()) drop(e, there);
      allocate(e);
    } else if (e.type == TraceEventType::kFree) {
      free(e);
    }
  }

  void allocate(const TraceEvent& e) {
    Placed placed;
    placed.kind = e.kind;
    const bool changed = e.site != 0 && e.site == options_.change.site;
    const bool done = changed ? place_changed(e, placed) : place(e, placed);
    if (!done) {
      ++result_.failures;
      return;
    }
    placed.site = e.site;
    objects_[e.address] = placed;
    total_bytes_ += placed.bytes;
    result_.total_peak_bytes = std::max(result_.total_peak_bytes, total_bytes_);
    if (changed) {
      site_bytes_ += placed.bytes;
      result_.site_peak_bytes = std::max(result_.site_peak_bytes, site_bytes_);
    }
    result_.peak_pages = std::max(result_.peak_pages, machine_.taken_pages());
  }

  // As the trace has it.
  bool place(const TraceEvent& e, Placed& placed) {
    switch (e.kind) {
      case AllocatorKind::kSlab: {
        const std::string& name = trace_.caches[e.cache];
        if (e.cache == 0 || name.starts_with("kmalloc-") || name.starts_with("dma-kmalloc-"))
          return place_kmalloc(e, e.requested, placed);
        return place_in_cache(e, name, static_cast<u32>(e.actual), placed);
      }
      case AllocatorKind::kLarge:
        return place_kmalloc(e, std::max(e.requested, mm::kKmallocMaxCacheSize + 1), placed);
      case AllocatorKind::kPages:
        if (std::has_single_bit(e.actual)) return place_block(e, placed);
        return place_exact(e, placed);
      case AllocatorKind::kVmalloc:
        return place_area(e, placed);
      case AllocatorKind::kPercpu:
        placed.bytes = e.actual;
        return true;
    }
    return false;
  }

  bool place_changed(const TraceEvent& e, Placed& placed) {
    const Change& change = options_.change;
    switch (change.to) {
      case Alternative::kAsItWas:
        return place(e, placed);
      case Alternative::kOwnCache:
        placed.kind = AllocatorKind::kSlab;
        return place_in_cache(e, kOwnCacheName, static_cast<u32>(change.size), placed);
      case Alternative::kExactPages:
        placed.kind = AllocatorKind::kPages;
        return place_exact(e, placed);
      case Alternative::kVmalloc:
        placed.kind = AllocatorKind::kVmalloc;
        return place_area(e, placed);
      case Alternative::kKvmalloc:
        if (place_kmalloc(e, e.requested, placed)) return true;
        placed.kind = AllocatorKind::kVmalloc;
        return place_area(e, placed);
      case Alternative::kNextClass:
        return place_kmalloc(e, std::min(e.requested, change.size), placed);
    }
    return false;
  }

  bool place_kmalloc(const TraceEvent& e, u64 size, Placed& placed) {
    void* const p = machine_.kmalloc().alloc(size, gfp_of(e), cpu_of(e));
    if (p == nullptr || mm::Kmalloc::is_nothing(p)) return false;
    placed.kind = size > mm::kKmallocMaxCacheSize ? AllocatorKind::kLarge : AllocatorKind::kSlab;
    placed.handle = reinterpret_cast<u64>(p);
    placed.bytes = machine_.kmalloc().ksize(p);
    if (const mm::Slab* const slab = machine_.slabs().slab_of(p); slab != nullptr) use(slab->cache);
    return true;
  }

  bool place_in_cache(const TraceEvent& e, std::string_view name, u32 size, Placed& placed) {
    mm::Cache* const cache = machine_.cache(name, size);
    if (cache == nullptr) return false;
    void* const p = machine_.slabs().alloc(cache, gfp_of(e), cpu_of(e));
    if (p == nullptr) return false;
    placed.handle = reinterpret_cast<u64>(p);
    placed.bytes = cache->geometry().size;
    use(cache);
    return true;
  }

  bool place_block(const TraceEvent& e, Placed& placed) {
    const Order order{static_cast<u8>(std::countr_zero(e.actual) - static_cast<int>(mm::kPageShift))};
    if (order.value > mm::kMaxOrder) return false;
    const mm::PageAllocation got = machine_.pages().alloc(order, gfp_of(e), cpu_of(e));
    if (!got) return false;
    placed.handle = got.pfn.value;
    placed.bytes = e.actual;
    return true;
  }

  bool place_exact(const TraceEvent& e, Placed& placed) {
    if (e.requested == 0 || e.requested > mm::kKmallocMaxSize) return false;
    const mm::PageAllocation got = machine_.pages().alloc_exact(e.requested, gfp_of(e), cpu_of(e));
    if (!got) return false;
    placed.handle = got.pfn.value;
    placed.bytes = mm::align_up(e.requested, mm::kPageSize);
    placed.exact = true;
    return true;
  }

  bool place_area(const TraceEvent& e, Placed& placed) {
    mm::Vmalloc::Request request;
    request.size = e.requested;
    request.gfp = gfp_of(e);
    request.at = cpu_of(e);
    const mm::VmallocResult got = machine_.vmalloc().alloc(request);
    if (got.outcome != mm::VmallocOutcome::kOk) return false;
    placed.handle = got.address;
    placed.bytes = mm::align_up(e.requested, mm::kPageSize);
    return true;
  }

  void use(mm::Cache* cache) {
    if (std::find(used_.begin(), used_.end(), cache) == used_.end()) used_.push_back(cache);
  }

  // A block that goes page by page goes with its first page here: the replay holds whole objects.
  void free(const TraceEvent& e) {
    if (const auto found = objects_.find(e.address); found != objects_.end()) drop(e, found);
  }

  void drop(const TraceEvent& e, std::unordered_map<u64, Placed>::iterator found) {
    const Placed placed = found->second;
    objects_.erase(found);
    total_bytes_ -= placed.bytes;
    if (placed.site != 0 && placed.site == options_.change.site) site_bytes_ -= placed.bytes;
    const VcpuId cpu = cpu_of(e);
    switch (placed.kind) {
      case AllocatorKind::kSlab:
      case AllocatorKind::kLarge:
        static_cast<void>(machine_.kmalloc().free(reinterpret_cast<void*>(placed.handle), cpu));
        break;
      case AllocatorKind::kPages:
        if (placed.exact) {
          static_cast<void>(machine_.pages().free_exact(Pfn{placed.handle}, placed.bytes, cpu));
        } else {
          const auto order =
              static_cast<u8>(std::countr_zero(placed.bytes) - static_cast<int>(mm::kPageShift));
          static_cast<void>(machine_.pages().free(Pfn{placed.handle}, Order{order}, cpu));
        }
        break;
      case AllocatorKind::kVmalloc:
        static_cast<void>(machine_.vmalloc().free(placed.handle, cpu));
        break;
      case AllocatorKind::kPercpu:
        break;
    }
  }

  Snapshot snapshot() {
    Snapshot shot;
    for (const mm::Cache* cache : used_) {
      const mm::SlabInfo info = machine_.slabs().slab_info(cache);
      u64 in_use = 0, capacity = 0;
      for (const mm::RemainingSlab& slab : machine_.slabs().remaining_slabs(cache))
        in_use += slab.allocated.size();
      capacity = cache->slab_count() * info.objects_per_slab;
      shot.slabs.push_back({std::string(cache->name()), info.object_size, in_use, capacity,
                            cache->slab_count(), cache->slab_count() * info.pages_per_slab});
    }
    mm::Buddy& pages = machine_.pages();
    for (u32 z = 0; z < mm::kZoneCount; ++z) {
      const auto zone = static_cast<mm::Zone>(z);
      if (pages.managed_pages(zone) == 0) continue;
      BuddyUse use{mm::zone_name(zone), pages.managed_pages(zone), pages.free_pages(zone), {}};
      for (u8 order = 0; order < mm::kOrderCount; ++order)
        use.free_blocks[order] = pages.free_blocks(zone, Order{order});
      shot.zones.push_back(use);
    }
    shot.map = map_of_memory();
    return shot;
  }

  MemoryMap map_of_memory() {
    MemoryMap map;
    map.pages_per_cell = std::max<u64>(1, (machine_.ram_pages() + kMapCells - 1) / kMapCells);
    map.taken_pages.resize((machine_.ram_pages() + map.pages_per_cell - 1) / map.pages_per_cell);
    constexpr u64 kReserved = 256;
    for (u64 pfn = kReserved; pfn < machine_.ram_pages(); ++pfn) {
      const mm::PageDesc& desc = machine_.pages().desc(Pfn{pfn});
      if (desc.state != mm::PageState::kAllocated) continue;
      const u64 pages = u64{1} << desc.order;
      for (u64 i = pfn; i < pfn + pages; ++i) ++map.taken_pages[i / map.pages_per_cell];
      pfn += pages - 1;
    }
    return map;
  }

  const Trace& trace_;
  const ReplayOptions& options_;
  Release release_;
  u32 cpus_;
  ReplayMachine machine_;
  ReplayResult result_;
  std::unordered_map<u64, Placed> objects_;  // by the trace's address
  std::vector<mm::Cache*> used_;
  u64 total_bytes_ = 0;
  u64 site_bytes_ = 0;
};

}  // namespace

ReplayResult replay(const Trace& trace, const ReplayOptions& options) {
  return Replayer(trace, options).run();
}

}  // namespace koi::report
