// SPDX-License-Identifier: GPL-2.0-only
// Per call site: what a module asked the allocators for, what it got, and what of it is still alive.
//
// The loader gives each call of an allocating function from a module's text a stub of its own, which stores the site's
// number in the virtual CPU's area (host::GsArea::site) before it jumps on; so an allocator knows its caller without a
// lookup, and sets the number back to 0 when it has used it. Number 0 stands for callers without one: koi's own kernel
// core, and calls through function pointers.
//
// Kept as sums over all allocations and over all frees: what is alive is their difference. Always, for each site: the live
// figures are the sums over the live objects whose origin names the site. Updates are O(1) and touch one cache line or two.
#pragma once

#include <algorithm>
#include <functional>
#include <memory_resource>
#include <vector>

#include "base/check.h"
#include "base/types.h"

namespace koi::observe {

using SiteNumber = u32;
inline constexpr SiteNumber kNoSite = 0;
inline constexpr SiteNumber kMaxSites = 1u << 20;

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

// An origin in 16 bytes: site in bits 0 to 19, gfp in bits 20 to 47, requested bytes above; requests of kWhole bytes or
// more asked for all that their object has.
struct PackedOrigin {
  static constexpr u32 kGfpShift = 20;
  static constexpr u32 kRequestedShift = 48;
  static constexpr u64 kGfpMask = (u64{1} << (kRequestedShift - kGfpShift)) - 1;
  static constexpr u64 kWhole = 0xffff;

  u64 what;
  u64 time_ns;

  static constexpr PackedOrigin pack(const ObjectOrigin& origin) {
    return {origin.site | (origin.gfp & kGfpMask) << kGfpShift |
                std::min(origin.requested, kWhole) << kRequestedShift,
            origin.time_ns};
  }
  [[nodiscard]] constexpr SiteNumber site() const { return static_cast<SiteNumber>(what & (kMaxSites - 1)); }
  [[nodiscard]] constexpr u64 requested(u64 whole) const {
    const u64 kept = what >> kRequestedShift;
    return kept == kWhole ? whole : kept;
  }
  [[nodiscard]] constexpr ObjectOrigin unpack(u64 whole) const {
    return {site(), static_cast<u32>(what >> kGfpShift & kGfpMask), requested(whole), time_ns};
  }
};
static_assert(sizeof(PackedOrigin) == 16);

// The sums of one site. Frees may run ahead of a sum by wrapping: only differences count. The first cache line is what the
// allocators' leaf functions touch, as few words of it as can be: a number of objects and their bytes share one.
struct alignas(64) SiteCounters {
  // Objects from bit 40, bytes below; what is to be added to the sums of the second line.
  u64 recent_calls = 0;
  u64 recent_frees = 0;
  u64 actual = 0;
  u64 freed_actual = 0;
  u64 peak_actual = 0;

  alignas(64) u64 calls = 0;
  u64 requested = 0;
  u64 freed_objects = 0;
  u64 freed_requested = 0;
  u64 failures = 0;

  static constexpr u32 kObjectsShift = 40;
  static constexpr u64 kBytesMask = (u64{1} << kObjectsShift) - 1;
  // As large as an object may be whose bytes are added to a shared word: it is full (its top bit set) before they are.
  static constexpr u64 kMostBytes = u64{1} << 16;
  static_assert((kMostBytes << (63 - kObjectsShift)) < kBytesMask);

  // So many objects of the same kind, few at a time. Requires: requested_bytes < kMostBytes.
  void allocated_small(u64 requested_bytes, u64 actual_bytes, u64 objects = 1) {
    recent_calls += objects * (requested_bytes + (u64{1} << kObjectsShift));
    if (static_cast<s64>(recent_calls) < 0) [[unlikely]]
      settle(recent_calls, calls, requested);
    grow(objects * actual_bytes);
  }
  void freed_small(u64 requested_bytes, u64 actual_bytes) {
    recent_frees += requested_bytes + (u64{1} << kObjectsShift);
    if (static_cast<s64>(recent_frees) < 0) [[unlikely]]
      settle(recent_frees, freed_objects, freed_requested);
    freed_actual += actual_bytes;
  }
  void allocated(u64 requested_bytes, u64 actual_bytes, u64 objects = 1) {
    calls += objects;
    requested += objects * requested_bytes;
    grow(objects * actual_bytes);
  }
  void freed(u64 requested_bytes, u64 actual_bytes) {
    ++freed_objects;
    freed_requested += requested_bytes;
    freed_actual += actual_bytes;
  }

  [[nodiscard]] u64 all_calls() const { return calls + (recent_calls >> kObjectsShift); }
  [[nodiscard]] u64 all_requested() const { return requested + (recent_calls & kBytesMask); }
  [[nodiscard]] u64 all_freed_objects() const { return freed_objects + (recent_frees >> kObjectsShift); }
  [[nodiscard]] u64 all_freed_requested() const { return freed_requested + (recent_frees & kBytesMask); }

 private:
  void grow(u64 actual_bytes) {
    actual += actual_bytes;
    const u64 live = actual - freed_actual;
    if (live > peak_actual) peak_actual = live;
  }
  static void settle(u64& recent, u64& objects, u64& bytes) {
    objects += recent >> kObjectsShift;
    bytes += recent & kBytesMask;
    recent = 0;
  }
};
static_assert(sizeof(SiteCounters) == 128);

class AllocationSites {
 public:
  explicit AllocationSites(std::pmr::memory_resource* resource) : counters_(1, resource) {
    counters_.reserve(kUsualSites);
  }
  AllocationSites(const AllocationSites&) = delete;
  AllocationSites& operator=(const AllocationSites&) = delete;

  // A new site's number. What it stands for (module, function, line) is its owner's to keep.
  SiteNumber add() {
    CHECK(counters_.size() < kMaxSites, "more than {} call sites", kMaxSites);
    const bool moves = counters_.size() == counters_.capacity();
    counters_.emplace_back();
    if (moves && moved_) moved_();
    return static_cast<SiteNumber>(counters_.size() - 1);
  }

  // Requires: site came from add(), or is kNoSite.
  void allocated(SiteNumber site, u64 requested, u64 actual) { counters_[site].allocated(requested, actual); }
  void freed(SiteNumber site, u64 requested, u64 actual) { counters_[site].freed(requested, actual); }
  void failed(SiteNumber site) { ++counters_[site].failures; }
  // A failed attempt that the caller made good by other means.
  void retract_failure(SiteNumber site) { --counters_[site].failures; }
  // A live object became `more` objects more (split_page, alloc_pages_exact): bytes stay.
  void split(SiteNumber site, u64 more) { counters_[site].freed_objects -= more; }
  // A live object was asked to hold another number of bytes, in place.
  void resized(SiteNumber site, u64 from, u64 to) { counters_[site].requested += to - from; }

  [[nodiscard]] SiteTotals totals(SiteNumber site) const {
    const SiteCounters& c = counters_[site];
    return {c.all_calls(),
            c.all_requested(),
            c.actual,
            c.all_calls() - c.all_freed_objects(),
            c.all_requested() - c.all_freed_requested(),
            c.actual - c.freed_actual,
            c.peak_actual,
            c.failures};
  }
  [[nodiscard]] SiteNumber end() const { return static_cast<SiteNumber>(counters_.size()); }
  // The counters by number, for the allocators' leaf functions; `moved` is called when they lie elsewhere.
  [[nodiscard]] SiteCounters* counters() { return counters_.data(); }
  void on_move(std::function<void()> moved) { moved_ = std::move(moved); }

 private:
  static constexpr u64 kUsualSites = 1024;
  std::pmr::vector<SiteCounters> counters_;
  std::function<void()> moved_;
};

}  // namespace koi::observe
