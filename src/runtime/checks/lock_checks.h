// SPDX-License-Identifier: GPL-2.0-only
// LockChecks: the lock validator of this machine. It tells the engine (engine/lockdep) which class a lock belongs to, keeps
// what each task holds, fills the cache that the C core's fast path asks, and has the findings printed.
//
// A module built without any lock debugging says little about its locks. Where a class comes from, best first:
//
//   the initialiser   mutex_init() and its kin pass a name: one class for each place that calls them
//   the address       of a static or per-CPU lock
//   the allocation    a lock that was initialised inline (spin_lock_init() is a plain store): who allocated the object, and
//                     where in it the lock lies
//   the object        nothing else is known: the lock is a class of its own until its memory is freed
//
// Context: a task's host stack.
#pragma once

#include <map>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/strong.h"
#include "engine/lockdep/validator.h"
#include "observe/allocation_sites.h"
#include "runtime/checks/lock_sources.h"
#include "runtime/checks/lock_stat.h"
#include "runtime/splat/splat.h"

namespace koi::sched {
struct Task;
}

namespace koi::runtime {

class Kernel;

class LockChecks final : public lockdep::ProblemSink {
 public:
  explicit LockChecks(Kernel& kernel);
  // From now on the core's lock functions ask; without this call nothing is checked.
  void enable();
  [[nodiscard]] bool enabled() const { return enabled_; }

  // ---- from the scheduler ----
  void task_created(sched::Task& task);
  void task_switched_in(const sched::Task& task);
  void task_released(const sched::Task& task);

  // ---- from the C core (koi_core.h) ----
  void acquire(u64 lock, u32 how, u64 ip);
  void release(u64 lock, u32 how, u64 ip);
  void downgrade(u64 lock);
  void initialised(u64 lock, u64 bytes, u64 name, u64 ip);
  void interrupts_on(bool soft);
  void waits(u64 lock, u64 ip);
  void contended(u64 lock, u64 wait_ns);

  // ---- from the rest of the machine ----
  // Is there a lock in that memory? (Quick; may say yes for nothing.)
  static constexpr u32 kPageSlots = 1 << 16;
  // The same as an array of kPageSlots, by page number; it stays where it is.
  [[nodiscard]] const u8* pages_place() const { return pages_.data(); }
  [[nodiscard]] bool may_hold_locks(u64 address) const { return pages_[page_slot(address)] != 0; }
  // Exactly, and not as quickly.
  [[nodiscard]] bool holds_locks(u64 begin, u64 bytes) const {
    const auto it = instances_.lower_bound(begin);
    return it != instances_.end() && it->first < begin + bytes;
  }
  // Has anything in allocated memory been armed or queued, so that frees must be looked into? (koi_frees_matter)
  [[nodiscard]] bool frees_matter() const { return *frees_matter_ != 0; }
  // The memory is free: its locks are gone. "held lock freed!" if the task still holds one.
  void memory_freed(u64 begin, u64 bytes);
  void module_unloaded(u64 begin, u64 bytes);
  // The running task made an allocation that may reclaim (__GFP_DIRECT_RECLAIM).
  void may_reclaim(u32 gfp);
  // It reclaims, and what it calls runs under fs_reclaim from here to reclaim_ends(). No: this allocation does not take it.
  [[nodiscard]] bool reclaim_begins(u32 gfp);
  void reclaim_ends();
  [[nodiscard]] bool holds_any() const { return enabled_ && current_stack().depth != 0; }
  // How many locks a task holds, as the leaf functions ask it.
  [[nodiscard]] static const u32* depth_place(const sched::Task& task);
  // "Showing all locks held in the system:"
  void show_all_held();
  // The running task goes back to user space, or ends.
  void check_return_to_user();
  void check_task_exit();
  // The running task was killed, or gives up its list after a report.
  void drop_all();
  // A work function came back with locks: what its worker holds, for the report of the core.
  void show_held();
  // Held locks as reports that are not the validator's own list them; nothing when it is off.
  [[nodiscard]] SplatText held_locks_text(bool interrupts_off);
  void describe(bool interrupts_off);
  // A lock that no initialiser ever saw.
  void uninitialised();
  // A function that waits for RCU readers was called in a reader; `place` is the kernel's line about it.
  void suspicious_rcu(std::string_view place);
  // What was measured so far, of classes that are gone, too, if `gone`; the most contended first.
  [[nodiscard]] std::vector<LockStatRow> lock_stat(bool gone) const;
  // What the running task holds, as splats list it.
  [[nodiscard]] const lockdep::HeldStack& current_stack() const;
  [[nodiscard]] std::string_view name_of(const lockdep::HeldLock& held) {
    return validator_.graph().at(held.class_id).name;
  }

  // lockdep::ProblemSink
  void problem(const lockdep::HeldStack& stack, const lockdep::Problem& problem) override;
  lockdep::TraceId save_trace() override;
  bool nesting_is_annotated(const lockdep::HeldLock& previous, const lockdep::HeldLock& next) override;

 private:
  friend class LockReports;  // reads names, traces and classes
  struct Instance {
    lockdep::ClassId class_id = lockdep::kNoClass;
    u64 init_site = 0;  // where it was initialised; 0: unknown
    u64 name = 0;       // the initialiser's text
  };
  using Trace = std::pmr::vector<u64>;

  [[nodiscard]] lockdep::HeldStack& stack();
  // The core's per-CPU pointer: the list of whoever runs there.
  [[nodiscard]] lockdep::HeldStack*& stack_of(VcpuId cpu) const;
  struct ObjectPlace {
    observe::SiteNumber site = observe::kNoSite;
    u64 offset = 0;
    std::string what;  // empty: no object
  };
  [[nodiscard]] ObjectPlace object_of(u64 lock) const;
  [[nodiscard]] lockdep::ClassId class_of(u64 lock, lockdep::LockKind kind);
  [[nodiscard]] lockdep::ClassId make_class(u64 lock, lockdep::LockKind kind, const Instance& instance);
  [[nodiscard]] u64 canonical_site(u64 site, u64 name);
  void forget(u64 lock);
  void set_stat_pointer();
  void remove_class(lockdep::ClassId id);
  static lockdep::ClassKey reclaim_key(u64 address);
  [[nodiscard]] lockdep::HeldLock reclaim_lock();
  [[nodiscard]] bool takes_reclaim_lock(u32 gfp) const;
  bool take_reclaim_lock(lockdep::HeldStack& held, lockdep::HeldLock& lock);
  [[nodiscard]] LockStatRow stat_row(lockdep::ClassId id) const;
  void note(std::string_view text);
  void mark_page(u64 lock);
  static u32 page_slot(u64 address) { return static_cast<u32>(address >> 12) % kPageSlots; }

  Kernel& kernel_;
  bool enabled_ = false;
  lockdep::Validator validator_;
  LockSources sources_;
  std::pmr::map<u64, Instance> instances_;  // by the lock's address
  std::pmr::vector<Trace> traces_;
  std::pmr::vector<lockdep::LockStat> stats_;  // by class: exclusive, shared
  std::pmr::map<lockdep::ClassId, LockPoints> points_;
  std::vector<LockStatRow> gone_;  // of classes that went with their module or object
  std::span<lockdep::CacheEntry> cache_;
  std::pmr::vector<u32> generations_;
  const u32* frees_matter_ = nullptr;
  std::span<u8> pages_;  // which pages may have locks
  std::pmr::vector<lockdep::HeldStack*> free_stacks_;
  std::pmr::unordered_map<u64, u64> sites_;  // init site → the one that stands for its class
  std::pmr::unordered_map<u64, std::pmr::vector<u64>> name_sites_;  // initialiser's text → sites
  std::pmr::unordered_set<u64> nested_;  // pairs of objects of one class, in the order of nesting
  u64 stack_offset_ = 0;
  lockdep::ClassId reclaim_class_ = lockdep::kNoClass;
  u64 reclaim_address_ = 0;
  bool in_reclaim_ = false;  // reports and traces go through fs_reclaim_acquire()
};

}  // namespace koi::runtime
