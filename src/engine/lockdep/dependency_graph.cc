// SPDX-License-Identifier: GPL-2.0-only
#include "engine/lockdep/dependency_graph.h"

#include <algorithm>

#include "base/check.h"

namespace koi::lockdep {
namespace {

Dependency* find_edge(std::pmr::vector<Dependency>& edges, ClassId to) {
  const auto it = std::find_if(edges.begin(), edges.end(), [to](const Dependency& d) { return d.to == to; });
  return it == edges.end() ? nullptr : &*it;
}

void drop_edge(std::pmr::vector<Dependency>& edges, ClassId to) {
  std::erase_if(edges, [to](const Dependency& d) { return d.to == to; });
}

}  // namespace

DependencyGraph::DependencyGraph(std::pmr::memory_resource* resource)
    : resource_(resource), classes_(resource), by_key_(resource) {
  classes_.emplace_back(resource_);
}

ClassId DependencyGraph::find(const ClassKey& key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? kNoClass : it->second;
}

ClassId DependencyGraph::add(const ClassKey& key, LockKind kind, std::string_view name) {
  if (const ClassId known = find(key); known != kNoClass) return known;
  u32 version = 1;
  for (const LockClass& other : classes_) {
    if (other.alive && std::string_view(other.name) == name) version = std::max(version, other.version + 1);
  }
  classes_.emplace_back(resource_);
  LockClass& made = classes_.back();
  made.key = key;
  made.kind = kind;
  made.name = name;
  made.version = version;
  const auto id = static_cast<ClassId>(classes_.size() - 1);
  by_key_.emplace(key, id);
  return id;
}

void DependencyGraph::remove(ClassId id) {
  LockClass& gone = classes_[id];
  for (const Dependency& d : gone.after) drop_edge(classes_[d.to].before, id);
  for (const Dependency& d : gone.before) drop_edge(classes_[d.to].after, id);
  gone.after.clear();
  gone.before.clear();
  gone.alive = false;
  by_key_.erase(gone.key);
}

const Dependency* DependencyGraph::edge(ClassId from, ClassId to) const {
  for (const Dependency& d : classes_[from].after) {
    if (d.to == to) return &d;
  }
  return nullptr;
}

DependencyGraph::Added DependencyGraph::add_edge(ClassId from, u32 previous_read, ClassId to, u32 next_read,
                                                 TraceId trace) {
  const Strength forward = strength_of(previous_read, next_read);
  const Strength backward = backward_strength(previous_read, next_read);
  if (Dependency* const known = find_edge(classes_[from].after, to); known != nullptr) {
    Dependency* const mirror = find_edge(classes_[to].before, from);
    const bool stronger = (known->strength & forward) == 0 || (mirror->strength & backward) == 0;
    known->strength |= forward;
    mirror->strength |= backward;
    return stronger ? Added::kStronger : Added::kKnown;
  }
  classes_[from].after.push_back({to, forward, trace});
  classes_[to].before.push_back({from, backward, trace});
  return Added::kNew;
}

std::optional<Path> DependencyGraph::search(ClassId root, u32 root_read, Direction direction,
                                            const Match& match) const {
  struct Visit {
    ClassId class_id;
    TraceId trace;
    s32 parent;           // index of the visit that led here
    bool only_recursive;  // so far no step ended in a taker that waits for readers
  };
  std::vector<Visit> queue;
  // A class is visited anew only if it can now be left on more ways than before.
  std::vector<u8> seen(classes_.size(), 0);
  const bool root_recursive = direction == Direction::kAfter ? root_read == 2 : root_read != 0;
  queue.push_back({root, kNoTrace, -1, root_recursive});
  for (size_t i = 0; i < queue.size(); ++i) {
    const Visit here = queue[i];
    if (match(here.class_id, here.only_recursive)) {
      Path path;
      for (auto at = static_cast<s32>(i); at >= 0; at = queue[static_cast<size_t>(at)].parent) {
        path.push_back({queue[static_cast<size_t>(at)].class_id, queue[static_cast<size_t>(at)].trace});
      }
      std::reverse(path.begin(), path.end());
      return path;
    }
    const LockClass& from = classes_[here.class_id];
    for (const Dependency& d : direction == Direction::kAfter ? from.after : from.before) {
      Strength strength = d.strength;
      if (here.only_recursive) strength &= static_cast<Strength>(~kFromShared);
      if (strength == 0) continue;
      const bool only_recursive = (strength & kToNormal) == 0;
      const u8 ways = only_recursive ? 1 : 3;
      if ((seen[d.to] & ways) == ways) continue;
      seen[d.to] |= ways;
      queue.push_back({d.to, d.trace, static_cast<s32>(i), only_recursive});
    }
  }
  return std::nullopt;
}

void DependencyGraph::check_invariants() const {
  for (ClassId id = 1; id < end(); ++id) {
    const LockClass& c = classes_[id];
    if (!c.alive) CHECK(c.after.empty() && c.before.empty());
    for (const Dependency& d : c.after) {
      CHECK(classes_[d.to].alive);
      const auto& back = classes_[d.to].before;
      CHECK(std::count_if(back.begin(), back.end(), [id](const Dependency& b) { return b.to == id; }) == 1);
    }
  }
}

}  // namespace koi::lockdep
