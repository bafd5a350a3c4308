// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>

#include "engine/mm/boot_caches.h"
#include "host/address_map.h"
#include "host/world.h"
#include "runtime/checks/guard.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"

namespace koi::runtime {
namespace {

// Kernel stacks take the first part of the vmalloc area (Kernel::kernel_stack_at).
constexpr u64 kStacksBytes = host::kMaxTasks * 2 * host::kThreadSize;

// The shrinkers' priority at the beginning (DEF_PRIORITY), and how many pages are enough (SWAP_CLUSTER_MAX).
constexpr s32 kDefPriority = 12;
constexpr u64 kSwapClusterMax = 32;

// Never handed out: the first MiB (firmware on a real machine), and what the kernel's image would take.
constexpr u64 kReservedPages = 0x100;

}  // namespace

struct Memory::Engines final : public mm::PageEvents, public mm::SlabEvents, public mm::PageMapper {
  Engines(Kernel& k, Memory& m, const MemoryFacts& facts)
      : kernel(k),
        memory(m),
        ram(mm::pc_ram_ranges(k.config().memory_bytes)),
        layout{reinterpret_cast<u8*>(host::kDirectMap)},
        emptied_rcu_slabs(k.world().heap()),
        buddy(buddy_config(), k.world().heap()),
        slabs(buddy, layout, slab_config(), k.world().heap()),
        slab_directory(slabs, k.world().heap()),
        slab_tracks(k.world().heap()),
        vmalloc(buddy, *this, vmalloc_config(), k.world().heap()),
        accounting(m, k.config().accounting ? Accounting::Enabled::kYes : Accounting::Enabled::kNo,
                   k.config().cpus, k.world().heap()),
        oom_victims(k.world().heap()) {
    mm::create_early_caches(slabs);
    kmalloc.emplace(buddy, slabs, layout, kmalloc_config(facts));
    mm::create_boot_caches(slabs);
    mm::list_boot_caches(slabs, slab_directory);
  }

  [[nodiscard]] Release release() const { return kernel.series(); }
  mm::BuddyConfig buddy_config() {
    mm::BuddyConfig config;
    config.release = release();
    config.cpus = kernel.config().cpus;
    config.nodes = kernel.config().nodes;
    config.ram = ram;
    config.reserved = reserved;
    config.zeroed_resource = mm::Yes::kYes;
    config.events = this;
    return config;
  }
  mm::SlabConfig slab_config() {
    mm::SlabConfig config;
    config.release = release();
    config.cpus = kernel.config().cpus;
    config.zeroed_resource = mm::Yes::kYes;
    config.keep_origins = kernel.config().accounting;
    const BootOptions& boot = kernel.config().boot;
    config.nomerge = boot.slab_nomerge;
    config.init_on_alloc = boot.init_on_alloc;
    config.init_on_free = boot.init_on_free;
    if (boot.slab_debug) config.slab_debug = *boot.slab_debug;
    config.events = this;
    return config;
  }
  static mm::KmallocConfig kmalloc_config(const MemoryFacts& facts) {
    mm::KmallocConfig config;
    config.cgroup_accounting = facts.memcg != 0;
    config.random_caches = facts.random_kmalloc_caches != 0;
    config.buckets = facts.slab_buckets != 0;
    return config;
  }
  mm::VmallocConfig vmalloc_config() {
    mm::VmallocConfig config;
    config.release = release();
    config.cpus = kernel.config().cpus;
    config.init_on_alloc = kernel.config().boot.init_on_alloc;
    config.init_on_free = kernel.config().boot.init_on_free;
    config.start = host::kVmalloc + kStacksBytes;
    config.size = kernel.world().vmalloc_size() - kStacksBytes;
    return config;
  }

  // mm::PageEvents
  void block_allocated(Pfn pfn, Order order, mm::Gfp gfp) override {
    if ((gfp & buddy.gfp().nofail) != 0 && order.value > 1 && memory.reports() != nullptr) {
      memory.reports()->nofail_block(order, gfp);
    }
    if (page_allocated != nullptr)
      page_allocated(pfn.value, order.value, (gfp & buddy.gfp().comp) != 0 ? 1 : 0);
  }
  void block_freed(Pfn pfn, Order order) override {
    if (kernel.config().boot.init_on_free)
      std::memset(layout.direct_map + pfn.value * host::kPageSize, 0, host::kPageSize << order.value);
    if (page_freed != nullptr) page_freed(pfn.value, order.value);
  }
  void block_split(Pfn pfn, Order order) override {
    if (page_split != nullptr) page_split(pfn.value, order.value);
  }

  // mm::SlabEvents
  void construct(mm::Cache& /*cache*/, u64 constructor, void* object) override {
    host::upcall(constructor, reinterpret_cast<u64>(object));
  }
  // A slab may empty in the middle of anything; call_rcu() comes at the next interrupt.
  void rcu_slab_emptied(Pfn pfn, Order order) override {
    if (closing) return slabs.free_rcu_slab(pfn, order);
    if (emptied_rcu_slabs.empty()) {
      sched::Scheduler& sched = kernel.sched();
      sched.add_timer(sched.now(), sched.running_vcpu(), start_grace_periods, this);
    }
    emptied_rcu_slabs.push_back(pfn);
  }
  static void start_grace_periods(void* engines) {
    auto& self = *static_cast<Engines*>(engines);
    const u64 function = self.kernel.core().address_of("koi_free_slab_after_grace_period");
    while (!self.emptied_rcu_slabs.empty()) {
      const Pfn pfn = self.emptied_rcu_slabs.back();
      self.emptied_rcu_slabs.pop_back();
      host::upcall(function, pfn.value);
    }
  }
  void slab_made(const mm::Cache& /*cache*/, Pfn pfn, Order order, u32 /*objects*/) override {
    if (page_slab != nullptr) page_slab(pfn.value, order.value, 1);
    if (memory.locks_ != nullptr) watch_if_locked(pfn, order, *memory.locks_);
  }
  // Locks may lie in the pages of a new slab: who gave these back did not tell.
  void watch_if_locked(Pfn pfn, Order order, const LockChecks& locks) const {
    for (u64 i = 0; i < u64{1} << order.value; ++i) {
      u8* const page = layout.direct_map + (pfn.value + i) * host::kPageSize;
      const auto address = reinterpret_cast<u64>(page);
      if (locks.may_hold_locks(address) && locks.holds_locks(address, host::kPageSize))
        mm::SlabAllocator::watch(slabs.slab_of(page));
    }
  }
  void slab_gone(const mm::Cache& cache, Pfn pfn, Order order) override {
    if (cache.is_debug()) {
      u8* const start = layout.direct_map + pfn.value * host::kPageSize;
      slab_tracks.forget(start, start + (host::kPageSize << order.value));
    }
    if (page_slab != nullptr) page_slab(pfn.value, order.value, 0);
  }
  void unexpected_gfp(const mm::Cache* cache, mm::Gfp gfp, mm::Gfp used) override {
    if (memory.reports() != nullptr) memory.reports()->unexpected_gfp(cache, gfp, used);
  }
  void damaged(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::ObjectUse expected,
               const mm::Damage& damage) override {
    if (memory.reports() != nullptr) memory.reports()->damaged(cache, slab, object, expected, damage);
  }
  void slab_debug(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::SlabDebugEvent what,
                  u64 value) override {
    if (memory.reports() != nullptr) memory.reports()->slab_debug(cache, slab, object, what, value);
  }

  // mm::PageMapper: runs of neighbouring frames are mapped at once.
  // `protection`: a page table entry's bits; 0 is read and write.
  bool map(u64 address, std::span<const Pfn> pages, u64 protection) override {
    constexpr u64 kPageRw = 2;
    const bool read_only = protection != 0 && (protection & kPageRw) == 0;
    for (size_t i = 0; i < pages.size();) {
      size_t run = 1;
      while (i + run < pages.size() && pages[i + run].value == pages[i].value + run) ++run;
      if (!kernel.world().map_ram(address + i * host::kPageSize, pages[i].value, run,
                                  read_only ? host::Protection::kRead : host::Protection::kReadWrite)) {
        return false;
      }
      i += run;
    }
    return true;
  }
  bool map_physical(u64 /*address*/, u64 /*physical*/, u64 /*pages*/, u64 /*protection*/) override {
    return false;
  }
  void unmap(u64 address, u64 pages) override { kernel.world().unmap_ram(address, pages); }
  void clear(Pfn page) override {
    std::memset(reinterpret_cast<void*>(host::kDirectMap + page.value * host::kPageSize), 0, host::kPageSize);
  }

  Kernel& kernel;
  Memory& memory;
  std::vector<mm::PfnRange> ram;
  std::array<mm::PfnRange, 1> reserved{{{0, kReservedPages}}};
  mm::MemoryLayout layout;
  void (*page_allocated)(u64 pfn, u32 order, int compound) = nullptr;
  void (*page_freed)(u64 pfn, u32 order) = nullptr;
  void (*page_split)(u64 pfn, u32 order) = nullptr;
  int (*page_is_compound)(u64 pfn) = nullptr;
  void (*page_to_list)(u64 pfn, u64 list) = nullptr;
  void (*page_slab)(u64 pfn, u32 order, int is_slab) = nullptr;
  bool closing = false;
  std::pmr::vector<Pfn> emptied_rcu_slabs;
  mm::Buddy buddy;
  mm::SlabAllocator slabs;
  mm::SlabDirectory slab_directory;
  SlabTracks slab_tracks;
  std::optional<mm::Kmalloc> kmalloc;
  mm::Vmalloc vmalloc;
  std::optional<mm::Percpu> percpu;
  Accounting accounting;
  OomVictims oom_victims;
};

Result<std::unique_ptr<Memory>> Memory::create(Kernel& kernel) {
  constexpr u64 kSmallestRam = 32ULL << 20;
  if (kernel.config().memory_bytes < kSmallestRam) {
    return make_error("--memory {} MiB is too little: a machine needs at least {} MiB",
                      kernel.config().memory_bytes >> 20, kSmallestRam >> 20);
  }
  constexpr u64 kSmallestNode = 16ULL << 20;
  if (const u32 nodes = kernel.config().nodes; kernel.config().memory_bytes / nodes < kSmallestNode) {
    return make_error("--memory {} MiB is too little for --nodes {}: a node needs at least {} MiB",
                      kernel.config().memory_bytes >> 20, nodes, kSmallestNode >> 20);
  }
  std::unique_ptr<Memory> memory(new Memory(kernel));
  std::memcpy(&memory->facts_, reinterpret_cast<const void*>(kernel.core().address_of("koi_mm_facts")),
              sizeof(MemoryFacts));
  void* const place = kernel.world().heap()->allocate(sizeof(Engines), alignof(Engines));
  memory->engines_ = new (place) Engines(kernel, *memory, memory->facts_);
  Engines& engines = *memory->engines_;
  engines.page_allocated = kernel.core().function<void(u64, u32, int)>("koi_page_allocated");
  engines.page_freed = kernel.core().function<void(u64, u32)>("koi_page_freed");
  engines.page_is_compound = kernel.core().function<int(u64)>("koi_page_is_compound");
  engines.page_to_list = kernel.core().function<void(u64, u64)>("koi_page_to_list");
  engines.page_slab = kernel.core().function<void(u64, u32, int)>("koi_page_slab");
  engines.page_split = kernel.core().function<void(u64, u32)>("koi_page_split");
  memory->publish_caches();
  memory->publish_zones();
  memory->start_percpu(kernel.core().percpu_offset() + kernel.core().percpu_image().size());
  return memory;
}

void Memory::apply_seed(u64 seed) {
  const u64 spread = seed * 0x9e3779b97f4a7c15ULL ^ 0x6b6f69'6d656dULL;
  canary_ = (spread ^ spread >> 31) & ~0xffULL;
  engines_->slabs.apply_seed(spread);
}

Memory::~Memory() {
  if (engines_ == nullptr) return;
  engines_->closing = true;
  engines_->~Engines();
}

mm::Buddy& Memory::pages() { return engines_->buddy; }
mm::SlabAllocator& Memory::slabs() { return engines_->slabs; }
mm::Kmalloc& Memory::kmalloc() { return *engines_->kmalloc; }
mm::SlabDirectory& Memory::slab_directory() { return engines_->slab_directory; }
SlabTracks& Memory::slab_tracks() { return engines_->slab_tracks; }
mm::Vmalloc& Memory::vmalloc() { return engines_->vmalloc; }
mm::Percpu& Memory::percpu() { return *engines_->percpu; }
Accounting& Memory::accounting() { return engines_->accounting; }

u64 Memory::duplicate(std::string_view text) {
  const mm::Gfp gfp = pages().gfp().kernel();
  const u64 bytes = text.size() + 1;
  void* const p = kmalloc().alloc(bytes, gfp, VcpuId{0});
  if (p == nullptr) return 0;
  const auto address = reinterpret_cast<u64>(p);
  if (mm::Cache* const cache = slabs().find_cache_of(p); cache != nullptr) {
    accounting().slab_allocated(cache, p, bytes, gfp);
  } else {
    const Pfn pfn{(address - host::kDirectMap) / host::kPageSize};
    const u32 order = pages().desc(pfn).order;
    accounting().pages_allocated(observe::AllocationKind::kLargeKmalloc, pfn, order, bytes, gfp);
  }
  std::memcpy(p, text.data(), text.size());
  static_cast<char*>(p)[text.size()] = '\0';
  return address;
}

void Memory::drop(u64 copy) {
  void* const p = reinterpret_cast<void*>(copy);
  if (mm::Slab* const slab = slabs().slab_of(p); slab != nullptr) {
    const mm::Cache* const cache = slab->cache;
    const observe::PackedOrigin origin = accounting().slab_origin(slab, p);
    if (kmalloc().free(p, VcpuId{0}) == mm::KfreeOutcome::kOk) accounting().slab_freed(*cache, p, origin);
    return;
  }
  const auto event = accounting().pages_at(Pfn{(copy - host::kDirectMap) / host::kPageSize});
  if (kmalloc().free(p, VcpuId{0}) == mm::KfreeOutcome::kOk) accounting().freed(event);
}
OomVictims& Memory::oom_victims() { return engines_->oom_victims; }

void Memory::publish_caches() {
  const CoreImage& core = kernel_.core();
  const u64 base = core.address_of("kmalloc_caches");
  const u64 types = core.layout_or_die("NR_KMALLOC_TYPES");
  const u64 row = core.layout_or_die("KMALLOC_SHIFT_HIGH") + 1;
  for (u32 type = 0; type < types; ++type) {
    for (u32 index = 0; index < row; ++index) {
      const auto cache = reinterpret_cast<u64>(kmalloc().kernel_entry(type, index));
      std::memcpy(reinterpret_cast<void*>(base + (type * row + index) * sizeof(cache)), &cache,
                  sizeof(cache));
    }
  }
}

bool Memory::is_compound(Pfn pfn) const { return engines_->page_is_compound(pfn.value) != 0; }
void Memory::add_to_page_list(Pfn pfn, u64 list) const { engines_->page_to_list(pfn.value, list); }

void Memory::mark_partial_slab(Pfn pfn, mm::Yes partial) const {
  kernel_.core().function<void(u64, int)>("koi_page_slab_partial")(pfn.value,
                                                                   partial == mm::Yes::kYes ? 1 : 0);
}

void Memory::publish_free_pages() const {
  const mm::Buddy& pages = engines_->buddy;
  u64 zones[mm::kMaxNodes * mm::kZoneCount];
  for (u32 node = 0; node < pages.node_count(); ++node) {
    for (u32 i = 0; i < mm::kZoneCount; ++i) {
      const mm::ZoneId zone(mm::NodeId{node}, static_cast<mm::Zone>(i));
      zones[zone.index()] = pages.free_pages(zone);
    }
  }
  kernel_.core().function<void(const u64*)>("koi_publish_free_pages")(zones);
}

void Memory::publish_zones() const {
  struct ZoneFacts {
    u64 start, spanned, present, managed;
    u64 min, low, high;
    u64 lowmem_reserve[mm::kZoneCount];
  };
  const mm::Buddy& pages = engines_->buddy;
  const auto publish = kernel_.core().function<void(u32, void*, u64, const ZoneFacts*)>("koi_publish_node");
  for (u32 node = 0; node < pages.node_count(); ++node) {
    ZoneFacts facts[mm::kZoneCount] = {};
    u64 first_pfn = node == 0 ? 0 : ~u64{0};
    for (u32 i = 0; i < mm::kZoneCount; ++i) {
      const mm::ZoneId zone(mm::NodeId{node}, static_cast<mm::Zone>(i));
      const mm::Watermarks marks = pages.watermarks(zone);
      facts[i] = {pages.start_pfn(zone),
                  pages.spanned_pages(zone),
                  pages.present_pages(zone),
                  pages.managed_pages(zone),
                  marks.min,
                  marks.low,
                  marks.high,
                  {}};
      for (u32 j = 0; j < mm::kZoneCount; ++j)
        facts[i].lowmem_reserve[j] = pages.lowmem_reserve(zone, static_cast<mm::Zone>(j));
      if (facts[i].present != 0) first_pfn = std::min(first_pfn, facts[i].start);
    }
    void* const place =
        node == 0 ? nullptr : kernel_.world().heap()->allocate(facts_.node_bytes, host::kPageSize);
    if (place != nullptr) std::memset(place, 0, facts_.node_bytes);
    publish(node, place, first_pfn, facts);
  }
  publish_free_pages();
}

void Memory::publish_nodes() const {
  std::vector<u32> node_of_cpu;
  for (u32 cpu = 0; cpu < kernel_.config().cpus; ++cpu)
    node_of_cpu.push_back(engines_->buddy.nodes().of(VcpuId{cpu}).value);
  kernel_.core().function<void(const u32*)>("koi_numa_init")(node_of_cpu.data());
}

std::optional<u64> UserRanges::take(u64 bytes) {
  const u64 pages = mm::align_up(bytes, host::kPageSize) / host::kPageSize;
  if (pages >= kPages) return std::nullopt;
  for (u64 first = 1, run = 0, at = 1; at < kPages; ++at) {
    if (used_[at]) {
      run = 0;
      first = at + 1;
      continue;
    }
    if (++run < pages) continue;
    for (u64 i = first; i < first + pages; ++i) used_.set(i);
    return host::kUserMemory + first * host::kPageSize;
  }
  return std::nullopt;
}

void UserRanges::give(u64 start, u64 bytes) {
  const u64 first = (start - host::kUserMemory) / host::kPageSize;
  for (u64 i = first; i < first + bytes / host::kPageSize && i < kPages; ++i) used_.reset(i);
}

void Memory::run_shrinkers(mm::Gfp gfp) const {
  const auto function = kernel_.core().find("koi_run_shrinkers");
  if (!function) return;
  const auto available = [this] { return engines_->buddy.free_pages() + engines_->buddy.pcp_pages(); };
  const u64 enough = available() + kSwapClusterMax;
  for (s32 priority = kDefPriority; priority >= 0 && available() < enough; --priority)
    host::upcall(function->value, gfp, static_cast<u64>(priority));
}

void Memory::give_back_spare() {
  if (Guard* const guard = kernel_.guard(); guard != nullptr) guard->flush(nullptr);
  for (mm::Cache* const cache : slabs().caches()) static_cast<void>(slabs().shrink(cache));
  pages().drain_all();
}

bool KnownCaches::look_up(const mm::Cache* cache) {
  const std::vector<mm::Cache*> caches = memory_.slabs().caches();
  if (std::find(caches.begin(), caches.end(), cache) == caches.end()) return false;
  slot(cache) = cache;
  return true;
}

void Memory::start_percpu(u64 first_offset) {
  const u64 first = (first_offset + 63) & ~63ULL;
  engines_->percpu.emplace(first, host::kPercpuAreaSize - first, kernel_.world().heap());
}

}  // namespace koi::runtime
