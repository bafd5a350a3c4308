// SPDX-License-Identifier: GPL-2.0-only
// What the leaf functions share: the machine as they see it, and the ways back to the module. For leaf*.cc only, which are
// compiled for it: general registers, no instrumentation, optimised in every build.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "host/address_map.h"
#include "host/crossing.h"
#include "kapi/leaf.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/memory.h"

extern "C" {
koi::u64 koi_leaf_return(koi::u64 result);
koi::u64 koi_leaf_return_cleared(koi::u64 result, koi::u64 address, koi::u64 bytes);
koi::u64 koi_leaf_slow(koi::u64, koi::u64, koi::u64, koi::u64, koi::u64, koi::u64 index);
}

#define KOI_INLINE [[gnu::always_inline]] inline
// The arguments stay where they came.
#if __has_cpp_attribute(gnu::noipa)
#define KOI_AS_WRITTEN gnu::noipa
#else
#define KOI_AS_WRITTEN gnu::noinline
#endif
#define KOI_LEAF_TEXT [[gnu::section("koi_leaf_text"), gnu::noinline, KOI_AS_WRITTEN]]
// A leaf that returns by itself: the compiler clears the volatile registers, as koi_leaf_return() does.
#if __has_cpp_attribute(gnu::zero_call_used_regs)
#define KOI_CLEAN_LEAF_TEXT KOI_LEAF_TEXT [[gnu::zero_call_used_regs("all-gpr")]]
#define KOI_LEAF_RETURN(result) return (result)
#else
#define KOI_CLEAN_LEAF_TEXT KOI_LEAF_TEXT
#define KOI_LEAF_RETURN(result) return koi_leaf_return(result)
#endif

namespace koi::kapi {

using LeafFunction = u64 (*)(u64, u64, u64, u64, u64, u64);

// The same leaf for each way a machine can be set up.
struct LeafVariants {
  host::Leaf leaf;
  LeafFunction plain;     // accounting off, nothing is cleared unless the call asks for it
  LeafFunction clearing;  // accounting off, init_on_alloc
  LeafFunction counted;   // accounting on
  LeafFunction counted_clearing;
};

namespace leaf {

using host::VcpuClock;
using mm::Cache;
using mm::Gfp;
using mm::Slab;

constexpr u64 kClasses = mm::kKmallocMaxCacheSize / 8;

// What the leaves look at, copied from the machine when they are installed.
struct Machine {
  u64 first_page;
  u64 page_count;
  u64 first_pfn;
  u64 first_struct_page;  // of that frame
  Slab* const* slab_pages;
  Slab** last_freed_to;  // of each CPU
  mm::PageDesc* pages;
  mm::Buddy* buddy;
  mm::SlabAllocator* slabs;
  const Cache* const* known;
  Gfp special;  // other than the normal kmalloc caches, or what an origin does not keep
  Gfp special_or_zero;
  Gfp wide_or_zero;  // of the latter and __GFP_ZERO
  Gfp zero;
  Gfp watched;        // __GFP_DIRECT_RECLAIM, or 0 without checks
  Gfp special_block;  // of several pages: a compound one, or one that may not fail
  bool clears_pages;  // init_on_alloc
  observe::SiteCounters* counters;
  runtime::MemoryFacts facts;
  const u8* lock_pages;
  std::array<Cache*, kClasses> classes;  // of the normal kmalloc caches, by (size - 1) / 8
};
[[gnu::visibility("hidden")]] extern Machine machine;

KOI_INLINE VcpuClock* this_clock() {
  VcpuClock* clock;
  asm volatile("mov %%gs:%c1, %0" : "=r"(clock) : "i"(offsetof(host::GsArea, clock)));
  return clock;
}

KOI_INLINE u64 take_site() {
  u32 site;
  asm volatile("mov %%gs:%c1, %0\n\tmovl $0, %%gs:%c1" : "=&r"(site) : "i"(offsetof(host::GsArea, site)));
  return site;
}

// Tests that the compiler is not to take apart.
template <class T>
KOI_INLINE bool is_zero(const T& value) {
  bool zero;
  if constexpr (sizeof(T) == 1) asm("cmpb $0, %1" : "=@cce"(zero) : "m"(value));
  if constexpr (sizeof(T) == 2) asm("cmpw $0, %1" : "=@cce"(zero) : "m"(value));
  if constexpr (sizeof(T) == 4) asm("cmpl $0, %1" : "=@cce"(zero) : "m"(value));
  return zero;
}
KOI_INLINE bool has_none_of(u64 gfp, const Gfp& bits) {
  bool none;
  asm("testl %1, %2" : "=@cce"(none) : "r"(static_cast<Gfp>(gfp)), "m"(bits));
  return none;
}

// May the running task wait? Then the checks have nothing to say about its allocations.
KOI_INLINE bool may_wait_here(const VcpuClock* clock) {
  bool interrupts_off;
  asm volatile("cmpq $0, %%gs:%c1" : "=@cce"(interrupts_off) : "i"(offsetof(host::GsArea, interrupt_flag)));
  return !interrupts_off && is_zero(*clock->preempt_count) && is_zero(*clock->rcu_nesting);
}
KOI_INLINE bool is_quiet(const VcpuClock* clock, u64 gfp) {
  return (gfp & machine.watched) == 0 || may_wait_here(clock);
}

// Nothing is due when this call is over.
KOI_INLINE bool in_time(const VcpuClock* clock) {
  return clock->now_ns + host::kCrossingCost < clock->deadline_ns;
}
// The call's cost is paid when it is certain that it is served here. Returns what time it is then.
KOI_INLINE u64 pay(VcpuClock* clock) {
  const u64 now_ns = clock->now_ns + host::kCrossingCost;
  clock->now_ns = now_ns;
  ++clock->crossings;
  return now_ns;
}
// The gfp bits that a PackedOrigin has no room for.
constexpr Gfp kWideGfp = ~static_cast<Gfp>(observe::PackedOrigin::kGfpMask);

KOI_INLINE observe::SiteCounters& counters_of(u64 site) { return machine.counters[site]; }

}  // namespace leaf

[[nodiscard]] std::span<const LeafVariants> slab_leaves();
[[nodiscard]] std::span<const LeafVariants> bulk_leaves();
[[nodiscard]] std::span<const LeafVariants> page_leaves();
// struct page is laid out as those take it to be.
[[nodiscard]] bool pages_are_as_known(const runtime::MemoryFacts& facts);

}  // namespace koi::kapi
