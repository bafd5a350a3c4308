// SPDX-License-Identifier: GPL-2.0-only
// What every memory engine shares: releases, gfp bits per release, zones, migrate types and page constants.
//
// gfp values come from modules as plain numbers whose meaning belongs to a kernel release and configuration,
// so an engine asks a GfpBits table and never a constant of its own.
#pragma once

#include "base/release.h"
#include "base/strong.h"
#include "base/types.h"

namespace koi::mm {

inline constexpr u32 kPageShift = 12;
inline constexpr u64 kPageSize = u64{1} << kPageShift;
inline constexpr u8 kMaxOrder = 10;  // largest order the page allocator serves
inline constexpr u64 kMaxBlockPages = u64{1} << kMaxOrder;
inline constexpr u32 kOrderCount = kMaxOrder + 1;
inline constexpr u8 kCostlyOrder = 3;     // PAGE_ALLOC_COSTLY_ORDER
inline constexpr u8 kPageblockOrder = 9;  // pages of one mobility group: 2 MiB
inline constexpr u32 kMaxCpus = 64;
inline constexpr u64 kCacheLineSize = 64;

// A gfp_t exactly as the module passed it.
using Gfp = u32;

// The numeric value of each gfp bit; 0: the release or configuration has no such bit.
struct GfpBits {
  Gfp dma, highmem, dma32, movable, reclaimable, high, io, fs, zero, atomic;
  Gfp direct_reclaim, kswapd_reclaim, write, nowarn, retry_mayfail, nofail, noretry;
  Gfp memalloc, comp, nomemalloc, hardwall, thisnode, account, zerotags, no_obj_ext;

  [[nodiscard]] constexpr Gfp reclaim() const { return direct_reclaim | kswapd_reclaim; }
  [[nodiscard]] constexpr Gfp kernel() const { return reclaim() | io | fs; }
  [[nodiscard]] constexpr Gfp atomic_mask() const { return high | atomic | kswapd_reclaim; }
  [[nodiscard]] constexpr Gfp nowait() const { return kswapd_reclaim | (atomic == 0 ? nowarn : 0); }
};

// include/linux/gfp_types.h of 6.1, without KASAN_HW_TAGS and LOCKDEP (whose bits no engine looks at).
inline constexpr GfpBits kGfp61 = {.dma = 0x01,
                                   .highmem = 0x02,
                                   .dma32 = 0x04,
                                   .movable = 0x08,
                                   .reclaimable = 0x10,
                                   .high = 0x20,
                                   .io = 0x40,
                                   .fs = 0x80,
                                   .zero = 0x100,
                                   .atomic = 0x200,
                                   .direct_reclaim = 0x400,
                                   .kswapd_reclaim = 0x800,
                                   .write = 0x1000,
                                   .nowarn = 0x2000,
                                   .retry_mayfail = 0x4000,
                                   .nofail = 0x8000,
                                   .noretry = 0x10000,
                                   .memalloc = 0x20000,
                                   .comp = 0x40000,
                                   .nomemalloc = 0x80000,
                                   .hardwall = 0x100000,
                                   .thisnode = 0x200000,
                                   .account = 0x400000,
                                   .zerotags = 0x800000,
                                   .no_obj_ext = 0};

// The same of 6.12 with SLAB_OBJ_EXT and without KASAN_HW_TAGS and LOCKDEP (as Debian configures it):
// __GFP_ATOMIC is gone, __GFP_NO_OBJ_EXT has come.
inline constexpr GfpBits kGfp612 = {.dma = 0x01,
                                    .highmem = 0x02,
                                    .dma32 = 0x04,
                                    .movable = 0x08,
                                    .reclaimable = 0x10,
                                    .high = 0x20,
                                    .io = 0x40,
                                    .fs = 0x80,
                                    .zero = 0x100,
                                    .atomic = 0,
                                    .direct_reclaim = 0x400,
                                    .kswapd_reclaim = 0x800,
                                    .write = 0x1000,
                                    .nowarn = 0x2000,
                                    .retry_mayfail = 0x4000,
                                    .nofail = 0x8000,
                                    .noretry = 0x10000,
                                    .memalloc = 0x20000,
                                    .comp = 0x40000,
                                    .nomemalloc = 0x80000,
                                    .hardwall = 0x100000,
                                    .thisnode = 0x200000,
                                    .account = 0x400000,
                                    .zerotags = 0x800000,
                                    .no_obj_ext = 0x1000000};

// Bits that the page allocator's fast path takes apart; they are the same in every release modelled.
namespace gfp_bit {
inline constexpr Gfp kDma = 0x01, kDma32 = 0x04, kMovable = 0x08, kReclaimable = 0x10;
static_assert(kGfp61.dma == kDma && kGfp61.dma32 == kDma32 && kGfp61.movable == kMovable &&
              kGfp61.reclaimable == kReclaimable);
static_assert(kGfp612.dma == kDma && kGfp612.dma32 == kDma32 && kGfp612.movable == kMovable &&
              kGfp612.reclaimable == kReclaimable);
}  // namespace gfp_bit

[[nodiscard]] constexpr const GfpBits& gfp_bits(Release release) {
  return release == Release::k6_1 ? kGfp61 : kGfp612;
}

// Zones of an x86-64 machine by physical address: below 16 MiB, below 4 GiB, the rest.
enum class Zone : u8 { kDma, kDma32, kNormal };
inline constexpr u32 kZoneCount = 3;
inline constexpr u64 kDmaEndPfn = u64{16} << (20 - kPageShift);
inline constexpr u64 kDma32EndPfn = u64{1} << (32 - kPageShift);
[[nodiscard]] constexpr const char* zone_name(Zone zone) {
  constexpr const char* kNames[] = {"DMA", "DMA32", "Normal"};
  return kNames[static_cast<u32>(zone)];
}

// NUMA nodes, each with zones of its own.
inline constexpr u32 kMaxNodes = 8;
using NodeId = Strong<struct NodeIdTag, u32>;
inline constexpr s32 kNoNode = -1;  // NUMA_NO_NODE: the one that the CPU belongs to

// Whose per-CPU lists serve a request, and which node it is to come from.
struct Place {
  u32 cpu;
  s32 node = kNoNode;
  // NOLINTNEXTLINE(google-explicit-constructor): most requests name no node.
  constexpr Place(VcpuId id) : cpu(id.value) {}
  constexpr Place(VcpuId id, s32 wanted_node) : cpu(id.value), node(wanted_node) {}
};

// One node's zone of a kind; without a node it is the first one's.
struct ZoneId {
  Zone zone;
  u8 node = 0;
  constexpr ZoneId(Zone kind) : zone(kind) {}  // NOLINT(google-explicit-constructor)
  constexpr ZoneId(NodeId of, Zone kind) : zone(kind), node(static_cast<u8>(of.value)) {}
  [[nodiscard]] constexpr u32 index() const { return node * kZoneCount + static_cast<u32>(zone); }
};

// Mobility groups of the page allocator, in the kernel's order (no CMA).
enum class MigrateType : u8 { kUnmovable, kMovable, kReclaimable, kHighAtomic, kIsolate };
inline constexpr u32 kMigrateTypeCount = 5;
inline constexpr u32 kPcpTypeCount = 3;  // those that per-CPU lists know
[[nodiscard]] constexpr const char* migrate_type_name(MigrateType type) {
  constexpr const char* kNames[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"};
  return kNames[static_cast<u32>(type)];
}

enum class Yes : u8 { kNo, kYes };

// The order of the smallest block that holds `size_bytes` (get_order): 52 for 0, as in the kernel.
[[nodiscard]] constexpr u32 get_order(u64 size_bytes) {
  u64 pages = (size_bytes - 1) >> kPageShift;
  u32 order = 0;
  for (; pages != 0; pages >>= 1) ++order;
  return order;
}

[[nodiscard]] constexpr u64 align_up(u64 value, u64 power_of_two) {
  return (value + power_of_two - 1) & ~(power_of_two - 1);
}

}  // namespace koi::mm
