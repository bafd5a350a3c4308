// SPDX-License-Identifier: GPL-2.0-only
// kmalloc: size classes over the slab allocator, whole power-of-two page blocks above 8 KiB.
//
// Classes 8 16 32 64 96 128 192 256 512 1k 2k 4k 8k, one cache for each use (normal, reclaimable, cgroup-accounted, DMA);
// 6.12 may have random copies of the normal ones. Sizes above 8192 are page blocks up to 4 MiB.
// Follows include/linux/slab.h and mm/slab_common.c of 6.1 and 6.12. O(1).
#pragma once

#include <array>
#include <bit>

#include "engine/mm/slab.h"

namespace koi::mm {

inline constexpr u32 kKmallocShiftHigh = 13;
inline constexpr u64 kKmallocMaxCacheSize = u64{1} << kKmallocShiftHigh;
inline constexpr u64 kKmallocMaxSize = kPageSize << kMaxOrder;
inline constexpr u32 kKmallocIndexCount = kKmallocShiftHigh + 1;
inline constexpr u32 kRandomKmallocCopies = 15;

// What a kmalloc cache is for; the kernel numbers these per release (Kmalloc::kernel_type).
enum class KmallocType : u8 { kNormal, kCgroup, kReclaim, kDma };
inline constexpr u32 kKmallocTypeCount = 4;

enum class KmallocFailure : u8 {
  kNone,
  kOrderTooLarge,  // the page allocator WARNs once, unless __GFP_NOWARN
  kNoMemory,
};

enum class KfreeOutcome : u8 {
  kOk,
  kNothing,       // NULL or ZERO_SIZE_PTR
  kInsideLarge,   // not the start of a large block; the block was freed, as the kernel does
  kPlainPages,    // pages that kmalloc did not hand out; nothing changed
  kNotAllocated,  // free memory, or no memory at all
  kDoubleFree,    // the slab outcomes of the same names
  kDoubleFreeOfHead,
  kNotObjectStart,
  kDamaged,
};

struct KmallocConfig {
  bool cgroup_accounting = true;  // CONFIG_MEMCG(_KMEM)
  bool random_caches = false;     // CONFIG_RANDOM_KMALLOC_CACHES (6.12)
  bool buckets = false;           // CONFIG_SLAB_BUCKETS (6.12): the cache "kmalloc_buckets" exists
};

class Kmalloc {
 public:
  // Creates the caches, in the order in which the kernel does.
  Kmalloc(Buddy& buddy, SlabAllocator& slabs, const MemoryLayout& layout, const KmallocConfig& config);
  Kmalloc(const Kmalloc&) = delete;
  Kmalloc& operator=(const Kmalloc&) = delete;

  static void* zero_size_ptr() { return reinterpret_cast<void*>(16); }
  static bool is_nothing(const void* p) { return reinterpret_cast<u64>(p) <= 16; }

  // kmalloc(size, gfp): zeroed if the kernel would. `caller` chooses among random copies.
  [[nodiscard]] void* alloc(u64 size, Gfp gfp, Place at, KmallocFailure* why = nullptr, u64 caller = 0) {
    if (size > kKmallocMaxCacheSize) [[unlikely]] {
      return alloc_large(size, gfp, at, why);
    }
    if (size == 0) [[unlikely]] {
      return zero_size_ptr();
    }
    void* p = slabs_.alloc(cache_for(size, gfp, caller), gfp, at, static_cast<u32>(size));
    if (p == nullptr && why != nullptr) *why = KmallocFailure::kNoMemory;
    return p;
  }
  // What an inlined kmalloc() of a constant size comes to: it names the cache itself.
  [[nodiscard]] void* alloc_from(Cache* cache, u64 size, Gfp gfp, VcpuId cpu) {
    return slabs_.alloc(cache, gfp, cpu, static_cast<u32>(size));
  }
  [[nodiscard]] void* alloc_large(u64 size, Gfp gfp, Place at, KmallocFailure* why = nullptr);

  KfreeOutcome free(const void* p, VcpuId cpu) {
    Slab* slab = slabs_.slab_of(p);
    if (slab == nullptr) [[unlikely]] {
      return free_large(p, cpu);
    }
    const FreeOutcome outcome = slabs_.free_to(slab, const_cast<void*>(p), cpu);
    return outcome == FreeOutcome::kOk ? KfreeOutcome::kOk : translate(outcome);
  }

  // Usable bytes behind a pointer; 0 for NULL, ZERO_SIZE_PTR and what is not allocated.
  [[nodiscard]] u64 ksize(const void* p) const;
  // kmalloc_size_roundup().
  [[nodiscard]] u64 roundup(u64 size) const;

  // krealloc(): nullptr and *why on failure (the old memory stays); ZERO_SIZE_PTR for size 0.
  [[nodiscard]] void* realloc(const void* p, u64 size, Gfp gfp, VcpuId cpu, KmallocFailure* why = nullptr);

  // The part of it that happens in place, when the block is large enough: what is given up is cleared if the kernel would.
  void resize(void* p, u64 size, Gfp gfp) const;

  // kvmalloc(): what the kmalloc attempt is made with; nullopt: none is made, vmalloc at once or not at all.
  [[nodiscard]] std::optional<Gfp> kvmalloc_attempt(u64 size, Gfp gfp) const;
  [[nodiscard]] bool kvmalloc_may_fall_back(u64 size, Gfp gfp) const;

  // The class of a size: 1 is 96, 2 is 192, n is 2^n. Requires 0 < size <= kKmallocMaxSize.
  [[nodiscard]] static u32 index(u64 size) {
    if (size <= 192) return kSmallIndex[(size - 1) >> 3];
    return static_cast<u32>(std::bit_width(size - 1));
  }
  // Requests with none of these are for the normal caches.
  [[nodiscard]] Gfp special_gfp() const { return special_gfp_; }
  [[nodiscard]] KmallocType type(Gfp gfp) const {
    if ((gfp & special_gfp_) == 0) [[likely]] {
      return KmallocType::kNormal;
    }
    if ((gfp & gfp_.dma) != 0) return KmallocType::kDma;
    return (gfp & gfp_.reclaimable) != 0 || !config_.cgroup_accounting ? KmallocType::kReclaim
                                                                       : KmallocType::kCgroup;
  }
  [[nodiscard]] Cache* cache(KmallocType type, u32 index) const {
    return caches_[static_cast<u32>(type)][index];
  }
  // Copy 0 is the normal cache itself.
  [[nodiscard]] Cache* random_copy(u32 copy, u32 index) const {
    return copy == 0 ? cache(KmallocType::kNormal, index) : random_[copy - 1][index];
  }
  [[nodiscard]] Cache* cache_for(u64 size, Gfp gfp, u64 caller = 0) const {
    const KmallocType t = type(gfp);
    if (t == KmallocType::kNormal && config_.random_caches) [[unlikely]] {
      return random_copy(copy_for(caller), index(size));
    }
    return cache(t, index(size));
  }
  // The first subscript of the kernel's kmalloc_caches[][] for a cache type, and how many it has.
  [[nodiscard]] u32 kernel_type(KmallocType type) const;
  [[nodiscard]] u32 kernel_type_count() const;
  // What kmalloc_caches[kernel_type][index] holds; nullptr where the kernel has NULL.
  [[nodiscard]] Cache* kernel_entry(u32 kernel_type, u32 index) const;

 private:
  static constexpr std::array<u8, 24> kSmallIndex = {3, 4, 5, 5, 6, 6, 6, 6, 1, 1, 1, 1,
                                                     7, 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2};
  [[nodiscard]] static KfreeOutcome translate(FreeOutcome outcome);
  KfreeOutcome free_large(const void* p, VcpuId cpu);
  [[nodiscard]] u32 copy_for(u64 caller) const;
  void create_class(KmallocType type, u32 index);
  void create_random_class(u32 copy, u32 index);
  [[nodiscard]] Cache* create_cache(std::string_view prefix, u32 index, u32 flags, s32 reference_count);
  [[nodiscard]] std::optional<Pfn> pfn_of(const void* p) const;

  Buddy& buddy_;
  SlabAllocator& slabs_;
  MemoryLayout layout_;
  KmallocConfig config_;
  const GfpBits& gfp_;
  Gfp special_gfp_;
  Release release_;
  std::array<std::array<Cache*, kKmallocIndexCount>, kKmallocTypeCount> caches_{};
  std::array<std::array<Cache*, kKmallocIndexCount>, kRandomKmallocCopies> random_{};
};

}  // namespace koi::mm
