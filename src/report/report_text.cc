// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <iterator>

#include "report/memory_report.h"

namespace koi::report {
namespace {

constexpr size_t kMostRows = 20;
constexpr u32 kBarWidth = 24;
constexpr size_t kNameWidth = 40;

class TextReport {
 public:
  explicit TextReport(const MemoryReport& report)
      : report_(report), trace_(*report.trace), analysis_(report.analysis) {}

  std::string run() {
    heading();
    sites();
    named("by cache", analysis_.caches);
    named("by bytes given", analysis_.classes);
    lifetimes();
    leaks();
    advice();
    occupancy();
    return fmt::to_string(buffer_);
  }

 private:
  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(buffer_), format, std::forward<Args>(args)...);
  }

  static std::string short_name(std::string_view name) {
    if (name.size() <= kNameWidth) return std::string(name);
    return std::string(name.substr(0, kNameWidth - 3)) + "...";
  }

  void heading() {
    std::string modules;
    for (size_t i = 1; i < trace_.modules.size(); ++i) modules += (i == 1 ? "" : ", ") + trace_.modules[i];
    const UsageTotals& t = analysis_.total;
    print("Memory of {} on {}, {} CPU{}\n\n", modules.empty() ? "the trace" : modules, trace_.machine.release,
          trace_.machine.cpus, trace_.machine.cpus == 1 ? "" : "s");
    print("  {} allocations asked for {}, got {}, wasted {} ({}.{} %)\n", t.calls, bytes_text(t.requested),
          bytes_text(t.actual), bytes_text(t.wasted()), t.waste_tenths() / 10, t.waste_tenths() % 10);
    print("  peak {} for {} asked; the machine held {} pages for it\n", bytes_text(t.peak_actual),
          bytes_text(t.peak_requested), report_.advice.baseline.peak_pages);
    if (t.failures != 0) print("  {} allocations failed\n", t.failures);
    if (analysis_.unattributed.calls != 0) {
      print(
          "  {} more by the kernel itself or through function pointers, {} at their peak, in none of the "
          "lists\n",
          analysis_.unattributed.calls, bytes_text(analysis_.unattributed.peak_actual));
    }
    if (analysis_.unknown_frees != 0)
      print("  {} frees of memory allocated before the trace began\n", analysis_.unknown_frees);
    if (trace_.truncated) print("  the trace is cut: there were more events than koi keeps\n");
  }

  void row(std::string_view name, const UsageTotals& t) {
    print("  {:<40} {:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>4}.{}\n", short_name(name), t.calls,
          t.live_objects, bytes_text(t.peak_actual), bytes_text(t.requested), bytes_text(t.actual),
          bytes_text(t.wasted()), t.waste_tenths() / 10, t.waste_tenths() % 10);
  }

  void table_head(std::string_view title) {
    print("\n  {:<40} {:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>6}\n", title, "calls", "live", "peak",
          "asked", "got", "wasted", "%");
  }

  void sites() {
    if (analysis_.sites.empty()) return;
    table_head("by call site");
    size_t rows = 0;
    for (const SiteUsage& site : analysis_.sites) {
      if (site.site == 0 && trace_.machine.source == "koi") continue;
      if (rows++ == kMostRows) {
        print("  ... and {} more call sites (--json lists all)\n", analysis_.sites.size() - kMostRows);
        break;
      }
      row(trace_.sites[site.site].name(), site);
    }
  }

  void named(std::string_view title, const std::vector<NamedUsage>& rows) {
    if (rows.empty()) return;
    table_head(title);
    for (size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) row(rows[i].name, rows[i]);
    if (rows.size() > kMostRows) print("  ... and {} more\n", rows.size() - kMostRows);
  }

  void lifetimes() {
    const u64 most = *std::max_element(std::begin(analysis_.lifetimes), std::end(analysis_.lifetimes));
    if (most == 0) return;
    print("\n  objects by lifetime\n");
    for (u32 i = 0; i < kLifetimeClasses; ++i) {
      const u64 count = analysis_.lifetimes[i];
      if (count == 0) continue;
      const u64 width = std::max<u64>(1, count * kBarWidth / most);
      print("  {:<12} {:>10} {:#<{}}\n", lifetime_name(i), count, "", width);
    }
  }

  void leaks() {
    if (analysis_.leaks.empty()) return;
    print("\n  leaked: alive after their module had gone\n");
    for (size_t i = 0; i < std::min(analysis_.leaks.size(), kMostRows); ++i) {
      const Leak& leak = analysis_.leaks[i];
      const TraceSite& site = trace_.sites[leak.site];
      print("  {} object{} of {} in all, {} {}\n", leak.objects, leak.objects == 1 ? "" : "s",
            bytes_text(leak.actual), site.callee, site.name());
      for (const std::string& frame : trace_.stacks[leak.stack]) print("      {}\n", frame);
    }
    if (analysis_.leaks.size() > kMostRows) print("  ... and {} more\n", analysis_.leaks.size() - kMostRows);
  }

  void advice() {
    const Advice& advice = report_.advice;
    if (!advice.suggestions.empty()) print("\n  what would have taken less, by replay\n");
    for (const Suggestion& s : advice.suggestions) {
      print("  saves {} of {} at {}: {}", bytes_text(s.bytes_saved()), bytes_text(s.bytes_before),
            trace_.sites[s.site].name(), s.text);
      print(" ({}{} pages of the machine's peak)\n",
            s.pages_saved > 0   ? "-"
            : s.pages_saved < 0 ? "+"
                                : "",
            s.pages_saved < 0 ? -s.pages_saved : s.pages_saved);
    }
    if (advice.sites_wasteful > advice.sites_tried)
      print("  tried for the {} most wasteful of {} call sites\n", advice.sites_tried, advice.sites_wasteful);
    print("\n  the same on {}: {} pages at the peak instead of {}\n", advice.other.name,
          advice.other.peak_pages, advice.baseline.peak_pages);
  }

  void occupancy() {
    const auto& snapshot = report_.advice.baseline.snapshot;
    if (!snapshot || snapshot->slabs.empty()) return;
    print("\n  slabs at the peak {:>31} {:>10} {:>8} {:>8}\n", "objects", "room for", "slabs", "pages");
    for (const SlabUse& s : snapshot->slabs) {
      print("  {:<38} {:>10} {:>10} {:>8} {:>8}\n", short_name(s.name), s.objects, s.capacity, s.slabs,
            s.pages);
    }
  }

  const MemoryReport& report_;
  const Trace& trace_;
  const Analysis& analysis_;
  fmt::memory_buffer buffer_;
};

}  // namespace

std::string bytes_text(u64 bytes) {
  constexpr u64 kExactBelow = 10'000;
  if (bytes < kExactBelow) return fmt::format("{}", bytes);
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes) / 1024;
  u32 unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value < 100 ? 1 : 0, kUnits[unit]);
}

MemoryReport make_memory_report(const Trace& trace) {
  MemoryReport report;
  report.trace = &trace;
  report.analysis = analyse(trace);
  report.advice = advise(trace, report.analysis);
  return report;
}

std::string report_text(const MemoryReport& report) { return TextReport(report).run(); }

}  // namespace koi::report
