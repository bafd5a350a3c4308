// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lockdep/validator.h"

#include <gtest/gtest.h>

#include <memory_resource>
#include <random>
#include <string>
#include <vector>

namespace koi::lockdep {
namespace {

constexpr u32 kProcess = kHardirqsOn | kSoftirqsOn;

struct Sink final : ProblemSink {
  struct Seen {
    ProblemKind kind;
    Path path;
    Path forward;
    u8 old_bit, new_bit;
  };
  void problem(const HeldStack& /*stack*/, const Problem& p) override {
    seen.push_back({p.kind, p.path, p.forward, p.old_bit, p.new_bit});
  }
  TraceId save_trace() override { return ++traces; }
  bool nesting_is_annotated(const HeldLock& /*previous*/, const HeldLock& /*next*/) override {
    return annotated;
  }
  std::vector<Seen> seen;
  TraceId traces = 0;
  bool annotated = false;
};

class ValidatorTest : public ::testing::Test {
 protected:
  HeldLock lock(const std::string& name, LockKind kind, u32 bits, u64 object) {
    HeldLock held;
    u64 hash = 0;
    for (char c : name) hash = hash * 131 + static_cast<u64>(c);
    held.class_id = validator.graph().add(ClassKey{1, hash, 0}, kind, name);
    held.lock = hash * 4096 + object * 64;
    held.ip = 0x1000;
    held.how = how_of(kind, bits);
    return held;
  }
  void take(const std::string& name, LockKind kind = LockKind::kMutex, u32 bits = kProcess, u64 object = 0) {
    static_cast<void>(validator.acquire(stack, lock(name, kind, bits, object)));
  }
  void drop(const std::string& name, u64 object = 0) {
    static_cast<void>(validator.release(stack, lock(name, LockKind::kMutex, 0, object)));
  }
  // Takes and gives back, each inside the one before.
  void chain(const std::vector<std::string>& names, LockKind kind = LockKind::kMutex, u32 bits = kProcess) {
    for (const auto& name : names) take(name, kind, bits);
    for (size_t i = names.size(); i-- > 0;) drop(names[i]);
    validator.graph().check_invariants();
  }
  [[nodiscard]] std::vector<ProblemKind> kinds() const {
    std::vector<ProblemKind> all;
    for (const auto& s : sink.seen) all.push_back(s.kind);
    return all;
  }
  using Kinds = std::vector<ProblemKind>;

  Sink sink;
  Validator validator{std::pmr::get_default_resource(), sink};
  HeldStack stack;
};

TEST_F(ValidatorTest, AbbaIsReportedOnceAndWithoutADeadlock) {
  chain({"A", "B"});
  chain({"B", "A"});
  chain({"B", "A"});
  ASSERT_EQ(kinds(), Kinds{ProblemKind::kCircular});
  ASSERT_EQ(sink.seen[0].path.size(), 2U);
  EXPECT_EQ(validator.graph().at(sink.seen[0].path[0].class_id).name, "A");
  EXPECT_EQ(validator.graph().at(sink.seen[0].path[1].class_id).name, "B");
  EXPECT_EQ(stack.depth, 0U);
  EXPECT_EQ(stack.chain, 0U);
}

TEST_F(ValidatorTest, ALongCycleIsFound) {
  chain({"A", "B"});
  chain({"B", "C"});
  chain({"C", "D"});
  EXPECT_TRUE(sink.seen.empty());
  chain({"D", "A"});
  ASSERT_EQ(kinds(), Kinds{ProblemKind::kCircular});
  EXPECT_EQ(sink.seen[0].path.size(), 4U);
}

TEST_F(ValidatorTest, TheSameOrderTwiceIsFine) {
  chain({"A", "B", "C"});
  chain({"A", "B", "C"});
  chain({"A", "C"});
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, AnOrderThroughATransitiveHolderCounts) {
  chain({"A", "B", "C"});
  chain({"C", "A"});
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kCircular});
}

TEST_F(ValidatorTest, ATrylockMakesNoDependencyOnWhatIsHeld) {
  chain({"A", "B"});
  take("B");
  take("A", LockKind::kMutex, kProcess | kTrylock);
  drop("A");
  drop("B");
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, WhatIsTakenInsideATrylockDependsOnItAndOnWhatIsBelow) {
  chain({"A", "B"});
  take("B", LockKind::kMutex, kProcess | kTrylock);
  take("A");
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kCircular});
}

TEST_F(ValidatorTest, RecursionOfAClassAndOfALock) {
  take("A", LockKind::kMutex, kProcess, 0);
  take("A", LockKind::kMutex, kProcess, 1);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kRecursion});
}

TEST_F(ValidatorTest, AnnotatedNestingIsFine) {
  sink.annotated = true;
  take("A", LockKind::kMutex, kProcess, 0);
  take("A", LockKind::kMutex, kProcess, 1);
  EXPECT_TRUE(sink.seen.empty());
  // No annotation makes the same lock free.
  take("A", LockKind::kMutex, kProcess, 1);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kRecursion});
}

TEST_F(ValidatorTest, ReadersThatAreNotRecursiveWaitBehindWriters) {
  take("R", LockKind::kRwlock, kProcess | 1);
  take("R", LockKind::kRwlock, kProcess | 1);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kRecursion});
}

TEST_F(ValidatorTest, RecursiveReadersPassReaders) {
  take("R", LockKind::kRwlock, kProcess | 1);
  take("R", LockKind::kRwlock, kProcess | 2);
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, ACycleOfRecursiveReadersIsNoDeadlock) {
  take("A", LockKind::kRwlock, 1);
  take("B", LockKind::kRwlock, 2);
  drop("B");
  drop("A");
  take("B", LockKind::kRwlock, 1);
  take("A", LockKind::kRwlock, 2);
  drop("A");
  drop("B");
  EXPECT_TRUE(sink.seen.empty());
  // Plain readers queue behind a writer.
  take("B", LockKind::kRwlock, 1);
  take("A", LockKind::kRwlock, 1);
  drop("A");
  drop("B");
  EXPECT_TRUE(sink.seen.empty()) << "A is left as a recursive reader took it";
  take("A", LockKind::kRwlock, 1);
  take("B", LockKind::kRwlock, 1);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kCircular});
}

TEST_F(ValidatorTest, UsedInAnInterruptAndWithInterruptsOn) {
  chain({"S"}, LockKind::kSpin, kProcess);
  chain({"S"}, LockKind::kSpin, kInHardirq);
  ASSERT_EQ(kinds(), Kinds{ProblemKind::kInconsistentState});
  EXPECT_EQ(sink.seen[0].old_bit, kEnabledHardirq);
  EXPECT_EQ(sink.seen[0].new_bit, kUsedInHardirq);
  EXPECT_STREQ(usage_characters(validator.graph().at(1).usage).data(), "?.+.");
}

TEST_F(ValidatorTest, InterruptsOffIsFineAndSoAreTrylocksAndReaders) {
  chain({"S"}, LockKind::kSpin, 0);
  chain({"S"}, LockKind::kSpin, kInHardirq);
  chain({"T"}, LockKind::kSpin, kProcess);
  chain({"T"}, LockKind::kSpin, kInHardirq | kTrylock);
  chain({"R"}, LockKind::kRwlock, kProcess | 1);
  chain({"R"}, LockKind::kRwlock, kInHardirq | 2);
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, SafeToUnsafeByANewDependency) {
  chain({"Safe"}, LockKind::kSpin, kInHardirq);
  chain({"Unsafe"}, LockKind::kSpin, kProcess);
  chain({"Safe", "Unsafe"}, LockKind::kSpin, 0);
  ASSERT_EQ(kinds(), Kinds{ProblemKind::kIrqDependency});
  EXPECT_EQ(sink.seen[0].old_bit, kUsedInHardirq);
  EXPECT_EQ(sink.seen[0].new_bit, kEnabledHardirq);
}

TEST_F(ValidatorTest, SafeToUnsafeByANewState) {
  chain({"Safe", "Unsafe"}, LockKind::kSpin, 0);
  chain({"Unsafe"}, LockKind::kSpin, kProcess);
  EXPECT_TRUE(sink.seen.empty());
  chain({"Safe"}, LockKind::kSpin, kInHardirq);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kIrqInversion});
}

TEST_F(ValidatorTest, InterruptsSwitchedOnWhileHoldingMakeALockUnsafe) {
  chain({"S"}, LockKind::kSpin, kInHardirq);
  take("S", LockKind::kSpin, 0);
  validator.interrupts_enabled(stack, false);
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kInconsistentState});
}

TEST_F(ValidatorTest, WhatAnInterruptTakesDoesNotDependOnTheInterruptedTask) {
  chain({"A", "B"}, LockKind::kSpin, 0);
  take("B", LockKind::kSpin, 0);
  take("A", LockKind::kSpin, kInHardirq);
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, ASleepingLockInsideASpinningOne) {
  take("S", LockKind::kSpin, kProcess);
  take("M", LockKind::kMutex, kProcess);
  take("N", LockKind::kMutex, kProcess);
  ASSERT_EQ(kinds(), Kinds{ProblemKind::kWaitContext}) << "N is a consequence of M";
  drop("N");
  drop("M");
  take("M", LockKind::kMutex, kProcess | kTrylock);
  EXPECT_EQ(sink.seen.size(), 1U);
}

TEST_F(ValidatorTest, ASpinningLockInsideASleepingOneIsFine) {
  take("M", LockKind::kMutex, kProcess);
  take("S", LockKind::kSpin, kProcess);
  EXPECT_TRUE(sink.seen.empty());
}

TEST_F(ValidatorTest, BalanceOfUnlocks) {
  take("A");
  take("B");
  drop("A");
  EXPECT_EQ(stack.depth, 1U);
  drop("B");
  EXPECT_TRUE(sink.seen.empty());
  EXPECT_EQ(stack.chain, 0U);
  drop("B");
  EXPECT_EQ(kinds(), Kinds{ProblemKind::kUnlockBalance});
}

TEST_F(ValidatorTest, ARemovedClassLeavesNothingBehind) {
  chain({"A", "B"});
  validator.remove(1);
  validator.graph().check_invariants();
  chain({"B", "A"});
  EXPECT_TRUE(sink.seen.empty());
}

// ---- against brute force ----

// All simple cycles through a new edge, by depth-first search over every strong walk.
class NaiveModel {
 public:
  struct Edge {
    u32 from, from_read, to, to_read;
  };
  // Does from -> to, so taken, close a deadlock cycle with the known edges?
  [[nodiscard]] bool closes_cycle(const Edge& fresh) const {
    std::vector<Edge> walk{fresh};
    return extend(walk, fresh);
  }
  void add(const Edge& edge) { edges_.push_back(edge); }

 private:
  // A lock passes two neighbours of the walk unless the first reads recursively and the second is shared.
  static bool joins(const Edge& in, const Edge& out) {
    return in.to == out.from && !(in.to_read == 2 && out.from_read != 0);
  }
  bool extend(std::vector<Edge>& walk, const Edge& first) const {
    if (joins(walk.back(), first)) return true;
    if (walk.size() > 8) return false;
    for (const Edge& e : edges_) {
      if (!joins(walk.back(), e)) continue;
      bool used = false;
      for (const Edge& w : walk)
        used = used ||
               (w.from == e.from && w.to == e.to && w.to_read == e.to_read && w.from_read == e.from_read);
      if (used) continue;
      walk.push_back(e);
      if (extend(walk, first)) return true;
      walk.pop_back();
    }
    return false;
  }
  std::vector<Edge> edges_;
};

TEST(ValidatorModel, CyclesAreThoseOfBruteForce) {
  u32 cycles = 0;
  for (u32 seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Sink sink;
    Validator validator(std::pmr::get_default_resource(), sink);
    NaiveModel model;
    std::vector<ClassId> ids;
    for (u64 i = 0; i < 5; ++i) ids.push_back(validator.graph().add({1, i, 0}, LockKind::kRwlock, "L"));
    for (u32 step = 0; step < 12; ++step) {
      const u32 a = random() % 5;
      const u32 b = (a + 1 + random() % 4) % 5;
      const NaiveModel::Edge edge{a, static_cast<u32>(random() % 3), b, static_cast<u32>(random() % 3)};
      HeldStack stack;
      HeldLock held;
      held.lock = 64 + a * 64;
      held.class_id = ids[a];
      held.how = how_of(LockKind::kRwlock, edge.from_read);
      const auto known = validator.graph().edge(ids[a], ids[b]);
      const bool old = known != nullptr && (known->strength & strength_of(edge.from_read, edge.to_read)) != 0;
      const bool expected = !old && model.closes_cycle(edge);
      const size_t before = sink.seen.size();
      static_cast<void>(validator.acquire(stack, held));
      held.lock = 64 + b * 64;
      held.class_id = ids[b];
      held.how = how_of(LockKind::kRwlock, edge.to_read);
      static_cast<void>(validator.acquire(stack, held));
      const bool found = sink.seen.size() != before;
      ASSERT_EQ(found, expected) << "step " << step << ": " << a << '/' << edge.from_read << " -> " << b
                                 << '/' << edge.to_read;
      // The validator does not keep an edge that closes a cycle; nor does it report a pair twice, so the run ends here.
      if (found) {
        ++cycles;
        break;
      }
      model.add(edge);
      validator.graph().check_invariants();
    }
  }
  EXPECT_GT(cycles, 100U);
}

}  // namespace
}  // namespace koi::lockdep
