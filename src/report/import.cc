// SPDX-License-Identifier: GPL-2.0-only
#include "report/import.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "engine/mm/kmalloc.h"

namespace koi::report {
namespace {

constexpr u64 kPageSize = mm::kPageSize;
// In TraceEvent::stack until drop_slab_pages() has run: imported events have no stacks.
constexpr u32 kCompoundBlock = 1;
constexpr std::string_view kCacheAlloc = "kmem_cache_alloc";

struct GfpName {
  std::string_view name;
  mm::Gfp mm::GfpBits::*bit;
};
// Those that change which cache or zone serves a request; the others decide nothing in a replay.
constexpr GfpName kGfpNames[] = {{"__GFP_DMA", &mm::GfpBits::dma},
                                 {"__GFP_DMA32", &mm::GfpBits::dma32},
                                 {"__GFP_RECLAIMABLE", &mm::GfpBits::reclaimable},
                                 {"__GFP_ACCOUNT", &mm::GfpBits::account},
                                 {"__GFP_ZERO", &mm::GfpBits::zero},
                                 {"GFP_DMA", &mm::GfpBits::dma},
                                 {"GFP_DMA32", &mm::GfpBits::dma32}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<u8>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<u8>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

std::optional<u64> number(std::string_view text, int base) {
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  u64 value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

// "12.345678:" or "12.345678901" as nanoseconds.
std::optional<u64> timestamp(std::string_view text) {
  if (text.ends_with(':')) text.remove_suffix(1);
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot - 1 > 9 || dot + 1 == text.size())
    return std::nullopt;
  const auto seconds = number(text.substr(0, dot), 10);
  auto fraction = number(text.substr(dot + 1), 10);
  if (!seconds || !fraction || *seconds > 1'000'000'000'000) return std::nullopt;
  for (size_t digits = text.size() - dot - 1; digits < 9; ++digits) *fraction *= 10;
  return *seconds * 1'000'000'000 + *fraction;
}

// "call_site=a+0x1/0x2 ptr=0x.. bytes_req=1 ...": names and values. A value ends where the next name begins, since
// call_site and the flags may hold blanks ("[ext4]").
class Fields {
 public:
  explicit Fields(std::string_view text) : text_(text) {}
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const {
    for (size_t at = 0; (at = text_.find(name, at)) != std::string_view::npos; ++at) {
      const size_t value = at + name.size();
      const bool starts = at == 0 || text_[at - 1] == ' ';
      if (!starts || value >= text_.size() || text_[value] != '=') continue;
      return until_next_name(text_.substr(value + 1));
    }
    return std::nullopt;
  }

 private:
  static std::string_view until_next_name(std::string_view text) {
    for (size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1)) {
      const size_t blank = text.rfind(' ', at);
      if (blank != std::string_view::npos) return trimmed(text.substr(0, blank));
    }
    return trimmed(text);
  }
  std::string_view text_;
};

// What stands before the fields of an event.
struct Prefix {
  s32 pid = 0;
  u16 cpu = 0;
  u64 time_ns = 0;
  std::string_view event;   // "kmalloc"
  std::string_view fields;  // behind the colon
};

class Importer {
 public:
  Importer(std::string_view release, ImportNotes& notes) : notes_(notes) {
    trace_.machine.release = release;
    trace_.machine.cpus = 1;
    trace_.machine.memory_bytes = 4ULL << 30;
  }

  void line(std::string_view text) {
    ++notes_.lines;
    const std::optional<Prefix> prefix = parse_prefix(text);
    if (!prefix) {
      if (!trimmed(text).empty()) ++notes_.other_events;
      return;
    }
    if (const std::string_view wrong = event(*prefix); !wrong.empty()) bad(wrong);
  }

  Trace finish() {
    std::stable_sort(trace_.events.begin(), trace_.events.end(),
                     [](const TraceEvent& a, const TraceEvent& b) { return a.time_ns < b.time_ns; });
    name_caches();
    drop_slab_pages();
    if (!trace_.events.empty()) {
      const u64 start = trace_.events.front().time_ns;
      for (TraceEvent& e : trace_.events) e.time_ns -= start;
    }
    return std::move(trace_);
  }

 private:
  void bad(std::string_view why) {
    if (notes_.bad_lines.size() < kMostBadLines)
      notes_.bad_lines.push_back(fmt::format("{}: {}", notes_.lines, why));
    ++notes_.bad_line_count;
  }

  // perf:      "comm  1234 [001] 12.345678: kmem:kmalloc: fields"  (the pid may be "1234/1236")
  // trace-cmd: "comm-1234  [001] 12.345678: kmalloc: fields" or "comm-1234 [001] d..2. 12.345678: kmalloc: ..."
  std::optional<Prefix> parse_prefix(std::string_view text) {
    const size_t open = text.find('[');
    const size_t close = text.find(']', open);
    if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
    const auto cpu = number(text.substr(open + 1, close - open - 1), 10);
    if (!cpu || *cpu > 65535) return std::nullopt;
    Prefix prefix;
    prefix.cpu = static_cast<u16>(*cpu);
    std::string_view rest = trimmed(text.substr(close + 1));
    std::optional<u64> time;
    for (u32 words = 0; words < 2 && !time; ++words) {  // the latency flags may come first
      const size_t blank = rest.find(' ');
      if (blank == std::string_view::npos) return std::nullopt;
      if (rest[blank - 1] == ':') time = timestamp(rest.substr(0, blank));
      rest = trimmed(rest.substr(blank));
    }
    if (!time) return std::nullopt;
    prefix.time_ns = *time;
    const bool perf = rest.starts_with("kmem:");
    if (perf) rest.remove_prefix(5);
    const size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    prefix.event = rest.substr(0, colon);
    prefix.fields = trimmed(rest.substr(colon + 1));
    std::string_view task = trimmed(text.substr(0, open));
    task = task.substr(task.find_last_of(" -") + 1);
    prefix.pid = static_cast<s32>(number(task.substr(task.find('/') + 1), 10).value_or(0));
    if (trace_.machine.source.empty()) trace_.machine.source = perf ? "perf" : "trace-cmd";
    return prefix;
  }

  // 6.1 and 6.12 name a cache only when its object is freed: all objects of that call site are of that cache.
  void name_caches() {
    std::unordered_map<u64, const TraceEvent*> live;
    std::unordered_map<u32, u32> of_site;
    for (const TraceEvent& e : trace_.events) {
      if (e.type == TraceEventType::kAlloc && e.cache != 0) live[e.address] = &e;
      if (e.type != TraceEventType::kFree || e.cache == 0) continue;
      const auto object = live.find(e.address);
      if (object != live.end() && object->second->site != 0) of_site.emplace(object->second->site, e.cache);
    }
    for (TraceEvent& e : trace_.events) {
      const auto known = of_site.find(e.site);
      const bool unnamed = e.type == TraceEventType::kAlloc && trace_.sites[e.site].callee == kCacheAlloc;
      if (unnamed && known != of_site.end()) e.cache = known->second;
      if (e.type == TraceEventType::kFree) e.cache = 0;
    }
  }

  // A compound block right before an object of the same task is the object's slab, or the large block itself: it would
  // count twice.
  void drop_slab_pages() {
    std::unordered_map<s32, size_t> latest;  // by pid: its latest event
    std::vector<bool> dropped(trace_.events.size());
    for (size_t i = 0; i < trace_.events.size(); ++i) {
      const TraceEvent& e = trace_.events[i];
      if (e.type == TraceEventType::kAlloc && e.kind != AllocatorKind::kPages) {
        const auto before = latest.find(e.pid);
        if (before != latest.end() && trace_.events[before->second].stack == kCompoundBlock)
          dropped[before->second] = true;
      }
      latest[e.pid] = i;
    }
    std::vector<TraceEvent> kept;
    for (size_t i = 0; i < trace_.events.size(); ++i) {
      if (!dropped[i]) kept.push_back(trace_.events[i]);
      if (!dropped[i]) kept.back().stack = 0;
    }
    trace_.events = std::move(kept);
  }

  // What is wrong; empty: nothing.
  std::string_view event(const Prefix& p) {
    const std::string_view name = p.event;
    if (name == "kmalloc" || name == "kmalloc_node") return allocation(p, "kmalloc");
    if (name == "kmem_cache_alloc" || name == "kmem_cache_alloc_node") return allocation(p, kCacheAlloc);
    if (name == "kfree" || name == "kmem_cache_free") return slab_free(p);
    if (name == "mm_page_alloc") return page_alloc(p);
    if (name == "mm_page_free") return page_free(p);
    ++notes_.other_events;
    return "";
  }

  TraceEvent made(const Prefix& p, TraceEventType type) {
    TraceEvent e;
    e.type = type;
    e.cpu = p.cpu;
    e.pid = p.pid;
    e.time_ns = p.time_ns;
    trace_.machine.cpus = std::max<u32>(trace_.machine.cpus, p.cpu + 1U);
    return e;
  }
  void take(const TraceEvent& e) {
    ++notes_.events;
    trace_.events.push_back(e);
  }

  std::string_view allocation(const Prefix& p, std::string_view callee) {
    const Fields fields(p.fields);
    TraceEvent e = made(p, TraceEventType::kAlloc);
    const auto ptr = fields.find("ptr");
    const auto requested = fields.find("bytes_req");
    const auto given = fields.find("bytes_alloc");
    if (!ptr) return "no ptr=";
    if (!requested || !given) return "no bytes_req= or bytes_alloc=";
    const auto address = number(*ptr, 16);
    const auto asked = number(*requested, 10);
    const auto got = number(*given, 10);
    if (!address || !asked || !got) return "ptr=, bytes_req= or bytes_alloc= is no number";
    e.gfp = gfp_of(fields.find("gfp_flags").value_or(""));
    e.site = site_of(fields.find("call_site").value_or(""), callee);
    e.requested = *asked;
    e.actual = *got;
    e.address = *address;
    if (*address == 0) {
      e.type = TraceEventType::kFail;
      take(e);
      return "";
    }
    if (*asked > *got) return "bytes_req= is more than bytes_alloc=";
    if (callee != kCacheAlloc) {
      e.kind = *got > mm::kKmallocMaxCacheSize ? AllocatorKind::kLarge : AllocatorKind::kSlab;
      if (e.kind == AllocatorKind::kSlab) e.cache = index_of(caches_, trace_.caches, kmalloc_cache(*got));
    } else {
      // 6.1 names no cache here: what has one size is taken for one cache.
      const std::string cache(fields.find("name").value_or(""));
      e.cache =
          index_of(caches_, trace_.caches, cache.empty() ? fmt::format("cache of {} bytes", *got) : cache);
    }
    take(e);
    return "";
  }

  std::string_view slab_free(const Prefix& p) {
    const Fields fields(p.fields);
    const auto ptr = fields.find("ptr");
    if (!ptr) return "no ptr=";
    const auto address = number(*ptr, 16);
    if (!address) return "ptr= is no number";
    if (*address == 0) return "";
    TraceEvent e = made(p, TraceEventType::kFree);
    e.address = *address;
    if (const auto cache = fields.find("name"))
      e.cache = index_of(caches_, trace_.caches, std::string(*cache));
    take(e);
    return "";
  }

  // Pages have no address in the trace: their frame number stands for it, outside of what slab addresses are.
  std::string_view page_alloc(const Prefix& p) {
    const Fields fields(p.fields);
    const auto pfn = frame_of(fields);
    const auto order = order_of(fields);
    if (!order) return "no order=, or an impossible one";
    if (!pfn) return "no pfn=";
    TraceEvent e = made(p, TraceEventType::kAlloc);
    e.kind = AllocatorKind::kPages;
    e.gfp = gfp_of(fields.find("gfp_flags").value_or(""));
    e.site = site_of("", "alloc_pages");
    e.requested = e.actual = kPageSize << *order;
    e.address = *pfn * kPageSize;
    if (*pfn == 0) e.type = TraceEventType::kFail;
    const bool compound = fields.find("gfp_flags").value_or("").find("__GFP_COMP") != std::string_view::npos;
    if (compound) e.stack = kCompoundBlock;
    take(e);
    return "";
  }

  std::string_view page_free(const Prefix& p) {
    const Fields fields(p.fields);
    const auto pfn = frame_of(fields);
    const auto order = order_of(fields);
    if (!pfn || !order) return "no pfn= or order=";
    TraceEvent e = made(p, TraceEventType::kFree);
    e.address = *pfn * kPageSize;
    e.actual = kPageSize << *order;
    take(e);
    return "";
  }

  static std::optional<u64> frame_of(const Fields& fields) {
    const auto text = fields.find("pfn");
    return text ? number(*text, 16) : std::nullopt;
  }
  static std::optional<u64> order_of(const Fields& fields) {
    const auto text = fields.find("order");
    const auto order = text ? number(*text, 10) : std::nullopt;
    return order && *order <= mm::kMaxOrder ? order : std::nullopt;
  }

  [[nodiscard]] mm::Gfp gfp_of(std::string_view text) const {
    const mm::GfpBits& bits = mm::gfp_bits(trace_.machine.is_6_12() ? Release::k6_12 : Release::k6_1);
    if (const auto plain = number(text, 16)) return static_cast<mm::Gfp>(*plain);
    mm::Gfp gfp = bits.kernel();
    while (!text.empty()) {
      const size_t bar = text.find('|');
      const std::string_view word = text.substr(0, bar);
      for (const GfpName& known : kGfpNames) {
        if (word == known.name) gfp |= bits.*known.bit;
      }
      if (word.ends_with("_ACCOUNT")) gfp |= bits.account;
      text.remove_prefix(bar == std::string_view::npos ? text.size() : bar + 1);
    }
    return gfp;
  }

  // "ext4_alloc+0x1/0x2 [ext4]", or an address.
  u32 site_of(std::string_view text, std::string_view callee) {
    TraceSite site;
    site.callee = callee;
    const size_t bracket = text.find('[');
    if (bracket != std::string_view::npos && text.ends_with(']')) {
      site.module = text.substr(bracket + 1, text.size() - bracket - 2);
    }
    site.function = trimmed(text.substr(0, bracket));
    const std::string key = fmt::format("{} {}", callee, text);
    const auto [at, fresh] = sites_.emplace(key, static_cast<u32>(trace_.sites.size()));
    if (fresh) {
      trace_.sites.push_back(site);
      if (!site.module.empty()) index_of(modules_, trace_.modules, site.module);
    }
    return at->second;
  }

  static std::string kmalloc_cache(u64 bytes) {
    return bytes >= 1024 ? fmt::format("kmalloc-{}k", bytes / 1024) : fmt::format("kmalloc-{}", bytes);
  }

  static u32 index_of(std::unordered_map<std::string, u32>& known, std::vector<std::string>& names,
                      const std::string& name) {
    const auto [at, fresh] = known.emplace(name, static_cast<u32>(names.size()));
    if (fresh) names.push_back(name);
    return at->second;
  }

  Trace trace_;
  ImportNotes& notes_;
  std::unordered_map<std::string, u32> sites_, caches_, modules_;
};

}  // namespace

Result<Trace> import_trace(std::string_view text, std::string_view name, std::string_view release,
                           ImportNotes& notes) {
  Importer importer(release, notes);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    importer.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  Trace trace = importer.finish();
  if (trace.events.empty()) {
    return make_error(
        "{}: no kmem event in {} lines; it should be the text of `perf script` or `trace-cmd report`", name,
        notes.lines);
  }
  return trace;
}

}  // namespace koi::report
