// SPDX-License-Identifier: GPL-2.0-only
// The objects that are alive at one point of a trace, by address.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "report/trace.h"

namespace koi::report {

inline constexpr u64 kPageBytes = 4096;

struct LiveObject {
  u64 requested = 0;
  u64 actual = 0;
  u64 time_ns = 0;
  u32 event = 0;  // the number of its kAlloc
  AllocatorKind kind = AllocatorKind::kSlab;
};

class LiveObjects {
 public:
  using Map = std::map<u64, LiveObject>;

  void add(const TraceEvent& e, u32 number) {
    objects_.insert_or_assign(e.address, LiveObject{e.requested, e.actual, e.time_ns, number, e.kind});
  }
  // The object that a free is about, removed; nullopt: none that is known. Of a block that goes page by page it is the part.
  std::optional<LiveObject> take(const TraceEvent& e) {
    auto found = objects_.upper_bound(e.address);
    if (found == objects_.begin()) return std::nullopt;
    --found;
    if (found->first != e.address && e.address - found->first >= found->second.actual) return std::nullopt;
    const bool whole = found->first == e.address && (e.actual == 0 || e.actual >= found->second.actual);
    if (!whole) {
      if (found->second.kind != AllocatorKind::kPages) return std::nullopt;
      found = split(found, e.address);
    }
    const LiveObject object = found->second;
    objects_.erase(found);
    return object;
  }
  [[nodiscard]] LiveObject* find(u64 address) {
    const auto found = objects_.find(address);
    return found == objects_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Map& all() const { return objects_; }

 private:
  // Makes single pages of a block and returns the one at `address`.
  Map::iterator split(Map::iterator block, u64 address) {
    const u64 start = block->first;
    const LiveObject whole = block->second;
    u64 left = whole.requested;
    for (u64 offset = 0; offset < whole.actual; offset += kPageBytes) {
      LiveObject page = whole;
      page.actual = kPageBytes;
      page.requested = std::min(left, kPageBytes);
      left -= page.requested;
      objects_.insert_or_assign(start + offset, page);
    }
    return objects_.find(address - (address - start) % kPageBytes);
  }

  Map objects_;
};

}  // namespace koi::report
