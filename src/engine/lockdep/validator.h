// SPDX-License-Identifier: GPL-2.0-only
// The validator: what an acquisition or a release says about the rules of order, from the evidence of one task.
//
//   acquire   wait type (a sleeping lock inside a spinning one) → usage (interrupt states) → a new chain: recursion,
//             cycles (AA, ABBA, longer), interrupt-safe locks that lead to unsafe ones → pushed on the task's stack
//   release   balance
//   enabled   interrupts go on while locks are held: their usage grows
//
// A chain of classes is checked when it is first seen. Taking a lock without waiting (trylock) makes no dependency on what
// is held, but what is taken inside depends on it. Deviation from kernel/locking/lockdep.c: it goes on after a report; each
// problem (kind, classes) is reported once, and there is no limit on classes, chains or traces.
//
// Not thread-safe. The sink is called in the middle of an acquisition: it may read the graph, not change it.
#pragma once

#include <memory_resource>
#include <unordered_set>

#include "engine/lockdep/dependency_graph.h"

namespace koi::lockdep {

enum class ProblemKind : u8 {
  kRecursion,          // AA
  kCircular,           // ABBA and longer
  kInconsistentState,  // used in an interrupt, and elsewhere with interrupts on
  kIrqInversion,   // a usage bit connects an interrupt-safe class with an unsafe one, over known dependencies
  kIrqDependency,  // a new dependency does
  kWaitContext,    // a sleeping lock inside a spinning one, or in an interrupt
  kUnlockBalance,  // released, but not held
};

struct Problem {
  ProblemKind kind = ProblemKind::kRecursion;
  HeldLock next;                       // what is being taken (or released)
  const HeldLock* previous = nullptr;  // what is held and conflicts
  u32 previous_index = 0;              // its place on the stack
  TraceId trace = kNoTrace;
  // kCircular: from `next` to `previous`. kIrqInversion: from the class to the other one. kIrqDependency: from `previous`
  // back to the interrupt-safe class, and `forward` from `next` to the unsafe one.
  Path path;
  Path forward;
  u8 old_bit = 0;                     // the state that the class has
  u8 new_bit = 0;                     // the state that it gets now
  WaitType context = WaitType::kMax;  // kWaitContext: what the task may do apart from its locks
};

class ProblemSink {
 public:
  virtual ~ProblemSink() = default;
  virtual void problem(const HeldStack& stack, const Problem& problem) = 0;
  // Remembers the running task's call trace.
  virtual TraceId save_trace() = 0;
  // Two locks of one class, taken by a task one inside the other: did the author say that this is in order (*_nested)?
  virtual bool nesting_is_annotated(const HeldLock& previous, const HeldLock& next) = 0;
};

class Validator {
 public:
  Validator(std::pmr::memory_resource* resource, ProblemSink& sink);

  [[nodiscard]] DependencyGraph& graph() { return graph_; }
  [[nodiscard]] const DependencyGraph& graph() const { return graph_; }

  // Takes `lock` (class_id, how, ip, lock and since_ns are set). True: the same acquisition on the same chain needs no
  // check any more.
  bool acquire(HeldStack& stack, HeldLock lock);
  // False: it was not held (reported). `class_id`: of the lock, for the report.
  bool release(HeldStack& stack, const HeldLock& lock);
  // downgrade_write(): what was taken exclusively is held shared from now on.
  void set_read(HeldStack& stack, u64 lock, u32 read);
  // Hard or soft interrupts go on while the task holds what it holds.
  void interrupts_enabled(HeldStack& stack, bool soft);
  // A sleeping function is called: only its wait type is checked.
  void check_wait(const HeldStack& stack, const HeldLock& lock);
  // The class is no more.
  void remove(ClassId id);

  // The chain that the stack has when `lock` is pushed.
  [[nodiscard]] static u64 next_chain(const HeldStack& stack, const HeldLock& lock);

 private:
  void mark_usage(HeldStack& stack, const HeldLock& lock);
  void mark(HeldStack& stack, const HeldLock& lock, u8 bit);
  void check_new_state(HeldStack& stack, const HeldLock& lock, u8 bit);
  [[nodiscard]] bool search_states(HeldStack& stack, const HeldLock& lock, u8 bit, u8 excluded);
  // Recursion; false: a dependency would say nothing new.
  bool check_recursion(HeldStack& stack, const HeldLock& lock);
  void add_dependencies(HeldStack& stack, const HeldLock& lock);
  void add_dependency(HeldStack& stack, u32 index, const HeldLock& next);
  [[nodiscard]] bool check_cycle(HeldStack& stack, u32 index, const HeldLock& next);
  void check_irq_dependency(HeldStack& stack, u32 index, const HeldLock& next);
  void report(const HeldStack& stack, Problem& problem, u64 who, u64 whom);
  TraceId trace();

  ProblemSink& sink_;
  DependencyGraph graph_;
  std::pmr::unordered_set<u64> chains_;    // checked ones
  std::pmr::unordered_set<u64> reported_;  // problems
  TraceId trace_ = kNoTrace;               // of the acquisition that is being checked
};

}  // namespace koi::lockdep
