// SPDX-License-Identifier: GPL-2.0-only
// What a trace says about memory: per call site, cache, size class and lifetime; the course over time; what leaked.
#pragma once

#include <map>
#include <vector>

#include "report/trace.h"

namespace koi::report {

// Lifetimes by powers of ten: below 1 us, 10 us, ... 10 s, longer; the last: never freed.
inline constexpr u32 kLifetimeClasses = 10;
[[nodiscard]] std::string_view lifetime_name(u32 lifetime_class);

struct UsageTotals {
  u64 calls = 0;
  u64 failures = 0;
  u64 live_objects = 0;
  u64 live_actual = 0;
  u64 live_requested = 0;
  u64 peak_actual = 0;     // the most of live_actual
  u64 peak_requested = 0;  // live_requested at that moment
  u64 peak_objects = 0;    // live_objects at that moment
  u64 requested = 0;       // over all calls
  u64 actual = 0;

  // krealloc() may use more of an object than its class promises (slub_debug); nothing is wasted then.
  [[nodiscard]] u64 wasted() const { return actual > requested ? actual - requested : 0; }
  [[nodiscard]] u64 peak_wasted() const {
    return peak_actual > peak_requested ? peak_actual - peak_requested : 0;
  }
  // Of what was given; tenths of a percent.
  [[nodiscard]] u32 waste_tenths() const {
    return actual == 0 ? 0 : static_cast<u32>(wasted() * 1000 / actual);
  }
};

struct SiteUsage : UsageTotals {
  u32 site = 0;
  AllocatorKind kind = AllocatorKind::kSlab;  // of its latest allocation
  u32 cache = 0;
  u64 smallest = 0, largest = 0;  // requests
  u64 lifetimes[kLifetimeClasses] = {};
};

struct NamedUsage : UsageTotals {
  std::string name;
};

struct Moment {
  u64 time_ns = 0;
  u64 requested = 0;
  u64 actual = 0;
};

// What one size costs.
struct SizeCost {
  u64 requested = 0;
  u64 actual = 0;
  u64 calls = 0;
};

struct Leak {
  u32 site = 0;
  u32 stack = 0;
  u64 objects = 0;
  u64 requested = 0;
  u64 actual = 0;
  u64 first_time_ns = 0;
};

// Only allocations with a call site of a module count, except in `unattributed`; in a trace of a real kernel all count.
struct Analysis {
  UsageTotals total;
  UsageTotals unattributed;
  std::vector<SiteUsage> sites;  // most waste first, then most bytes
  std::vector<NamedUsage>
      caches;  // likewise; "large pages", "pages", "vmalloc", "per-CPU" stand for the others
  std::vector<NamedUsage> classes;  // by actual bytes of an object, ascending
  u64 lifetimes[kLifetimeClasses] = {};
  std::vector<Moment> timeline;  // at most kTimelinePoints
  size_t peak_event = 0;         // after this many events the most memory was live
  std::vector<SizeCost> sizes;   // by requested bytes, ascending; at most kMostSizes
  std::vector<Leak> leaks;       // most bytes first
  u64 unknown_frees = 0;         // of addresses that were not allocated in the trace
};
inline constexpr size_t kTimelinePoints = 600;
inline constexpr size_t kMostSizes = 2000;

[[nodiscard]] Analysis analyse(const Trace& trace);

}  // namespace koi::report
