// SPDX-License-Identifier: GPL-2.0-only
// Small blocks for the engines' own bookkeeping: bump allocation from chunks, a free list per size.
//
// Blocks come in multiples of 64 bytes up to 96 KiB; chunks go back when the pool goes. O(1).
#pragma once

#include <array>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "base/check.h"
#include "engine/mm/types.h"

namespace koi::mm {

class MetaPool {
 public:
  explicit MetaPool(std::pmr::memory_resource* resource) : resource_(resource), chunks_(resource) {}
  MetaPool(const MetaPool&) = delete;
  MetaPool& operator=(const MetaPool&) = delete;
  ~MetaPool() {
    for (void* chunk : chunks_) resource_->deallocate(chunk, kChunkBytes, kUnit);
  }

  // A zeroed block of at least `bytes`, aligned to 64.
  [[nodiscard]] void* take(u64 bytes) {
    const u64 size = align_up(bytes, kUnit);
    CHECK(size <= kLargest, "{} bytes", bytes);
    FreeBlock*& list = free_[size / kUnit];
    void* block = list;
    if (block != nullptr) {
      list = list->next;
    } else {
      block = bump(size);
    }
    return std::memset(block, 0, size);
  }
  void give(void* block, u64 bytes) {
    FreeBlock*& list = free_[align_up(bytes, kUnit) / kUnit];
    list = new (block) FreeBlock{list};
  }

 private:
  static constexpr u64 kUnit = 64;
  static constexpr u64 kLargest = 96 * 1024;
  static constexpr u64 kChunkBytes = 256 * 1024;
  struct FreeBlock {
    FreeBlock* next;
  };

  void* bump(u64 size) {
    if (at_ + size > end_) {
      at_ = static_cast<u8*>(resource_->allocate(kChunkBytes, kUnit));
      end_ = at_ + kChunkBytes;
      chunks_.push_back(at_);
    }
    u8* block = at_;
    at_ += size;
    return block;
  }

  std::pmr::memory_resource* resource_;
  std::pmr::vector<void*> chunks_;
  u8* at_ = nullptr;
  u8* end_ = nullptr;
  std::array<FreeBlock*, kLargest / kUnit + 1> free_{};
};

}  // namespace koi::mm
