// SPDX-License-Identifier: GPL-2.0-only
// The counters of one memory cgroup, as the kernel keeps them for kernel memory: a page counter with a limit, pages taken from
// it in batches and stocked per CPU, and objects charged by the byte against pages in such a stock. Which requests are charged, and
// what happens at the limit, is the caller's.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"

namespace koi::mm {

class Memcg {
 public:
  static constexpr u64 kNoLimit = 0x7fff'ffff'ffff'ffff / 4096;  // PAGE_COUNTER_MAX
  static constexpr u64 kBatch = 64;                              // MEMCG_CHARGE_BATCH
  static constexpr u64 kPointer = 8;  // each charged object is charged for a pointer to the cgroup, too

  enum class Stat : u8 { kKernel, kPercpu, kVmalloc, kSlabReclaimable, kSlabUnreclaimable, kCount };
  enum class Event : u8 { kMax, kOom, kOomKill, kCount };

  Memcg(u64 limit_pages, u32 cpus, std::pmr::memory_resource* resource)
      : limit_(limit_pages), stocks_(cpus, resource), charged_(resource) {}

  // ---- one attempt to charge pages ----
  enum class Batch : bool { kNo, kYes };
  // From the CPU's stock, else from the counter: a batch at once, or just as many. false: the limit forbids it.
  [[nodiscard]] bool try_charge(u64 pages, u32 cpu, Batch batch);
  // Whatever the limit is.
  void force_charge(u64 pages);
  // Every CPU's stock goes back to the counter.
  void drain();
  [[nodiscard]] u64 margin() const { return usage_ < limit_ ? limit_ - usage_ : 0; }

  // ---- kernel memory; its pages have been charged ----
  void kernel_pages_charged(u64 pages) { add(Stat::kKernel, static_cast<s64>(pages)); }
  void uncharge_pages(u64 pages, u32 cpu);
  // Bytes out of what the CPU has left of charged pages. false: charge pages_for(bytes) and tell bytes_charged().
  [[nodiscard]] bool consume(u64 bytes, u32 cpu);
  [[nodiscard]] static u64 pages_for(u64 bytes) { return (bytes + kPage - 1) / kPage; }
  void bytes_charged(u64 bytes, u32 cpu);
  void uncharge_bytes(u64 bytes, u32 cpu);
  // Slab statistics in bytes reach the counter when a page's worth of them has come together on a CPU.
  void count_slab(Stat stat, s64 bytes, u32 cpu);
  void add(Stat stat, s64 amount) { stats_[static_cast<u32>(stat)] += amount; }
  void note(Event event) { ++events_[static_cast<u32>(event)]; }

  // ---- what is charged, by address; the amount is the caller's unit ----
  void remember(u64 address, u64 amount) { charged_[address] = amount; }
  // nullopt: it is not charged.
  [[nodiscard]] std::optional<u64> forget(u64 address);

  // ---- files ----
  [[nodiscard]] u64 usage() const { return usage_; }
  [[nodiscard]] u64 limit() const { return limit_; }
  [[nodiscard]] u64 peak() const { return peak_; }
  [[nodiscard]] u64 failures() const { return failures_; }
  [[nodiscard]] std::string stat_text() const;
  [[nodiscard]] std::string events_text() const;

 private:
  static constexpr u64 kPage = 4096;
  struct Stock {
    u64 pages = 0;
    bool has_objects = false;  // the objects' part is in use
    u64 bytes = 0;
    s64 slab[2] = {0, 0};  // not counted yet: reclaimable, unreclaimable
  };
  [[nodiscard]] s64 stat(Stat which) const { return stats_[static_cast<u32>(which)]; }
  [[nodiscard]] bool take(u64 pages);
  void refill(Stock& stock, u64 pages);
  void open_objects(Stock& stock);
  void drain_objects(Stock& stock);

  u64 limit_;
  u64 usage_ = 0;
  u64 peak_ = 0;
  u64 failures_ = 0;
  u64 left_bytes_ = 0;  // of drained stocks
  s64 stats_[static_cast<u32>(Stat::kCount)] = {};
  u64 events_[static_cast<u32>(Event::kCount)] = {};
  std::pmr::vector<Stock> stocks_;
  std::pmr::unordered_map<u64, u64> charged_;
};

}  // namespace koi::mm
