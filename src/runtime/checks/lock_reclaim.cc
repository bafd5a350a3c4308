// SPDX-License-Identifier: GPL-2.0-only
// fs_reclaim: reclaim as a lock. Whoever makes an allocation that may reclaim takes it for a moment; shrinkers run under it. So a
// lock that is held at such an allocation and that a shrinker takes closes a cycle, whether memory ever ran short or not.
#include <array>

#include "host/crossing.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using lockdep::HeldLock;
using lockdep::HeldStack;
using lockdep::LockKind;

// Every kernel allocates with interrupts on while it boots: who did so first, from lock_acquire() outwards.
constexpr std::array<std::string_view, 8> kAtBoot61 = {
    "fs_reclaim_acquire", "__kmem_cache_alloc_node", "kmalloc_node_trace", "init_rescuer",
    "workqueue_init",     "kernel_init_freeable",    "kernel_init",        "ret_from_fork"};
constexpr std::array<std::string_view, 8> kAtBoot612 = {"fs_reclaim_acquire",   "__kmalloc_cache_node_noprof",
                                                        "init_rescuer",         "workqueue_init",
                                                        "kernel_init_freeable", "kernel_init",
                                                        "ret_from_fork",        "ret_from_fork_asm"};

// koi_lock_context() of kernel/lockdep.c.
u32 context_bits(u32 count) {
  using namespace preempt_count;
  u32 bits = host::gs_area()->interrupt_flag != 0 ? lockdep::kHardirqsOn : 0;
  if ((count & kHardirqMask) != 0) {
    bits |= lockdep::kInHardirq;
  } else if ((count & kSoftirqServing) != 0) {
    bits |= lockdep::kInSoftirq;
  }
  return (count & kSoftirqMask) != 0 ? bits : bits | lockdep::kSoftirqsOn;
}

}  // namespace

HeldLock LockChecks::reclaim_lock() {
  HeldLock lock;
  lock.how = lockdep::how_of(LockKind::kReclaim, context_bits(static_cast<u32>(kernel_.preempt_count())));
  lock.since_ns = kernel_.sched().now().value;
  if (reclaim_class_ == lockdep::kNoClass) {
    reclaim_address_ = kernel_.name_address("fs_reclaim");
    lockdep::DependencyGraph& graph = validator_.graph();
    reclaim_class_ = graph.add(reclaim_key(reclaim_address_), LockKind::kReclaim, "fs_reclaim");
    set_stat_pointer();
    Trace& trace = traces_.emplace_back();
    for (const std::string_view name : kernel_.is_6_12() ? kAtBoot612 : kAtBoot61)
      trace.push_back(kernel_.name_address(name) + kFrameOffset);
    lockdep::LockClass& c = graph.at(reclaim_class_);
    for (const u8 bit : {lockdep::kEnabledHardirq, lockdep::kEnabledSoftirq, lockdep::kUsed}) {
      c.usage |= lockdep::mask_of(bit);
      c.usage_traces[bit] = static_cast<lockdep::TraceId>(traces_.size() - 1);
    }
  }
  lock.lock = reclaim_address_;
  lock.class_id = reclaim_class_;
  return lock;
}

// Does such an allocation of the running task take the lock? The scopes of memalloc_nofs_save() count.
bool LockChecks::takes_reclaim_lock(u32 gfp) const {
  const mm::GfpBits& bits = kernel_.memory().pages().gfp();
  if ((gfp & bits.direct_reclaim) == 0 || kernel_.core().function<int()>("koi_frees_memory")() != 0)
    return false;
  return (kernel_.core().function<u32(u32)>("koi_gfp_context")(gfp) & bits.fs) != 0;
}

void LockChecks::may_reclaim(u32 gfp) {
  if (!enabled_) return;
  HeldLock lock = reclaim_lock();
  HeldStack& held = stack();
  lockdep::CacheEntry& known = cache_[lockdep::cache_slot(lock.lock, held.chain, lock.how)];
  if (known.lock == lock.lock && known.chain == held.chain && known.how == lock.how) return;
  if (!takes_reclaim_lock(gfp)) return;
  const u64 chain = held.chain;
  if (!take_reclaim_lock(held, lock)) return;
  static_cast<void>(validator_.release(held, lock));
  // One that is freed never comes: no generation to look at.
  known = {lock.lock, chain, lock.how, 0, chain, lock.class_id, 0};
}

bool LockChecks::take_reclaim_lock(HeldStack& held, HeldLock& lock) {
  if (held.depth == lockdep::kMaxHeld) return false;
  in_reclaim_ = true;
  for (const TraceItem& item : kernel_.traps().lock_trace()) {
    if (item.kind != TraceItem::Kind::kAddress || !item.reliable) continue;
    lock.ip = item.address;
    break;
  }
  static_cast<void>(validator_.acquire(held, lock));
  in_reclaim_ = false;
  return true;
}

bool LockChecks::reclaim_begins(u32 gfp) {
  if (!enabled_ || !takes_reclaim_lock(gfp)) return false;
  HeldLock lock = reclaim_lock();
  return take_reclaim_lock(stack(), lock);
}

void LockChecks::reclaim_ends() { static_cast<void>(validator_.release(stack(), reclaim_lock())); }

}  // namespace koi::runtime
