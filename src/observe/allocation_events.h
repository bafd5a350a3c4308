// SPDX-License-Identifier: GPL-2.0-only
// Allocations and frees as events, for recording: one call for each, in the order in which they happened.
#pragma once

#include <string_view>

#include "base/types.h"
#include "observe/allocation_sites.h"

namespace koi::observe {

enum class AllocationKind : u8 { kSlab, kLargeKmalloc, kPages, kVmalloc, kPercpu };

struct AllocationEvent {
  AllocationKind kind = AllocationKind::kSlab;
  u64 address = 0;         // of the object; pages: of the first one in the direct map; per-CPU: the offset
  std::string_view cache;  // kSlab: the cache's name
  u64 actual = 0;
  ObjectOrigin origin;
};

class AllocationRecorder {
 public:
  virtual ~AllocationRecorder() = default;
  virtual void allocated(const AllocationEvent& event) = 0;
  // `event` as it was when allocated, with requested bytes as resized since. A block of pages that was split is freed
  // page by page.
  virtual void freed(const AllocationEvent& event, u64 now_ns) = 0;
  // A call of `site` got nothing; failure_retracted(): but was given other memory instead.
  virtual void failed(SiteNumber site, u64 now_ns) = 0;
  virtual void failure_retracted(SiteNumber site) = 0;
  // krealloc in place.
  virtual void resized(const AllocationEvent& event, u64 requested, u64 now_ns) = 0;
  // split_page: the block of `event` is single pages from now on.
  virtual void split(const AllocationEvent& event, u64 now_ns) = 0;
};

}  // namespace koi::observe
