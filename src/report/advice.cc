// SPDX-License-Identifier: GPL-2.0-only
#include "report/advice.h"

#include <algorithm>
#include <bit>

#include "engine/mm/geometry.h"
#include "engine/mm/kmalloc.h"

namespace koi::report {
namespace {

// Replays cost time in proportion to events: long traces get fewer sites.
constexpr u32 kMostSites = 12;
constexpr size_t kLongTrace = 1'000'000;
constexpr u32 kMostSitesOfLongTrace = 3;
constexpr u64 kSmallPart = 8;  // a struct may be asked to lose an eighth of itself

// The largest kmalloc class below `size`; 0: none.
u64 class_below(u64 size) {
  constexpr u64 kClasses[] = {8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
  u64 below = 0;
  for (const u64 c : kClasses) {
    if (c < size) below = c;
  }
  if (size > mm::kKmallocMaxCacheSize) below = std::bit_floor(size - 1);
  return below;
}

struct Candidate {
  Alternative to;
  u64 size = 0;
};

bool is_kmalloc(const Trace& trace, const SiteUsage& site) {
  if (site.kind == AllocatorKind::kLarge) return true;
  if (site.kind != AllocatorKind::kSlab) return false;
  return site.cache == 0 || trace.caches[site.cache].find("kmalloc-") != std::string::npos;
}

std::vector<Candidate> candidates(const Trace& trace, const SiteUsage& site) {
  std::vector<Candidate> list;
  const u64 size = site.largest;
  if (is_kmalloc(trace, site)) {
    const bool one_size = site.smallest == site.largest;
    if (one_size && size <= mm::kKmallocMaxCacheSize) list.push_back({Alternative::kOwnCache, size});
    if (const u64 below = class_below(size); one_size && below != 0 && size - below <= size / kSmallPart)
      list.push_back({Alternative::kNextClass, below});
    if (size > mm::kPageSize) {
      list.push_back({Alternative::kExactPages, 0});
      list.push_back({Alternative::kVmalloc, 0});
      list.push_back({Alternative::kKvmalloc, 0});
    }
  } else if (site.kind == AllocatorKind::kPages && size > mm::kPageSize) {
    list.push_back({Alternative::kExactPages, 0});
    list.push_back({Alternative::kVmalloc, 0});
  }
  return list;
}

std::string advice_text(const SiteUsage& site, const Candidate& candidate) {
  switch (candidate.to) {
    case Alternative::kOwnCache:
      return fmt::format("give it a kmem_cache of {} bytes (kmem_cache_create)", candidate.size);
    case Alternative::kExactPages:
      return "allocate with alloc_pages_exact(), free with free_pages_exact()";
    case Alternative::kVmalloc:
      return "allocate with vmalloc(), if the memory need not be physically contiguous";
    case Alternative::kKvmalloc:
      return "allocate with kvmalloc()";
    case Alternative::kNextClass:
      return fmt::format("make the object {} bytes smaller: {} instead of {} bytes fit the class below",
                         site.largest - candidate.size, candidate.size, site.largest);
    case Alternative::kAsItWas:
      break;
  }
  return "";
}

}  // namespace

Advice advise(const Trace& trace, const Analysis& analysis) {
  Advice advice;
  ReplayOptions as_it_was;
  as_it_was.snapshot_after = analysis.peak_event;
  advice.baseline = replay(trace, as_it_was);
  ReplayOptions other;
  other.change.release = trace.machine.is_6_12() ? Release::k6_1 : Release::k6_12;
  const ReplayResult on_other = replay(trace, other);
  advice.other = {trace.machine.is_6_12() ? "6.1" : "6.12", on_other.peak_pages, on_other.total_peak_bytes};
  advice.replays = 2;
  const u32 most = trace.events.size() > kLongTrace ? kMostSitesOfLongTrace : kMostSites;
  for (const SiteUsage& site : analysis.sites) {
    if (site.site == 0) continue;
    const std::vector<Candidate> list = candidates(trace, site);
    if (list.empty() || site.wasted() == 0) continue;
    ++advice.sites_wasteful;
    if (advice.sites_tried == most) continue;
    ++advice.sites_tried;
    ReplayOptions options;
    options.change = {site.site, Alternative::kAsItWas, 0, {}};
    const ReplayResult before = replay(trace, options);
    ++advice.replays;
    for (const Candidate& candidate : list) {
      options.change.to = candidate.to;
      options.change.size = candidate.size;
      const ReplayResult after = replay(trace, options);
      ++advice.replays;
      if (after.failures > before.failures || after.site_peak_bytes >= before.site_peak_bytes) continue;
      Suggestion s;
      s.site = site.site;
      s.to = candidate.to;
      s.size = candidate.size;
      s.bytes_before = before.site_peak_bytes;
      s.bytes_after = after.site_peak_bytes;
      s.pages_saved = static_cast<s64>(before.peak_pages) - static_cast<s64>(after.peak_pages);
      s.text = advice_text(site, candidate);
      advice.suggestions.push_back(std::move(s));
    }
  }
  std::stable_sort(
      advice.suggestions.begin(), advice.suggestions.end(),
      [](const Suggestion& a, const Suggestion& b) { return a.bytes_saved() > b.bytes_saved(); });
  return advice;
}

}  // namespace koi::report
