// SPDX-License-Identifier: GPL-2.0-only
// The machine that traces are replayed on: RAM that nobody touches, the memory engines over it, and nothing else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/mm/kmalloc.h"
#include "engine/mm/vmalloc.h"

namespace koi::report {

class ReplayMachine final : public mm::SlabEvents, public mm::PageMapper {
 public:
  ReplayMachine(Release release, u32 cpus, u64 memory_bytes);

  [[nodiscard]] mm::Buddy& pages() { return *buddy_; }
  [[nodiscard]] mm::SlabAllocator& slabs() { return *slabs_; }
  [[nodiscard]] mm::Kmalloc& kmalloc() { return *kmalloc_; }
  [[nodiscard]] mm::Vmalloc& vmalloc() { return *vmalloc_; }
  // The cache of that name, made if there is none.
  [[nodiscard]] mm::Cache* cache(std::string_view name, u32 object_bytes);
  [[nodiscard]] u64 taken_pages() const { return pages_at_start_ - available_pages(); }
  [[nodiscard]] Pfn pfn_of(const void* p) const {
    return Pfn{static_cast<u64>(static_cast<const u8*>(p) - ram_base_) >> mm::kPageShift};
  }
  [[nodiscard]] u64 ram_pages() const { return ram_pages_; }

  // mm::SlabEvents
  void construct(mm::Cache& /*cache*/, u64 /*constructor*/, void* /*object*/) override {}
  void rcu_slab_emptied(Pfn pfn, Order order) override { slabs_->free_rcu_slab(pfn, order); }
  void unexpected_gfp(const mm::Cache* /*cache*/, mm::Gfp /*gfp*/, mm::Gfp /*used*/) override {}
  void damaged(const mm::Cache& /*cache*/, const mm::Slab& /*slab*/, u8* /*object*/,
               mm::ObjectUse /*expected*/, const mm::Damage& /*damage*/) override {}
  // mm::PageMapper
  bool map(u64 /*address*/, std::span<const Pfn> /*pages*/, u64 /*protection*/) override { return true; }
  bool map_physical(u64 /*address*/, u64 /*physical*/, u64 /*pages*/, u64 /*protection*/) override {
    return true;
  }
  void unmap(u64 /*address*/, u64 /*pages*/) override {}
  void clear(Pfn /*page*/) override {}

 private:
  struct FreeRam {
    void operator()(u8* p) const;
  };
  [[nodiscard]] u64 available_pages() const { return buddy_->free_pages() + buddy_->pcp_pages(); }

  u64 ram_pages_;
  std::unique_ptr<u8, FreeRam> ram_;
  u8* ram_base_;
  std::vector<mm::PfnRange> ranges_;
  std::unique_ptr<mm::Buddy> buddy_;
  std::unique_ptr<mm::SlabAllocator> slabs_;
  std::unique_ptr<mm::Kmalloc> kmalloc_;
  std::unique_ptr<mm::Vmalloc> vmalloc_;
  u64 pages_at_start_ = 0;
};

}  // namespace koi::report
