// SPDX-License-Identifier: GPL-2.0-only
#include "report/replay_machine.h"

#include <algorithm>
#include <memory_resource>
#include <new>

#include "engine/mm/boot_caches.h"

namespace koi::report {
namespace {

constexpr u64 kLeastRam = 64ULL << 20;
constexpr u64 kMostRam = 4ULL << 30;
constexpr u64 kVmallocStart = 1ULL << 44;
constexpr u64 kVmallocBytes = 1ULL << 42;
constexpr std::align_val_t kPageAlign{mm::kPageSize};

}  // namespace

void ReplayMachine::FreeRam::operator()(u8* p) const { ::operator delete(p, kPageAlign); }

// The RAM is address space only: with init_on_alloc off and without __GFP_ZERO no engine touches an object.
ReplayMachine::ReplayMachine(Release release, u32 cpus, u64 memory_bytes)
    : ram_pages_(std::clamp(memory_bytes, kLeastRam, kMostRam) >> mm::kPageShift),
      ranges_(mm::pc_ram_ranges(ram_pages_ << mm::kPageShift)) {
  ram_pages_ = ranges_.back().end();
  ram_.reset(static_cast<u8*>(::operator new(ram_pages_ << mm::kPageShift, kPageAlign)));
  ram_base_ = ram_.get();
  auto* const heap = std::pmr::new_delete_resource();
  const mm::PfnRange low{0, 256};
  mm::BuddyConfig pages;
  pages.release = release;
  pages.cpus = cpus;
  pages.ram = ranges_;
  pages.reserved = {&low, 1};
  buddy_ = std::make_unique<mm::Buddy>(pages, heap);
  mm::SlabConfig slab;
  slab.release = release;
  slab.cpus = cpus;
  slab.init_on_alloc = false;
  slab.events = this;
  const mm::MemoryLayout layout{ram_base_};
  slabs_ = std::make_unique<mm::SlabAllocator>(*buddy_, layout, slab, heap);
  mm::create_early_caches(*slabs_);
  kmalloc_ = std::make_unique<mm::Kmalloc>(*buddy_, *slabs_, layout, mm::KmallocConfig{});
  mm::create_boot_caches(*slabs_);
  mm::VmallocConfig area;
  area.release = release;
  area.cpus = cpus;
  area.start = kVmallocStart;
  area.size = kVmallocBytes;
  area.init_on_alloc = false;
  vmalloc_ = std::make_unique<mm::Vmalloc>(*buddy_, *this, area, heap);
  pages_at_start_ = available_pages();
}

mm::Cache* ReplayMachine::cache(std::string_view name, u32 object_bytes) {
  if (mm::Cache* const there = slabs_->find_cache(name); there != nullptr) return there;
  mm::CacheRequest request;
  request.name = name;
  request.size = object_bytes;
  return slabs_->create(request).cache;
}

}  // namespace koi::report
