// SPDX-License-Identifier: GPL-2.0-only
// A machine for the engines' tests: RAM, the page allocator, the slab allocator and kmalloc; nothing else.
#pragma once

#include <memory>

#include "engine/mm/boot_caches.h"
#include "engine/mm/kmalloc.h"
#include "engine/mm/test_support.h"

namespace koi::mm::test {

class Events : public SlabEvents {
 public:
  void construct(Cache&, u64 constructor, void* object) override {
    ++constructed;
    if (constructor == 1) std::memset(object, 0x11, 4);
  }
  void rcu_slab_emptied(Pfn pfn, Order order) override { rcu.emplace_back(pfn, order); }
  void unexpected_gfp(const Cache*, Gfp, Gfp) override { ++unexpected; }
  void damaged(const Cache&, const Slab&, u8*, ObjectUse, const Damage& damage) override {
    damages.push_back(damage);
  }
  std::vector<Damage> damages;
  u64 constructed = 0;
  u64 unexpected = 0;
  std::vector<std::pair<Pfn, Order>> rcu;
};

struct MachineOptions {
  Release release = Release::k6_1;
  u32 cpus = 2;
  u32 nodes = 1;
  u64 ram_bytes = u64{256} << 20;
  SlabConfig slab = {};
  KmallocConfig kmalloc = {};
  bool boot_caches = false;
};

class SlabMachine {
 public:
  explicit SlabMachine(MachineOptions options = {}) : memory(options.ram_bytes) {
    const PfnRange ram{0, options.ram_bytes >> kPageShift};
    const PfnRange low{0, 256};
    auto* heap = std::pmr::new_delete_resource();
    buddy = std::make_unique<Buddy>(BuddyConfig{.release = options.release,
                                                .cpus = options.cpus,
                                                .nodes = options.nodes,
                                                .ram = {&ram, 1},
                                                .reserved = {&low, 1},
                                                .zeroed_resource = Yes::kNo,
                                                .events = nullptr},
                                    heap);
    options.slab.release = options.release;
    options.slab.cpus = options.cpus;
    options.slab.events = &events;
    const MemoryLayout layout{memory.base()};
    slabs = std::make_unique<SlabAllocator>(*buddy, layout, options.slab, heap);
    if (options.boot_caches) create_early_caches(*slabs);
    kmalloc = std::make_unique<Kmalloc>(*buddy, *slabs, layout, options.kmalloc);
    if (options.boot_caches) create_boot_caches(*slabs);
  }
  [[nodiscard]] Pfn pfn_of(const void* p) const {
    return Pfn{static_cast<u64>(static_cast<const u8*>(p) - memory.base()) >> kPageShift};
  }
  [[nodiscard]] Gfp kernel_gfp() const { return buddy->gfp().kernel(); }
  [[nodiscard]] u64 available_pages() const { return buddy->free_pages() + buddy->pcp_pages(); }

  SparseMemory memory;
  Events events;
  std::unique_ptr<Buddy> buddy;
  std::unique_ptr<SlabAllocator> slabs;
  std::unique_ptr<Kmalloc> kmalloc;
};

}  // namespace koi::mm::test
