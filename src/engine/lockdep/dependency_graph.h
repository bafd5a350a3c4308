// SPDX-License-Identifier: GPL-2.0-only
// The graph of lock classes. An edge a -> b: some task took b while it held a.
//
// A cycle is a deadlock only if every lock on it can really make its next taker wait: a path on which a lock is entered by
// a recursive reader and left as a shared one is not strong, since readers of that lock pass each other
// (Documentation/locking/lockdep-design.rst, "Recursive read locks").
//
// Cost: a search visits each class at most twice. Not thread-safe.
#pragma once

#include <functional>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/lockdep/lock_class.h"

namespace koi::lockdep {

// One step of a path that a search found: `class_id` was reached over an edge that was recorded with `trace`.
struct PathStep {
  ClassId class_id = kNoClass;
  TraceId trace = kNoTrace;
};
using Path = std::vector<PathStep>;  // the first step is the root, without a trace

enum class Direction : u8 { kAfter, kBefore };

class DependencyGraph {
 public:
  explicit DependencyGraph(std::pmr::memory_resource* resource);

  // The class of a key; made with `name` at its first mention.
  ClassId find(const ClassKey& key) const;
  ClassId add(const ClassKey& key, LockKind kind, std::string_view name);
  // The class is no more (its module was unloaded), nor are its dependencies.
  void remove(ClassId id);
  [[nodiscard]] LockClass& at(ClassId id) { return classes_[id]; }
  [[nodiscard]] const LockClass& at(ClassId id) const { return classes_[id]; }
  [[nodiscard]] u32 end() const { return static_cast<u32>(classes_.size()); }

  // Is there such an edge, or was it given a new strength?
  enum class Added : u8 { kNew, kStronger, kKnown };
  // The edges of both directions. `previous_read`, `next_read`: how the two were taken.
  [[nodiscard]] const Dependency* edge(ClassId from, ClassId to) const;
  Added add_edge(ClassId from, u32 previous_read, ClassId to, u32 next_read, TraceId trace);

  // The shortest strong path from `root` (taken with `root_read`) to a class that `match` accepts; `only_recursive`: it can
  // be reached by recursive readers only. The root itself is asked, too.
  using Match = std::function<bool(ClassId id, bool only_recursive)>;
  [[nodiscard]] std::optional<Path> search(ClassId root, u32 root_read, Direction direction,
                                           const Match& match) const;

  // Each edge is known at both ends, and to living classes only.
  void check_invariants() const;

 private:
  std::pmr::memory_resource* resource_;
  std::pmr::vector<LockClass> classes_;  // by id; 0 is nobody
  std::pmr::unordered_map<ClassKey, ClassId, ClassKeyHash> by_key_;
};

}  // namespace koi::lockdep
