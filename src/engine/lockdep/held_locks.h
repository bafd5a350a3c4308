// SPDX-License-Identifier: GPL-2.0-only
// What the C core's fast path (kernel/locking/lockdep.c) and the validator share: the locks that a task holds, and the cache of
// acquisitions that were found in order before.
//
// The core asks the cache first: the same lock, taken the same way, on top of the same chain of classes, was checked
// already; then pushing the lock is all there is to do. Everything else goes to the validator.
#pragma once

#include "base/types.h"

namespace koi::lockdep {

using ClassId = u32;
inline constexpr ClassId kNoClass = 0;

// How a lock was taken: bits of HeldLock::how and of the cache's key. kernel/locking/lockdep.c has the same.
inline constexpr u32 kReadMask = 3;  // 0 exclusive, 1 shared, 2 shared and recursive
inline constexpr u32 kTrylock = 4;
inline constexpr u32 kInSoftirq = 8;
inline constexpr u32 kInHardirq = 16;
inline constexpr u32 kHardirqsOn = 32;
inline constexpr u32 kSoftirqsOn = 64;
inline constexpr u32 kWaits = 128;    // not got yet; of HeldLock only
inline constexpr u32 kKindShift = 8;  // LockKind
inline constexpr u32 kIrqContextMask = kInSoftirq | kInHardirq;

enum class LockKind : u8 {
  kSpin,
  kRwlock,
  kMutex,
  kRwsem,
  kRtMutex,
  kRcu,
  kMap,      // no lock of its own: a work, a work queue, a timer that runs or is waited for
  kSleep,    // what a sleeping function of koi's own takes: only its wait type counts
  kReclaim,  // fs_reclaim: no lock to wait for, but ordered as one
};
[[nodiscard]] constexpr LockKind kind_of(u32 how) { return static_cast<LockKind>(how >> kKindShift & 15); }
[[nodiscard]] constexpr u32 how_of(LockKind kind, u32 bits = 0) {
  return static_cast<u32>(kind) << kKindShift | bits;
}

struct HeldLock {
  u64 lock = 0;            // its address
  u64 ip = 0;              // who took it
  u64 previous_chain = 0;  // the chain below it
  u64 since_ns = 0;        // virtual time
  ClassId class_id = kNoClass;
  u32 how = 0;

  [[nodiscard]] u32 read() const { return how & kReadMask; }
  [[nodiscard]] bool trylock() const { return (how & kTrylock) != 0; }
  [[nodiscard]] u32 irq_context() const { return how & kIrqContextMask; }
};
static_assert(sizeof(HeldLock) == 40);

// MAX_LOCK_DEPTH of the kernel.
inline constexpr u32 kMaxHeld = 48;

struct HeldStack {
  u32 depth = 0;
  u32 untracked = 0;    // locks taken beyond kMaxHeld
  u64 chain = 0;        // hash of the classes held, in order
  u64 hard_marked = 0;  // the chain that is known to have been held with interrupts on
  u64 soft_marked = 0;
  HeldLock held[kMaxHeld];
};
static_assert(sizeof(HeldStack) == 32 + kMaxHeld * sizeof(HeldLock));

struct CacheEntry {
  u64 lock = 0;
  u64 chain = 0;  // before the acquisition
  u32 how = 0;
  u32 generation = 0;  // of the lock's slot in the generations: a freed lock's entries are void
  u64 next_chain = 0;
  ClassId class_id = kNoClass;
  u32 reserved = 0;
};
static_assert(sizeof(CacheEntry) == 40);

inline constexpr u32 kCacheEntries = 4096;
inline constexpr u32 kGenerations = 1024;

// lock_stat's counters of one class, taken exclusively or shared.
struct LockStat {
  u64 acquisitions = 0;  // finished ones
  u64 hold_total_ns = 0;
  u64 hold_min_ns = 0;
  u64 hold_max_ns = 0;
  u64 contentions = 0;
  u64 wait_total_ns = 0;
  u64 wait_min_ns = 0;
  u64 wait_max_ns = 0;
  u32 acquired_bounces = 0;  // by another CPU than the one before
  u32 contended_bounces = 0;
  u32 last_cpu = 0;  // plus one; 0: none yet
  u32 reserved = 0;

  void held(u64 ns) {
    if (acquisitions++ == 0 || ns < hold_min_ns) hold_min_ns = ns;
    hold_total_ns += ns;
    if (ns > hold_max_ns) hold_max_ns = ns;
  }
  void waited(u64 ns) {
    if (contentions++ == 0 || ns < wait_min_ns) wait_min_ns = ns;
    wait_total_ns += ns;
    if (ns > wait_max_ns) wait_max_ns = ns;
  }
};
static_assert(sizeof(LockStat) == 80);
// Two of them to a class: exclusive, shared.
[[nodiscard]] constexpr size_t stat_index(ClassId id, u32 read) {
  return size_t{id} * 2 + (read != 0 ? 1 : 0);
}

// Slots in the two tables; kernel/locking/lockdep.c computes the same.
[[nodiscard]] constexpr u32 generation_slot(u64 lock) {
  return static_cast<u32>((lock >> 3) ^ (lock >> 13)) % kGenerations;
}
[[nodiscard]] constexpr u32 cache_slot(u64 lock, u64 chain, u32 how) {
  return static_cast<u32>((lock >> 3) ^ (lock >> 15) ^ chain ^ how) % kCacheEntries;
}

}  // namespace koi::lockdep
