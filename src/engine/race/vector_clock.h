// SPDX-License-Identifier: GPL-2.0-only
// VectorClock: for each context the epoch up to which everything that it did happened before. Missing entries are 0.
#pragma once

#include <algorithm>
#include <memory_resource>
#include <vector>

#include "base/types.h"

namespace koi::race {

using ContextId = u16;
inline constexpr ContextId kNoContext = 0xffff;

class VectorClock {
 public:
  explicit VectorClock(std::pmr::memory_resource* resource) : epochs_(resource) {}

  [[nodiscard]] u32 operator[](ContextId id) const { return id < epochs_.size() ? epochs_[id] : 0; }
  void raise(ContextId id, u32 epoch) {
    if (id >= epochs_.size()) epochs_.resize(id + 1, 0);
    epochs_[id] = std::max(epochs_[id], epoch);
  }
  void join(const VectorClock& other) {
    if (other.epochs_.size() > epochs_.size()) epochs_.resize(other.epochs_.size(), 0);
    for (size_t i = 0; i < other.epochs_.size(); ++i) epochs_[i] = std::max(epochs_[i], other.epochs_[i]);
  }
  void assign(const VectorClock& other) { epochs_ = other.epochs_; }
  void clear() { epochs_.clear(); }
  [[nodiscard]] bool empty() const { return epochs_.empty(); }

 private:
  std::pmr::vector<u32> epochs_;
};

}  // namespace koi::race
