// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/kmalloc.h"

#include <algorithm>
#include <cstring>

namespace koi::mm {
namespace {

constexpr u64 kSizeMax = ~u64{0};

u32 class_size(u32 index) { return index == 1 ? 96 : index == 2 ? 192 : 1u << index; }

std::string class_name(u32 index) {
  const u32 size = class_size(index);
  return size >= 1024 ? fmt::format("{}k", size / 1024) : fmt::format("{}", size);
}

}  // namespace

// ---- the caches ------------------------------------------------------------------------------------------------

Kmalloc::Kmalloc(Buddy& buddy, SlabAllocator& slabs, const MemoryLayout& layout, const KmallocConfig& config)
    : buddy_(buddy),
      slabs_(slabs),
      layout_(layout),
      config_(config),
      gfp_(buddy.gfp()),
      release_(slabs.release()) {
  special_gfp_ = gfp_.reclaimable | gfp_.dma | (config_.cgroup_accounting ? gfp_.account : 0);
  if (release_ == Release::k6_1) {
    for (KmallocType type :
         {KmallocType::kNormal, KmallocType::kCgroup, KmallocType::kReclaim, KmallocType::kDma}) {
      for (u32 i = 3; i <= kKmallocShiftHigh; ++i) {
        create_class(type, i);
        if (i == 6) create_class(type, 1);  // 96 comes after 64, 192 after 128
        if (i == 7) create_class(type, 2);
      }
    }
    return;
  }
  const auto create_all = [](auto create) {
    create(1);
    create(2);
    for (u32 i = 3; i <= kKmallocShiftHigh; ++i) create(i);
  };
  create_all([&](u32 i) { create_class(KmallocType::kNormal, i); });
  if (config_.random_caches) {
    for (u32 copy = 1; copy <= kRandomKmallocCopies; ++copy) {
      create_all([&](u32 i) { create_random_class(copy, i); });
    }
  }
  for (KmallocType type : {KmallocType::kReclaim, KmallocType::kDma, KmallocType::kCgroup}) {
    create_all([&](u32 i) { create_class(type, i); });
  }
  if (config_.buckets) {
    const auto made = slabs_.create(
        {.name = "kmalloc_buckets", .size = kKmallocIndexCount * 8, .flags = slab_flag::kNoMerge});
    CHECK(made.cache != nullptr);
  }
}

Cache* Kmalloc::create_cache(std::string_view prefix, u32 index, u32 flags, s32 reference_count) {
  const u32 size = class_size(index);
  // A power of two is aligned to itself; 6.12 also aligns 96 to 32 and 192 to 64.
  u32 align = 8;
  if (std::has_single_bit(size)) align = std::max(align, size);
  if (release_ != Release::k6_1) align = std::max(align, 1u << std::countr_zero(size));
  flags |= slab_flag::kKmalloc;
  const std::string name = std::string(prefix) + class_name(index);
  return slabs_.create_boot({.name = name,
                             .size = size,
                             .align = calculate_alignment(flags, align, size),
                             .flags = flags,
                             .usercopy_size = size},
                            reference_count);
}

void Kmalloc::create_class(KmallocType type, u32 index) {
  using namespace slab_flag;
  Cache*& slot = caches_[static_cast<u32>(type)][index];
  switch (type) {
    case KmallocType::kNormal:
      // With cgroup accounting nobody may merge with these: their objects must stay unaccounted.
      if (release_ == Release::k6_1) {
        slot = create_cache("kmalloc-", index, 0, config_.cgroup_accounting ? -1 : 1);
      } else {
        slot = create_cache("kmalloc-", index, config_.cgroup_accounting ? kNoMerge : 0, 1);
      }
      return;
    case KmallocType::kCgroup:
      if (!config_.cgroup_accounting) {
        slot = cache(KmallocType::kNormal, index);
        return;
      }
      slot = create_cache("kmalloc-cg-", index, kAccount, 1);
      return;
    case KmallocType::kReclaim:
      slot = create_cache("kmalloc-rcl-", index, kReclaimAccount, 1);
      return;
    case KmallocType::kDma:
      slot = create_cache("dma-kmalloc-", index, kCacheDma, 1);
      return;
  }
}

void Kmalloc::create_random_class(u32 copy, u32 index) {
  random_[copy - 1][index] =
      create_cache(fmt::format("kmalloc-rnd-{:02}-", copy), index, slab_flag::kNoMerge, 1);
}

// hash_64(caller ^ seed, 4 bits) of the kernel.
u32 Kmalloc::copy_for(u64 caller) const {
  return static_cast<u32>(((caller ^ slabs_.config().seed) * 0x61c8864680b583eb) >> 60);
}

u32 Kmalloc::kernel_type_count() const {
  if (release_ == Release::k6_1) return 4;
  return 5 + (config_.random_caches ? kRandomKmallocCopies : 0);
}

u32 Kmalloc::kernel_type(KmallocType type) const {
  if (release_ == Release::k6_1) return static_cast<u32>(type);
  const u32 copies = config_.random_caches ? kRandomKmallocCopies : 0;
  constexpr u32 kOrder612[kKmallocTypeCount] = {0, 3, 1, 2};  // normal, reclaim, DMA, cgroup
  return type == KmallocType::kNormal ? 0 : copies + kOrder612[static_cast<u32>(type)];
}

Cache* Kmalloc::kernel_entry(u32 kernel_type, u32 index) const {
  if (index == 0 || index >= kKmallocIndexCount || kernel_type >= kernel_type_count()) return nullptr;
  for (u32 t = 0; t < kKmallocTypeCount; ++t) {
    if (this->kernel_type(static_cast<KmallocType>(t)) == kernel_type) return caches_[t][index];
  }
  if (config_.random_caches && kernel_type <= kRandomKmallocCopies) return random_copy(kernel_type, index);
  return cache(KmallocType::kNormal, index);  // KMALLOC_NO_OBJ_EXT without allocation profiling
}

// ---- large blocks ----------------------------------------------------------------------------------------------

std::optional<Pfn> Kmalloc::pfn_of(const void* p) const {
  const u64 offset = reinterpret_cast<u64>(p) - reinterpret_cast<u64>(layout_.direct_map);
  const Pfn pfn{offset >> kPageShift};
  return buddy_.find(pfn) == nullptr ? std::nullopt : std::optional<Pfn>(pfn);
}

void* Kmalloc::alloc_large(u64 size, Gfp gfp, Place at, KmallocFailure* why) {
  const u32 order = get_order(size);
  const Gfp forbidden = gfp_.dma32 | gfp_.highmem;
  if ((gfp & forbidden) != 0 && slabs_.config().events != nullptr) {
    slabs_.config().events->unexpected_gfp(nullptr, gfp, gfp & ~forbidden);
  }
  const PageAllocation pages =
      order > kMaxOrder ? PageAllocation{PageOutcome::kOrderTooLarge, Pfn{}}
                        : buddy_.alloc(Order{static_cast<u8>(order)}, (gfp & ~forbidden) | gfp_.comp, at);
  if (!pages) {
    if (why != nullptr) {
      *why = pages.outcome == PageOutcome::kOrderTooLarge ? KmallocFailure::kOrderTooLarge
                                                          : KmallocFailure::kNoMemory;
    }
    return nullptr;
  }
  PageDesc& desc = buddy_.desc(pages.pfn);
  desc.use = PageUse::kLargeKmalloc;
  desc.requested = static_cast<u32>(size);
  u8* p = layout_.direct_map + (pages.pfn.value << kPageShift);
  // With init_on_free pages are clear already.
  const bool clear = slabs_.config().init_on_alloc || (gfp & gfp_.zero) != 0;
  if (clear && !slabs_.config().init_on_free) std::memset(p, 0, kPageSize << order);
  return p;
}

KfreeOutcome Kmalloc::translate(FreeOutcome outcome) {
  switch (outcome) {
    case FreeOutcome::kDoubleFree:
      return KfreeOutcome::kDoubleFree;
    case FreeOutcome::kDoubleFreeOfHead:
      return KfreeOutcome::kDoubleFreeOfHead;
    case FreeOutcome::kNotObjectStart:
      return KfreeOutcome::kNotObjectStart;
    case FreeOutcome::kDamaged:
      return KfreeOutcome::kDamaged;
    case FreeOutcome::kOk:
    case FreeOutcome::kWrongCache:
    case FreeOutcome::kNotSlab:
      break;
  }
  return KfreeOutcome::kOk;
}

KfreeOutcome Kmalloc::free_large(const void* p, VcpuId cpu) {
  if (is_nothing(p)) return KfreeOutcome::kNothing;
  const auto pfn = pfn_of(p);
  const auto block = pfn ? buddy_.block_of(*pfn) : std::nullopt;
  if (!block) return KfreeOutcome::kNotAllocated;
  const PageDesc& desc = buddy_.desc(*block);
  if (desc.use != PageUse::kLargeKmalloc) return KfreeOutcome::kPlainPages;
  const bool at_start = p == layout_.direct_map + (block->value << kPageShift);
  (void)buddy_.free(*block, Order{desc.order}, cpu);
  return at_start ? KfreeOutcome::kOk : KfreeOutcome::kInsideLarge;
}

// ---- sizes -----------------------------------------------------------------------------------------------------

u64 Kmalloc::ksize(const void* p) const {
  if (is_nothing(p)) return 0;
  if (const Slab* slab = slabs_.slab_of(p)) {
    slabs_.forget_requested_size(slab->cache, p);
    return slabs_.ksize(slab->cache);
  }
  const auto pfn = pfn_of(p);
  const auto block = pfn ? buddy_.block_of(*pfn) : std::nullopt;
  return block ? kPageSize << buddy_.desc(*block).order : 0;
}

u64 Kmalloc::roundup(u64 size) const {
  if (size == 0 || size == kSizeMax) return size;
  if (size <= kKmallocMaxCacheSize) return cache(KmallocType::kNormal, index(size))->object_size();
  if (release_ != Release::k6_1 && size > kKmallocMaxSize) return size;
  const u32 order = get_order(size);
  return order >= 64 - kPageShift ? 0 : kPageSize << order;
}

void Kmalloc::resize(void* p, u64 size, Gfp gfp) const {
  const bool clear_rest = slabs_.config().init_on_alloc || (gfp & gfp_.zero) != 0;
  if (clear_rest) std::memset(static_cast<u8*>(p) + size, 0, ksize(p) - size);
}

void* Kmalloc::realloc(const void* p, u64 size, Gfp gfp, VcpuId cpu, KmallocFailure* why) {
  if (size == 0) {
    (void)free(p, cpu);
    return zero_size_ptr();
  }
  const u64 old_size = ksize(p);
  u8* old = const_cast<u8*>(static_cast<const u8*>(p));
  if (old_size >= size) {
    resize(old, size, gfp);
    return old;
  }
  void* fresh = alloc(size, gfp, cpu, why);
  if (fresh == nullptr || is_nothing(p)) return fresh;
  std::memcpy(fresh, old, old_size);
  (void)free(p, cpu);
  return fresh;
}

// ---- kvmalloc --------------------------------------------------------------------------------------------------

std::optional<Gfp> Kmalloc::kvmalloc_attempt(u64 size, Gfp gfp) const {
  if (size <= kPageSize) return gfp;
  // Larger sizes must not disturb the machine when vmalloc can serve them; the attempt fails quietly.
  Gfp attempt = gfp | gfp_.nowarn;
  if ((gfp & gfp_.retry_mayfail) == 0) {
    attempt |= gfp_.noretry;
    if (release_ != Release::k6_1) attempt &= ~gfp_.direct_reclaim;
  }
  return attempt & ~gfp_.nofail;
}

bool Kmalloc::kvmalloc_may_fall_back(u64 size, Gfp gfp) const {
  constexpr u64 kIntMax = 0x7fffffff;
  if (size <= kPageSize || size > kIntMax) return false;  // past INT_MAX the kernel WARNs
  return (gfp & gfp_.direct_reclaim) != 0;
}

}  // namespace koi::mm
