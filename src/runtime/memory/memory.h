// SPDX-License-Identifier: GPL-2.0-only
// Memory: the memory engines of this machine over the world's RAM, and the totals that the verdict reports.
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "engine/mm/kmalloc.h"
#include "engine/mm/percpu.h"
#include "engine/mm/slab_sysfs.h"
#include "engine/mm/vmalloc.h"
#include "host/address_map.h"
#include "runtime/memory/oom_victims.h"
#include "runtime/memory/slab_tracks.h"

namespace koi::runtime {

class Accounting;
class Kernel;
class LockChecks;
class Memory;

// Warnings that the kernel gives once.
enum class Once : u8 {
  kOrderTooLarge,
  kNofailLargeOrder,
  kFreeOfSinglePage,
  kZeroedConstructor,
  kKvmallocTooLarge,
  kVmallocZeroSize,
  kPercpuIllegal,
  kNotSlabPage,
  kLockDebuggingOff,  // "Disabling lock debugging due to kernel taint"
  kExactCompound,     // __GFP_COMP to alloc_pages_exact(), and to its relative with a node
  kExactCompoundNode,
  kCount,
};

// What kernel/mm/page.c knows of this configuration: struct koi_mm_facts.
struct MemoryFacts {
  u64 slab_buckets;  // CONFIG_SLAB_BUCKETS
  u64 kfence;        // CONFIG_KFENCE
  u64 random_kmalloc_caches;
  u64 memcg;
  u64 page_refcount;  // offset of struct page's _refcount
  u64 page_mapcount;
  u64 free_counter;                        // address of the machine's NR_FREE_PAGES
  u64 zone_free_counters[mm::kZoneCount];  // and of each zone's
  u64 page_flags[mm::kZoneCount];          // of a page in use, before anybody set a flag (on node 0)
  u64 node_bytes;                          // sizeof(struct pglist_data)
  u64 zonelist_of_no_node;                 // what is read of a node that is not there
};

// What the memory engines have to say in the kernel's log; kapi/ prints it. Called with the engines consistent.
class MemoryReports {
 public:
  virtual ~MemoryReports() = default;
  // `cache` nullptr: a large block.
  virtual void unexpected_gfp(const mm::Cache* cache, mm::Gfp gfp, mm::Gfp used) = 0;
  virtual void nofail_block(Order order, mm::Gfp gfp) = 0;
  virtual void damaged(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::ObjectUse expected,
                       const mm::Damage& damage) = 0;
  virtual void slab_debug(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::SlabDebugEvent what,
                          u64 value) = 0;
};

// Which pointers are caches: one compare for those in use.
class KnownCaches {
 public:
  explicit KnownCaches(Memory& memory) : memory_(memory) {}
  [[nodiscard]] bool holds(const mm::Cache* cache) {
    return cache != nullptr && (slot(cache) == cache || look_up(cache));
  }
  // The caches in use, each at slot (address / 64) % kSlots, for the leaf functions.
  [[nodiscard]] const mm::Cache* const* slots() const { return slots_; }
  static constexpr u64 kSlots = 64;
  void forget(const mm::Cache* cache) {
    if (slot(cache) == cache) slot(cache) = nullptr;
  }

 private:
  const mm::Cache*& slot(const mm::Cache* cache) {
    return slots_[(reinterpret_cast<u64>(cache) >> 6) % kSlots];
  }
  bool look_up(const mm::Cache* cache);

  Memory& memory_;
  const mm::Cache* slots_[kSlots] = {};
};

// Pages of the user range that are in use: first fit, by address.
class UserRanges {
 public:
  // nullopt: no room. The first page stays free, so that what runs off another range faults.
  [[nodiscard]] std::optional<u64> take(u64 bytes);
  // What of it is in use is free again.
  void give(u64 start, u64 bytes);

 private:
  static constexpr u64 kPages = host::kUserMemorySize / host::kPageSize;
  std::bitset<kPages> used_;
};

// DEFINE_RATELIMIT_STATE: so many reports in an interval.
class ReportLimit {
 public:
  constexpr ReportLimit(u64 interval_ns, u32 burst) : interval_ns_(interval_ns), burst_(burst) {}
  bool admits(u64 now_ns) {
    if (count_ == 0 || now_ns - begin_ > interval_ns_) {
      begin_ = now_ns;
      count_ = 0;
    }
    return count_++ < burst_;
  }

 private:
  u64 interval_ns_;
  u32 burst_;
  u64 begin_ = 0;
  u32 count_ = 0;
};

class Memory {
 public:
  static Result<std::unique_ptr<Memory>> create(Kernel& kernel);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  [[nodiscard]] mm::Buddy& pages();
  [[nodiscard]] mm::SlabAllocator& slabs();
  [[nodiscard]] mm::Kmalloc& kmalloc();
  [[nodiscard]] mm::SlabDirectory& slab_directory();
  [[nodiscard]] SlabTracks& slab_tracks();
  [[nodiscard]] mm::Vmalloc& vmalloc();
  [[nodiscard]] mm::Percpu& percpu();
  // Writes the kmalloc caches' handles to the core's kmalloc_caches[][]. After the core is loaded.
  void publish_caches();
  void publish_zones() const;
  // Which node each CPU belongs to. After the CPUs' areas are there.
  void publish_nodes() const;
  // Dynamic per-CPU memory lies behind the core's own.
  void start_percpu(u64 first_offset);

  // Canary and the order of free objects: see Kernel::apply_seed.
  void apply_seed(u64 seed);
  // The stack canary: from the seed, lowest byte zero as the kernel makes it.
  [[nodiscard]] u64 canary() const { return canary_; }

  // A zero-terminated copy of `text` that the kernel keeps for a module, from kmalloc; 0: no memory.
  [[nodiscard]] u64 duplicate(std::string_view text);
  void drop(u64 copy);

  // Who asked for what, and what of it is alive.
  [[nodiscard]] Accounting& accounting();

  // True the first time.
  [[nodiscard]] bool first_time(Once warning) {
    return !std::exchange(given_[static_cast<u32>(warning)], true);
  }
  [[nodiscard]] const MemoryFacts& facts() const { return facts_; }
  [[nodiscard]] KnownCaches& known_caches() { return known_caches_; }
  [[nodiscard]] ReportLimit& page_reports() { return page_reports_; }  // warn_alloc()
  [[nodiscard]] ReportLimit& oom_reports() { return oom_reports_; }    // oom_kill_process()
  [[nodiscard]] OomVictims& oom_victims();
  [[nodiscard]] ReportLimit& slab_reports() { return slab_reports_; }  // slab_out_of_memory()

  // Requires: `reports` lives as long as this. Without reports nothing is said (while booting).
  void set_reports(MemoryReports* reports) { reports_ = reports; }
  [[nodiscard]] MemoryReports* reports() const { return reports_; }
  // Slabs in pages that may hold locks are watched from now on.
  void watch_locks(const LockChecks& locks) { locks_ = &locks; }
  [[nodiscard]] UserRanges& user_ranges() { return user_ranges_; }
  [[nodiscard]] u32 percpu_failures() const { return percpu_failures_; }
  void count_percpu_failure() { ++percpu_failures_; }

  // ---- struct page, in the C core ----
  [[nodiscard]] bool is_compound(Pfn pfn) const;
  void add_to_page_list(Pfn pfn, u64 list) const;
  void mark_partial_slab(Pfn pfn, mm::Yes partial = mm::Yes::kYes) const;
  // Free pages, zone by zone, for the inlined counters.
  void publish_free_pages() const;
  // What the engines keep ready for the next request goes back to the buddy: empty slabs and the CPUs' page lists.
  void give_back_spare();
  // Upcalls: every registered shrinker is asked to give back what it can.
  void run_shrinkers(mm::Gfp gfp) const;

 private:
  struct Engines;
  explicit Memory(Kernel& kernel) : kernel_(kernel) {}

  Kernel& kernel_;
  Engines* engines_ = nullptr;
  u64 canary_ = 0;
  MemoryFacts facts_{};
  KnownCaches known_caches_{*this};
  ReportLimit page_reports_{10'000'000'000, 1};
  ReportLimit oom_reports_{5'000'000'000, 10};
  ReportLimit slab_reports_{5'000'000'000, 10};
  u32 percpu_failures_ = 0;
  UserRanges user_ranges_;
  MemoryReports* reports_ = nullptr;
  const LockChecks* locks_ = nullptr;
  bool given_[static_cast<u32>(Once::kCount)] = {};
};

}  // namespace koi::runtime
