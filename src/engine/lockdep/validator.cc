// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lockdep/validator.h"

#include <algorithm>

#include "base/check.h"

namespace koi::lockdep {
namespace {

constexpr u64 mix(u64 chain, u64 value) {
  u64 x = chain ^ (value + 0x9e37'79b9'7f4a'7c15 + (chain << 6) + (chain >> 2));
  x ^= x >> 31;
  return x * 0xff51'afd7'ed55'8ccd;
}

// Below which place on the stack another interrupt context begins.
u32 context_start(const HeldStack& stack, u32 irq_context) {
  u32 start = stack.depth;
  while (start > 0 && stack.held[start - 1].irq_context() == irq_context) --start;
  return start;
}

}  // namespace

Validator::Validator(std::pmr::memory_resource* resource, ProblemSink& sink)
    : sink_(sink), graph_(resource), chains_(resource), reported_(resource) {}

u64 Validator::next_chain(const HeldStack& stack, const HeldLock& lock) {
  // What an interrupt takes does not depend on what the interrupted task holds.
  const bool fresh = stack.depth == 0 || stack.held[stack.depth - 1].irq_context() != lock.irq_context();
  const u64 below = fresh ? 0 : stack.chain;
  return mix(below, u64{lock.class_id} << 8 | lock.irq_context() | lock.read());
}

TraceId Validator::trace() {
  if (trace_ == kNoTrace) trace_ = sink_.save_trace();
  return trace_;
}

void Validator::report(const HeldStack& stack, Problem& problem, u64 who, u64 whom) {
  u64 identity = mix(static_cast<u64>(problem.kind) + 1, who);
  identity = mix(identity, whom);
  if (!reported_.insert(identity).second) return;
  problem.trace = trace();
  sink_.problem(stack, problem);
}

bool Validator::acquire(HeldStack& stack, HeldLock lock) {
  trace_ = kNoTrace;
  if (stack.depth == kMaxHeld) {
    ++stack.untracked;
    return false;
  }
  if (!lock.trylock()) check_wait(stack, lock);
  mark_usage(stack, lock);
  const u64 chain = next_chain(stack, lock);
  bool same_class = false;
  for (u32 i = 0; i < stack.depth; ++i) same_class = same_class || stack.held[i].class_id == lock.class_id;
  // Who waits for nothing cannot deadlock. Nesting within a class depends on the objects, so it is looked at every time.
  if (!lock.trylock() && (same_class || !chains_.contains(chain))) {
    if (check_recursion(stack, lock)) add_dependencies(stack, lock);
    chains_.insert(chain);
  }
  lock.previous_chain = stack.chain;
  stack.held[stack.depth++] = lock;
  stack.chain = chain;
  return !same_class;
}

bool Validator::release(HeldStack& stack, const HeldLock& lock) {
  trace_ = kNoTrace;
  for (u32 i = stack.depth; i-- > 0;) {
    if (stack.held[i].lock != lock.lock) continue;
    // The chains above are those of the locks that stay.
    stack.chain = stack.held[i].previous_chain;
    const u32 above = stack.depth;
    stack.depth = i;
    for (u32 j = i + 1; j < above; ++j) {
      HeldLock moved = stack.held[j];
      const u64 chain = next_chain(stack, moved);
      moved.previous_chain = stack.chain;
      stack.held[stack.depth++] = moved;
      stack.chain = chain;
    }
    return true;
  }
  if (stack.untracked != 0) {
    --stack.untracked;
    return true;
  }
  Problem problem;
  problem.kind = ProblemKind::kUnlockBalance;
  problem.next = lock;
  report(stack, problem, lock.lock, lock.ip);
  return false;
}

void Validator::set_read(HeldStack& stack, u64 lock, u32 read) {
  for (u32 i = stack.depth; i-- > 0;) {
    if (stack.held[i].lock != lock) continue;
    stack.held[i].how = (stack.held[i].how & ~kReadMask) | read;
    return;
  }
}

void Validator::interrupts_enabled(HeldStack& stack, bool soft) {
  trace_ = kNoTrace;
  for (u32 i = 0; i < stack.depth; ++i) {
    const HeldLock lock = stack.held[i];
    const u8 bit = soft ? kEnabledSoftirq : kEnabledHardirq;
    if (kind_of(lock.how) != LockKind::kRcu)
      mark(stack, lock, static_cast<u8>(lock.read() != 0 ? bit | kUsageRead : bit));
  }
}

// ---- wait types ----

void Validator::check_wait(const HeldStack& stack, const HeldLock& lock) {
  const WaitType wanted = outer_wait_type(kind_of(lock.how));
  if (wanted == WaitType::kNone) return;
  const WaitType context = lock.irq_context() != 0 ? WaitType::kSpin : WaitType::kMax;
  WaitType allowed = context;
  u64 whom = 0;
  for (u32 i = context_start(stack, lock.irq_context()); i < stack.depth; ++i) {
    const WaitType inner = inner_wait_type(kind_of(stack.held[i].how));
    // It should not have been taken either: that was the report.
    if (inner == WaitType::kSleep && allowed < WaitType::kSleep && !stack.held[i].trylock()) return;
    if (inner == WaitType::kNone || inner >= allowed) continue;
    allowed = inner;
    whom = stack.held[i].class_id;
  }
  if (wanted <= allowed) return;
  Problem problem;
  problem.kind = ProblemKind::kWaitContext;
  problem.next = lock;
  problem.context = context;
  report(stack, problem, whom != 0 ? whom : lock.irq_context(), lock.class_id);
}

// ---- interrupt states ----

void Validator::mark_usage(HeldStack& stack, const HeldLock& lock) {
  if (kind_of(lock.how) != LockKind::kRcu) {
    const u8 read = lock.read() != 0 ? kUsageRead : 0;
    if (!lock.trylock()) {
      if ((lock.how & kInHardirq) != 0) mark(stack, lock, static_cast<u8>(kUsedInHardirq | read));
      if ((lock.how & kInSoftirq) != 0) mark(stack, lock, static_cast<u8>(kUsedInSoftirq | read));
    }
    if ((lock.how & kHardirqsOn) != 0) {
      mark(stack, lock, static_cast<u8>(kEnabledHardirq | read));
      if ((lock.how & kSoftirqsOn) != 0) mark(stack, lock, static_cast<u8>(kEnabledSoftirq | read));
    }
  }
  mark(stack, lock, lock.read() != 0 ? kUsedRead : kUsed);
}

void Validator::mark(HeldStack& stack, const HeldLock& lock, u8 bit) {
  LockClass& c = graph_.at(lock.class_id);
  if ((c.usage & mask_of(bit)) != 0) return;
  c.usage |= mask_of(bit);
  c.usage_traces[bit] = trace();
  if (bit < kIrqUsageBits) check_new_state(stack, lock, bit);
}

void Validator::check_new_state(HeldStack& stack, const HeldLock& lock, u8 bit) {
  const u8 excluded = exclusive_bit(bit);
  const u16 usage = graph_.at(lock.class_id).usage;
  const bool read = (bit & kUsageRead) != 0;
  // Two readers never wait for each other.
  for (u8 other : {excluded, static_cast<u8>(excluded | kUsageRead)}) {
    if ((read && other != excluded) || (usage & mask_of(other)) == 0) continue;
    Problem problem;
    problem.kind = ProblemKind::kInconsistentState;
    problem.next = lock;
    problem.old_bit = other;
    problem.new_bit = bit;
    report(stack, problem, lock.class_id, bit >> 2);
    return;
  }
  // Whatever a callback takes is in these states itself.
  if (kind_of(lock.how) == LockKind::kMap) return;
  if (search_states(stack, lock, bit, excluded)) return;
  if (!read) static_cast<void>(search_states(stack, lock, bit, static_cast<u8>(excluded | kUsageRead)));
}

// A class that became interrupt-safe must not lead to unsafe ones, one that became unsafe must not be led to by safe ones.
bool Validator::search_states(HeldStack& stack, const HeldLock& lock, u8 bit, u8 excluded) {
  const auto direction = (bit & kUsageDirection) != 0 ? Direction::kBefore : Direction::kAfter;
  const auto path =
      graph_.search(lock.class_id, lock.read(), direction, [&](ClassId id, bool only_recursive) {
        if (id == lock.class_id) return false;
        if (only_recursive && (excluded & kUsageRead) != 0) return false;
        if (graph_.at(id).kind == LockKind::kMap) return false;
        return (graph_.at(id).usage & mask_of(excluded)) != 0;
      });
  if (!path) return false;
  Problem problem;
  problem.kind = ProblemKind::kIrqInversion;
  problem.next = lock;
  problem.old_bit = excluded;
  problem.new_bit = bit;
  problem.path = *path;
  report(stack, problem, lock.class_id, path->back().class_id);
  return true;
}

// ---- order ----

bool Validator::check_recursion(HeldStack& stack, const HeldLock& lock) {
  bool nested = false;
  for (u32 i = stack.depth; i-- > 0;) {
    const HeldLock& held = stack.held[i];
    if (held.class_id != lock.class_id) continue;
    // A recursive reader gets in beside a reader.
    if (lock.read() == 2 && held.read() != 0) continue;
    if (kind_of(lock.how) == LockKind::kRcu) continue;
    if (held.lock != lock.lock && sink_.nesting_is_annotated(held, lock)) {
      nested = true;
      continue;
    }
    Problem problem;
    problem.kind = ProblemKind::kRecursion;
    problem.next = lock;
    problem.previous = &held;
    problem.previous_index = i;
    report(stack, problem, lock.class_id, held.lock == lock.lock ? 1 : 0);
    return false;
  }
  return !nested;
}

void Validator::add_dependencies(HeldStack& stack, const HeldLock& lock) {
  for (u32 i = stack.depth; i-- > 0;) {
    const HeldLock& held = stack.held[i];
    if (held.irq_context() != lock.irq_context()) return;
    if (kind_of(held.how) != LockKind::kRcu && kind_of(lock.how) != LockKind::kRcu)
      add_dependency(stack, i, lock);
    // Whoever waited for this lock depends on what lies below it already.
    if (!held.trylock()) return;
  }
}

void Validator::add_dependency(HeldStack& stack, u32 index, const HeldLock& next) {
  const HeldLock& held = stack.held[index];
  if (held.class_id == next.class_id) return;
  const Dependency* const known = graph_.edge(held.class_id, next.class_id);
  if (known != nullptr && (known->strength & strength_of(held.read(), next.read())) != 0) return;
  // An edge that closes a cycle is not added: later searches would find the same cycle from everywhere.
  if (check_cycle(stack, index, next)) return;
  check_irq_dependency(stack, index, next);
  graph_.add_edge(held.class_id, held.read(), next.class_id, next.read(), trace());
}

bool Validator::check_cycle(HeldStack& stack, u32 index, const HeldLock& next) {
  const HeldLock& held = stack.held[index];
  const auto path =
      graph_.search(next.class_id, next.read(), Direction::kAfter, [&](ClassId id, bool only_recursive) {
        return id == held.class_id && (held.read() == 0 || !only_recursive);
      });
  if (!path) return false;
  Problem problem;
  problem.kind = ProblemKind::kCircular;
  problem.next = next;
  problem.previous = &held;
  problem.previous_index = index;
  problem.path = *path;
  report(stack, problem, held.class_id, next.class_id);
  return true;
}

void Validator::check_irq_dependency(HeldStack& stack, u32 index, const HeldLock& next) {
  const HeldLock& held = stack.held[index];
  // Hard interrupts first: what is unsafe there is so anyway. For writers of the unsafe lock, then for readers.
  for (const u8 used : {kUsedInHardirq, kUsedInHardirqRead, kUsedInSoftirq, kUsedInSoftirqRead}) {
    const bool used_read = (used & kUsageRead) != 0;
    const auto safe =
        graph_.search(held.class_id, held.read(), Direction::kBefore, [&](ClassId id, bool only_recursive) {
          return (graph_.at(id).usage & mask_of(used)) != 0 && !(used_read && only_recursive) &&
                 graph_.at(id).kind != LockKind::kMap;
        });
    if (!safe) continue;
    const u8 unsafe_bit = static_cast<u8>((used | kUsageDirection) & ~kUsageRead);
    for (const u8 enabled : {unsafe_bit, static_cast<u8>(unsafe_bit | kUsageRead)}) {
      if (used_read && enabled != unsafe_bit) continue;
      const auto unsafe =
          graph_.search(next.class_id, next.read(), Direction::kAfter, [&](ClassId id, bool only_recursive) {
            return (graph_.at(id).usage & mask_of(enabled)) != 0 && graph_.at(id).kind != LockKind::kMap &&
                   !((enabled & kUsageRead) != 0 && only_recursive);
          });
      if (!unsafe) continue;
      Problem problem;
      problem.kind = ProblemKind::kIrqDependency;
      problem.next = next;
      problem.previous = &held;
      problem.previous_index = index;
      problem.path = *safe;
      problem.forward = *unsafe;
      problem.old_bit = used;
      problem.new_bit = enabled;
      report(stack, problem, safe->back().class_id, unsafe->back().class_id);
      return;
    }
  }
}

void Validator::remove(ClassId id) {
  graph_.remove(id);
  chains_.clear();
}

}  // namespace koi::lockdep
