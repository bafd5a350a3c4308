// SPDX-License-Identifier: GPL-2.0-only
// slub_debug=U: who allocated and who freed each object of a tracking cache, with the call trace of both.
//
// Equal traces are kept once, as the kernel's stack depot does. Cost: a tree look-up an allocation and a free of such caches only.
#pragma once

#include <array>
#include <map>
#include <memory_resource>
#include <span>
#include <vector>

#include "base/types.h"
#include "engine/mm/slab_debug.h"

namespace koi::runtime {

struct SlabTrack {
  const std::pmr::vector<u64>* trace = nullptr;  // return addresses, innermost first; null: never happened
  u64 caller = 0;
  u64 jiffy = 0;
  u32 cpu = 0;
  s32 pid = 0;
};

class SlabTracks {
 public:
  explicit SlabTracks(std::pmr::memory_resource* resource) : depot_(resource), tracks_(resource) {}

  void note(const void* object, mm::ObjectUse now, SlabTrack track, const std::vector<u64>& trace);
  // What last made the object allocated, or free; nullptr: nothing did.
  [[nodiscard]] const SlabTrack* find(const void* object, mm::ObjectUse use) const;
  // The memory is no slab any more.
  void forget(const void* begin, const void* end);

 private:
  using Pair = std::array<SlabTrack, 2>;             // by ObjectUse
  std::pmr::map<std::pmr::vector<u64>, u64> depot_;  // how often each trace was met
  std::pmr::map<const void*, Pair> tracks_;
};

}  // namespace koi::runtime
