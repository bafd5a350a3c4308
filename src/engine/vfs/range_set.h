// SPDX-License-Identifier: GPL-2.0-only
// RangeSet: which ranges of an address area are taken. First fit, so that the same requests give the same addresses.
// Cost: O(taken ranges).
#pragma once

#include <map>
#include <memory_resource>
#include <optional>

#include "base/types.h"

namespace koi::vfs {

class RangeSet {
 public:
  RangeSet(u64 begin, u64 end, std::pmr::memory_resource* resource) : begin_(begin), end_(end), taken_(resource) {}

  // The lowest free range of that size. nullopt: there is none.
  std::optional<u64> take(u64 size_bytes) {
    u64 at = begin_;
    for (const auto& [start, size] : taken_) {
      if (start - at >= size_bytes) break;
      at = start + size;
    }
    if (size_bytes == 0 || size_bytes > end_ - at) return std::nullopt;
    taken_.emplace(at, size_bytes);
    return at;
  }
  // Takes exactly that range. False: part of it is taken, or lies outside.
  bool take_at(u64 start, u64 size_bytes) {
    if (size_bytes == 0 || start < begin_ || start > end_ || size_bytes > end_ - start) return false;
    auto after = taken_.lower_bound(start);
    if (after != taken_.end() && after->first < start + size_bytes) return false;
    if (after != taken_.begin() && std::prev(after)->first + std::prev(after)->second > start) return false;
    taken_.emplace(start, size_bytes);
    return true;
  }
  // The size of the range that was taken at `start`, now free; 0: none was.
  u64 release(u64 start) {
    const auto at = taken_.find(start);
    if (at == taken_.end()) return 0;
    const u64 size = at->second;
    taken_.erase(at);
    return size;
  }

 private:
  u64 begin_;
  u64 end_;
  std::pmr::map<u64, u64> taken_;
};

}  // namespace koi::vfs
