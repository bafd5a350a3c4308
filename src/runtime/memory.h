// SPDX-License-Identifier: GPL-2.0-only
// Memory: the memory engines of this machine over the world's RAM, and the totals that the verdict reports.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/mm/kmalloc.h"
#include "engine/mm/percpu.h"
#include "engine/mm/vmalloc.h"

namespace koi::runtime {

class Kernel;

// Bytes that modules asked for and were given, over the whole run.
struct AllocationTotals {
  u64 calls = 0;
  u64 asked_bytes = 0;
  u64 got_bytes = 0;
  u64 live_bytes = 0;  // given and not yet freed
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
  [[nodiscard]] mm::Vmalloc& vmalloc();
  [[nodiscard]] mm::Percpu& percpu();
  // Writes the kmalloc caches' handles to the core's kmalloc_caches[][]. After the core is loaded.
  void publish_caches();
  // Dynamic per-CPU memory lies behind the core's own.
  void start_percpu(u64 first_offset);

  // The stack canary: from the seed, lowest byte zero as the kernel makes it.
  [[nodiscard]] u64 canary() const { return canary_; }

  void note_allocation(u64 asked_bytes, u64 got_bytes) {
    ++totals_.calls;
    totals_.asked_bytes += asked_bytes;
    totals_.got_bytes += got_bytes;
    totals_.live_bytes += got_bytes;
  }
  void note_free(u64 got_bytes) { totals_.live_bytes -= got_bytes; }
  [[nodiscard]] const AllocationTotals& totals() const { return totals_; }

  // The page allocator's WARN_ON_ONCE about too large orders: true the first time.
  [[nodiscard]] bool first_order_warning() { return !std::exchange(order_warning_given_, true); }

 private:
  struct Engines;
  explicit Memory(Kernel& kernel) : kernel_(kernel) {}

  Kernel& kernel_;
  Engines* engines_ = nullptr;
  AllocationTotals totals_;
  u64 canary_ = 0;
  bool order_warning_given_ = false;
};

}  // namespace koi::runtime
