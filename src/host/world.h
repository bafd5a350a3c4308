// SPDX-License-Identifier: GPL-2.0-only
// World: the reserved address ranges of one virtual machine, and the memory resource that engines allocate from.
//
// Everything mutable that belongs to the virtual machine lies here, at fixed addresses (address_map.h), so that runs
// replay exactly and a snapshot is a copy of pages. Memory is reserved without commitment: only touched pages cost.
#pragma once

#include <memory_resource>
#include <span>
#include <type_traits>

#include "base/result.h"
#include "base/strong.h"
#include "base/types.h"

namespace koi::host {

// Page protections for ranges of the world.
enum class Protection { kNone, kRead, kReadWrite, kReadExecute };

struct WorldConfig {
  u64 ram_bytes = 1ULL << 30;  // all page frames, holes between them included
  u32 vcpus = 2;
};

// A first-fit-by-class allocator over the engine heap: sizes are rounded to powers of two, freed blocks go
// to a list of their class. Deterministic: the same calls give the same addresses.
class EngineHeap final : public std::pmr::memory_resource {
 public:
  EngineHeap() = default;
  void reset(u64 base, u64 size_bytes);
  [[nodiscard]] u64 used_bytes() const { return next_ - base_; }
  // Memory that was never used, and so reads as zeroes without being written: a large table costs only what it touches.
  [[nodiscard]] void* take_zeroed(size_t bytes, size_t alignment);

 private:
  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* p, size_t bytes, size_t alignment) override;
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  static constexpr u32 kClasses = 40;
  u64 base_ = 0;
  u64 next_ = 0;
  u64 end_ = 0;
  void* free_[kClasses] = {};
};

class World {
 public:
  // Reserves every range. Errors: a range is taken or the address-space limit is too small; the message names it.
  // There is no fallback to other addresses: replay depends on them.
  static Result<World*> create(const WorldConfig& config);
  // Gives every range back. The object lies in its own heap, so nothing of it may be used afterwards.
  static void destroy(World* world);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] const WorldConfig& config() const { return config_; }
  [[nodiscard]] std::pmr::memory_resource* heap() { return &heap_; }
  // `count` of T, all zeroes, for as long as the world lasts.
  template <class T>
  [[nodiscard]] std::span<T> zeroed(size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    return {static_cast<T*>(heap_.take_zeroed(count * sizeof(T), alignof(T))), count};
  }
  [[nodiscard]] u64 vmalloc_size() const { return vmalloc_size_; }
  [[nodiscard]] u64 percpu_area(VcpuId cpu) const;

  // Shows page frames of RAM at another address (vmalloc). False: the host refused.
  bool map_ram(u64 address, u64 first_pfn, u64 pages, Protection protection);
  // Makes the range inaccessible again.
  void unmap_ram(u64 address, u64 pages);

  // Takes `size_bytes` (rounded to pages) of the window for an image; never reused before release.
  // Errors: the window is full.
  Result<u64> window_take(u64 size_bytes);
  void window_release(u64 address, u64 size_bytes);

 private:
  explicit World(const WorldConfig& config) : config_(config) {}
  Status reserve();
  Status reserve_ram();

  struct WindowHole {
    u64 address;
    u64 size_bytes;
  };

  WorldConfig config_;
  EngineHeap heap_;
  u64 vmalloc_size_ = 0;
  u64 heap_size_ = 0;
  int ram_fd_ = -1;  // RAM is a memory file, so that vmalloc can show its pages at a second address
  u64 window_next_ = 0;
  std::pmr::vector<WindowHole>* window_holes_ = nullptr;
};

void protect(u64 address, u64 size_bytes, Protection protection);
// Gets the memory of a writable range that will be written at once, in one call instead of a fault a page.
void populate(u64 address, u64 size_bytes);
// Gives the pages' memory back to the host and makes them read as zeroes.
void discard(u64 address, u64 size_bytes);

}  // namespace koi::host
