// SPDX-License-Identifier: GPL-2.0-only
// Per call site: what a module asked the allocators for, what it got, and what of it is still alive.
//
// The loader gives each call of an allocator from a module's text a stub of its own, which stores the site's number in the
// virtual CPU's area (host::GsArea::site) before it jumps on; so an allocator knows its caller without a lookup. Number 0
// stands for callers without one: koi's own kernel core, and calls through function pointers.
#pragma once

#include <memory_resource>
#include <vector>

#include "base/types.h"

namespace koi::observe {

using SiteNumber = u32;
inline constexpr SiteNumber kNoSite = 0;

// Bytes and calls of one site. Actual bytes: what the allocator took from its size class, cache or pages for the request.
struct SiteTotals {
  u64 calls = 0;            // successful ones
  u64 requested_bytes = 0;  // over all calls
  u64 actual_bytes = 0;
  u64 live_objects = 0;
  u64 live_requested = 0;
  u64 live_actual = 0;
  u64 peak_actual = 0;  // the most of live_actual
  u64 failures = 0;
};

// What is kept beside each live object.
struct ObjectOrigin {
  SiteNumber site = kNoSite;
  u32 gfp = 0;
  u64 requested = 0;
  u64 time_ns = 0;  // virtual time of the allocation
};

class AllocationSites {
 public:
  explicit AllocationSites(std::pmr::memory_resource* resource) : totals_(1, resource) {}

  // A new site's number. What it stands for (module, function, line) is its owner's to keep.
  SiteNumber add() {
    totals_.emplace_back();
    return static_cast<SiteNumber>(totals_.size() - 1);
  }

  // Requires: site came from add(), or is kNoSite.
  void allocated(SiteNumber site, u64 requested, u64 actual) {
    SiteTotals& t = totals_[site];
    ++t.calls;
    t.requested_bytes += requested;
    t.actual_bytes += actual;
    ++t.live_objects;
    t.live_requested += requested;
    t.live_actual += actual;
    if (t.live_actual > t.peak_actual) t.peak_actual = t.live_actual;
  }
  void freed(SiteNumber site, u64 requested, u64 actual) {
    SiteTotals& t = totals_[site];
    --t.live_objects;
    t.live_requested -= requested;
    t.live_actual -= actual;
  }
  void failed(SiteNumber site) { ++totals_[site].failures; }

  [[nodiscard]] const SiteTotals& totals(SiteNumber site) const { return totals_[site]; }
  [[nodiscard]] SiteNumber end() const { return static_cast<SiteNumber>(totals_.size()); }

 private:
  std::pmr::vector<SiteTotals> totals_;
};

}  // namespace koi::observe
