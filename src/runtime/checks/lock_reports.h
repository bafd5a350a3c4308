// SPDX-License-Identifier: GPL-2.0-only
// LockReports: the lock validator's findings in the kernel's words, printed to the log and noted in the journal.
//
// The texts are those of kernel/locking/lockdep.c, kernel/sched/core.c (__might_resched) and kernel/workqueue.c.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/lockdep/validator.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

class Kernel;
class LockChecks;

class LockReports {
 public:
  LockReports(LockChecks& checks, Kernel& kernel) : checks_(checks), kernel_(kernel) {}

  void print(const lockdep::HeldStack& stack, const lockdep::Problem& problem);
  void suspicious_rcu(const lockdep::HeldStack& stack, std::string_view place);
  void held_lock_freed(const lockdep::HeldStack& stack, u32 index, u64 first, u64 last);
  void held_in_user_space(const lockdep::HeldStack& stack);
  void held_at_exit(const lockdep::HeldStack& stack);

  // "1 lock held by insmod/39:" and the locks.
  [[nodiscard]] SplatText held_locks(const lockdep::HeldStack& stack) const;
  // "Showing all locks held in the system:" and those of each task.
  [[nodiscard]] SplatText all_held_locks() const;
  // The running task's, and the interrupt events where interrupts are off.
  [[nodiscard]] SplatText describe(const lockdep::HeldStack& stack, bool interrupts_off) const;

 private:
  void recursion(SplatText& text, const lockdep::Problem& p) const;
  void circular(SplatText& text, const lockdep::Problem& p) const;
  void inconsistent(SplatText& text, const lockdep::HeldStack& stack, const lockdep::Problem& p) const;
  void inversion(SplatText& text, const lockdep::HeldStack& stack, const lockdep::Problem& p) const;
  void irq_dependency(SplatText& text, const lockdep::HeldStack& stack, const lockdep::Problem& p) const;
  void wait_context(SplatText& text, const lockdep::HeldStack& stack, const lockdep::Problem& p) const;
  void unlock_balance(SplatText& text, const lockdep::HeldStack& stack, const lockdep::Problem& p) const;

  void banner(SplatText& text, std::string_view title, char rule, u64 width, std::string_view below) const;
  void banner(SplatText& text, std::string_view title) const;
  void stack_backtrace(SplatText& text, std::string_view frames, std::string_view skipped = {}) const;
  // What most reports end with: the locks held, and how the task came here.
  void closing(SplatText& text, const lockdep::HeldStack& stack, std::string_view frames) const;
  void trace(SplatText& text, lockdep::TraceId id, u64 indent, std::string_view frames) const;
  void class_details(SplatText& text, lockdep::ClassId id) const;
  // Each class of a path and where it was taken; the root just now, with `newest`.
  void dependencies(SplatText& text, const lockdep::Path& path, lockdep::TraceId newest) const;
  // Two CPUs, of which an interrupt comes to the first.
  void irq_scenario(SplatText& text, lockdep::ClassId safe, lockdep::ClassId previous, lockdep::ClassId next,
                    lockdep::ClassId unsafe) const;

  [[nodiscard]] std::string name(lockdep::ClassId id) const;       // A, &o->m#2
  [[nodiscard]] std::string full_name(lockdep::ClassId id) const;  // (A){+.+.}-{3:3}
  [[nodiscard]] std::string place(u64 ip) const;                   // function+0x../0x.. in the kernel's names
  [[nodiscard]] std::string held_line(const lockdep::HeldLock& lock) const;
  void held_by(SplatText& text, const lockdep::HeldStack& stack, const std::string& who) const;
  [[nodiscard]] std::string task() const;  // insmod/39
  [[nodiscard]] std::string task_with_context() const;

  LockChecks& checks_;
  Kernel& kernel_;
};

}  // namespace koi::runtime
