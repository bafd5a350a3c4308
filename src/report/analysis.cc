// SPDX-License-Identifier: GPL-2.0-only
#include "report/analysis.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "report/live_objects.h"

namespace koi::report {
namespace {

constexpr std::string_view kLifetimeNames[kLifetimeClasses] = {"< 1 us",  "< 10 us",    "< 100 us", "< 1 ms",
                                                               "< 10 ms", "< 100 ms",   "< 1 s",    "< 10 s",
                                                               ">= 10 s", "never freed"};
constexpr u32 kNeverFreed = kLifetimeClasses - 1;

u32 lifetime_class(u64 ns) {
  u64 limit = 1000;
  for (u32 i = 0; i + 2 < kLifetimeClasses; ++i, limit *= 10) {
    if (ns < limit) return i;
  }
  return kNeverFreed - 1;
}

void count_alloc(UsageTotals& t, u64 requested, u64 actual) {
  ++t.calls;
  t.requested += requested;
  t.actual += actual;
  ++t.live_objects;
  t.live_requested += requested;
  t.live_actual += actual;
  if (t.live_actual <= t.peak_actual) return;
  t.peak_actual = t.live_actual;
  t.peak_requested = t.live_requested;
  t.peak_objects = t.live_objects;
}

void count_free(UsageTotals& t, const LiveObject& object, bool last_part) {
  if (last_part && t.live_objects > 0) --t.live_objects;
  t.live_requested -= object.requested;
  t.live_actual -= object.actual;
}

std::string cache_of(const Trace& trace, const TraceEvent& e) {
  switch (e.kind) {
    case AllocatorKind::kSlab:
      return e.cache == 0 ? "slab" : trace.caches[e.cache];
    case AllocatorKind::kLarge:
      return "kmalloc, large pages";
    case AllocatorKind::kPages:
      return "pages";
    case AllocatorKind::kVmalloc:
      return "vmalloc";
    case AllocatorKind::kPercpu:
      return "per-CPU";
  }
  return "";
}

template <class Row>
void sort_by_waste(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.wasted() != b.wasted()) return a.wasted() > b.wasted();
    return a.actual > b.actual;
  });
}

// At most `most` points: of each stretch of the line what is highest, so that no peak is lost.
template <class Point, class Lower>
std::vector<Point> thinned(std::vector<Point> line, size_t most, Lower lower) {
  if (line.size() <= most) return line;
  std::vector<Point> thin;
  const size_t stretches = most - 2;
  thin.push_back(line.front());
  for (size_t i = 0; i < stretches; ++i) {
    const size_t from = 1 + i * (line.size() - 2) / stretches;
    const size_t to = 1 + (i + 1) * (line.size() - 2) / stretches;
    thin.push_back(*std::max_element(line.begin() + static_cast<std::ptrdiff_t>(from),
                                     line.begin() + static_cast<std::ptrdiff_t>(to), lower));
  }
  thin.push_back(line.back());
  return thin;
}

class Analyser {
 public:
  explicit Analyser(const Trace& trace) : trace_(trace), sites_(trace.sites.size()) {
    parts_.resize(trace.events.size());
  }

  Analysis run() {
    for (size_t i = 0; i < trace_.events.size(); ++i) {
      event(trace_.events[i], static_cast<u32>(i));
      note_moment(trace_.events[i].time_ns, i + 1);
    }
    finish();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool counts(const TraceEvent& e) const {
    return e.site != 0 || trace_.machine.source != "koi";
  }

  void event(const TraceEvent& e, u32 number) {
    switch (e.type) {
      case TraceEventType::kAlloc:
        if (live_.find(e.address) != nullptr) freed(whole_free(e));  // its free is not in the trace
        live_.add(e, number);
        parts_[number] = e.actual;
        allocated(e);
        break;
      case TraceEventType::kFree:
        freed(e);
        break;
      case TraceEventType::kFail:
        if (counts(e)) ++out_.total.failures;
        ++sites_[e.site].failures;
        break;
      case TraceEventType::kResize:
        resized(e);
        break;
      case TraceEventType::kUnload:
        break;
    }
  }

  static TraceEvent whole_free(const TraceEvent& e) {
    TraceEvent free;
    free.type = TraceEventType::kFree;
    free.time_ns = e.time_ns;
    free.address = e.address;
    return free;
  }

  void allocated(const TraceEvent& e) {
    if (!counts(e)) {
      count_alloc(out_.unattributed, e.requested, e.actual);
      return;
    }
    count_alloc(out_.total, e.requested, e.actual);
    SiteUsage& site = sites_[e.site];
    if (site.calls == 0) site.smallest = e.requested;
    count_alloc(site, e.requested, e.actual);
    site.site = e.site;
    site.kind = e.kind;
    site.cache = e.cache;
    site.smallest = std::min(site.smallest, e.requested);
    site.largest = std::max(site.largest, e.requested);
    count_alloc(caches_[cache_of(trace_, e)], e.requested, e.actual);
    count_alloc(classes_[e.actual], e.requested, e.actual);
    SizeCost& cost = costs_[e.requested];
    cost.requested = e.requested;
    cost.actual = std::max(cost.actual, e.actual);
    ++cost.calls;
  }

  void freed(const TraceEvent& e) {
    const auto object = live_.take(e);
    if (!object) {
      ++out_.unknown_frees;
      return;
    }
    const TraceEvent& from = trace_.events[object->event];
    parts_[object->event] -= object->actual;
    const bool last = parts_[object->event] == 0;
    if (!counts(from)) {
      count_free(out_.unattributed, *object, last);
      return;
    }
    count_free(out_.total, *object, last);
    count_free(sites_[from.site], *object, last);
    count_free(caches_[cache_of(trace_, from)], *object, last);
    count_free(classes_[from.actual], *object, last);
    if (!last) return;
    const u32 lifetime = lifetime_class(e.time_ns - from.time_ns);
    ++sites_[from.site].lifetimes[lifetime];
    ++out_.lifetimes[lifetime];
  }

  void resized(const TraceEvent& e) {
    LiveObject* const object = live_.find(e.address);
    if (object == nullptr) return;
    const TraceEvent& from = trace_.events[object->event];
    const auto change = [&](UsageTotals& t) {
      t.requested += e.requested - object->requested;
      t.live_requested += e.requested - object->requested;
    };
    if (counts(from)) {
      change(out_.total);
      change(sites_[from.site]);
      change(caches_[cache_of(trace_, from)]);
      change(classes_[from.actual]);
    } else {
      change(out_.unattributed);
    }
    object->requested = e.requested;
  }

  void note_moment(u64 time_ns, size_t events) {
    const UsageTotals& t = out_.total;
    if (t.peak_actual > peak_) {
      peak_ = t.peak_actual;
      out_.peak_event = events;
    }
    if (!out_.timeline.empty() && out_.timeline.back().time_ns == time_ns) {
      out_.timeline.back() = {time_ns, t.live_requested, t.live_actual};
    } else {
      out_.timeline.push_back({time_ns, t.live_requested, t.live_actual});
    }
  }

  void finish() {
    find_leaks();
    for (SiteUsage& site : sites_) {
      if (site.calls != 0) out_.sites.push_back(site);
    }
    const auto named = [](auto& from, std::vector<NamedUsage>& to, auto&& name) {
      for (auto& [key, usage] : from) {
        NamedUsage row;
        static_cast<UsageTotals&>(row) = usage;
        row.name = name(key);
        to.push_back(std::move(row));
      }
    };
    named(caches_, out_.caches, [](const std::string& key) { return key; });
    named(classes_, out_.classes, [](u64 key) { return fmt::format("{}", key); });
    sort_by_waste(out_.sites);
    sort_by_waste(out_.caches);
    for (const auto& [size, cost] : costs_) out_.sizes.push_back(cost);
    out_.timeline = thinned(std::move(out_.timeline), kTimelinePoints,
                            [](const Moment& a, const Moment& b) { return a.actual < b.actual; });
    out_.sizes = thinned(std::move(out_.sizes), kMostSizes, [](const SizeCost& a, const SizeCost& b) {
      return a.actual - a.requested < b.actual - b.requested;
    });
  }

  // What modules that are gone have left, and all that is alive where no unloading was recorded.
  void find_leaks() {
    std::map<std::pair<u32, u32>, Leak> leaks;
    bool any_unloaded = false;
    std::unordered_map<std::string, u64> unloaded_at;
    for (const TraceEvent& e : trace_.events) {
      if (e.type != TraceEventType::kUnload) continue;
      any_unloaded = true;
      unloaded_at[trace_.modules[e.module]] = e.time_ns;
    }
    u32 last_event = std::numeric_limits<u32>::max();
    for (const auto& [address, object] : live_.all()) {
      const TraceEvent& from = trace_.events[object.event];
      if (!counts(from)) continue;
      if (object.event != last_event) {
        ++sites_[from.site].lifetimes[kNeverFreed];
        ++out_.lifetimes[kNeverFreed];
      }
      const auto gone = unloaded_at.find(trace_.sites[from.site].module);
      const bool leaked = any_unloaded && gone != unloaded_at.end() && from.time_ns <= gone->second;
      if (leaked) {
        Leak& leak = leaks[{from.site, from.stack}];
        if (leak.objects == 0) leak.first_time_ns = from.time_ns;
        leak.site = from.site;
        leak.stack = from.stack;
        if (object.event != last_event) ++leak.objects;
        leak.requested += object.requested;
        leak.actual += object.actual;
        leak.first_time_ns = std::min(leak.first_time_ns, from.time_ns);
      }
      last_event = object.event;
    }
    for (auto& [key, leak] : leaks) out_.leaks.push_back(leak);
    std::stable_sort(out_.leaks.begin(), out_.leaks.end(),
                     [](const Leak& a, const Leak& b) { return a.actual > b.actual; });
  }

  const Trace& trace_;
  Analysis out_;
  LiveObjects live_;
  std::vector<SiteUsage> sites_;
  std::vector<u64> parts_;  // by event: bytes of its object that are still alive
  std::map<std::string, UsageTotals> caches_;
  std::map<u64, UsageTotals> classes_;
  std::map<u64, SizeCost> costs_;
  u64 peak_ = 0;
};

}  // namespace

std::string_view lifetime_name(u32 lifetime_class) { return kLifetimeNames[lifetime_class]; }

Analysis analyse(const Trace& trace) { return Analyser(trace).run(); }

}  // namespace koi::report
