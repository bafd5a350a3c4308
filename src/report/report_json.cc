// SPDX-License-Identifier: GPL-2.0-only
#include <nlohmann/json.hpp>

#include "report/memory_report.h"
#include "report/page.h"

namespace koi::report {
namespace {

using Json = nlohmann::ordered_json;

Json usage_json(const UsageTotals& t) {
  return {{"calls", t.calls},
          {"failures", t.failures},
          {"requested_bytes", t.requested},
          {"actual_bytes", t.actual},
          {"wasted_bytes", t.wasted()},
          {"wasted_percent", t.waste_tenths() / 10.0},
          {"peak_bytes", t.peak_actual},
          {"peak_requested_bytes", t.peak_requested},
          {"peak_wasted_bytes", t.peak_wasted()},
          {"peak_objects", t.peak_objects},
          {"live_objects", t.live_objects},
          {"live_bytes", t.live_actual}};
}

Json lifetimes_json(const u64 (&lifetimes)[kLifetimeClasses]) {
  Json list = Json::array();
  for (u32 i = 0; i < kLifetimeClasses; ++i) {
    if (lifetimes[i] != 0) list.push_back({{"lifetime", lifetime_name(i)}, {"objects", lifetimes[i]}});
  }
  return list;
}

Json named_json(const std::vector<NamedUsage>& rows) {
  Json list = Json::array();
  for (const NamedUsage& row : rows) {
    Json entry{{"name", row.name}};
    entry.update(usage_json(row));
    list.push_back(std::move(entry));
  }
  return list;
}

Json sites_json(const Trace& trace, const Analysis& analysis) {
  Json list = Json::array();
  for (const SiteUsage& row : analysis.sites) {
    const TraceSite& site = trace.sites[row.site];
    Json entry{{"site", row.site},
               {"name", site.name()},
               {"callee", site.callee},
               {"module", site.module},
               {"function", site.function},
               {"source", site.source},
               {"kind", kind_name(row.kind)},
               {"cache", trace.caches[row.cache]},
               {"smallest_request", row.smallest},
               {"largest_request", row.largest}};
    entry.update(usage_json(row));
    entry["lifetimes"] = lifetimes_json(row.lifetimes);
    list.push_back(std::move(entry));
  }
  return list;
}

Json leaks_json(const Trace& trace, const Analysis& analysis) {
  Json list = Json::array();
  for (const Leak& leak : analysis.leaks) {
    list.push_back({{"site", leak.site},
                    {"name", trace.sites[leak.site].name()},
                    {"module", trace.sites[leak.site].module},
                    {"objects", leak.objects},
                    {"requested_bytes", leak.requested},
                    {"actual_bytes", leak.actual},
                    {"first_time_ns", leak.first_time_ns},
                    {"trace", trace.stacks[leak.stack]}});
  }
  return list;
}

Json advice_json(const Trace& trace, const Advice& advice) {
  Json list = Json::array();
  for (const Suggestion& s : advice.suggestions) {
    list.push_back({{"site", s.site},
                    {"name", trace.sites[s.site].name()},
                    {"advice", s.text},
                    {"bytes_before", s.bytes_before},
                    {"bytes_after", s.bytes_after},
                    {"bytes_saved", s.bytes_saved()},
                    {"pages_saved", s.pages_saved}});
  }
  return list;
}

void add_snapshot(Json& out, const ReplayResult& baseline) {
  out["replay"] = {{"peak_pages", baseline.peak_pages},
                   {"peak_bytes", baseline.total_peak_bytes},
                   {"failures", baseline.failures}};
  out["slabs"] = Json::array();
  out["zones"] = Json::array();
  if (!baseline.snapshot) return;
  for (const SlabUse& s : baseline.snapshot->slabs) {
    out["slabs"].push_back({{"name", s.name},
                            {"object_bytes", s.object_bytes},
                            {"objects", s.objects},
                            {"capacity", s.capacity},
                            {"slabs", s.slabs},
                            {"pages", s.pages}});
  }
  for (const BuddyUse& z : baseline.snapshot->zones) {
    out["zones"].push_back({{"name", z.zone},
                            {"managed_pages", z.managed_pages},
                            {"free_pages", z.free_pages},
                            {"free_blocks", z.free_blocks}});
  }
  out["map"] = {{"pages_per_cell", baseline.snapshot->map.pages_per_cell},
                {"taken_pages", baseline.snapshot->map.taken_pages}};
}

Json whole_report(const MemoryReport& report) {
  const Trace& trace = *report.trace;
  const Analysis& a = report.analysis;
  Json out{{"format", "koi-memory-report"}, {"version", 1}};
  out["machine"] = {{"release", trace.machine.release},
                    {"cpus", trace.machine.cpus},
                    {"memory_bytes", trace.machine.memory_bytes},
                    {"seed", trace.machine.seed},
                    {"source", trace.machine.source}};
  out["modules"] = std::vector<std::string>(trace.modules.begin() + 1, trace.modules.end());
  out["events"] = trace.events.size();
  out["truncated"] = trace.truncated;
  out["total"] = usage_json(a.total);
  out["unattributed"] = usage_json(a.unattributed);
  out["sites"] = sites_json(trace, a);
  out["caches"] = named_json(a.caches);
  out["classes"] = named_json(a.classes);
  out["lifetimes"] = lifetimes_json(a.lifetimes);
  out["leaks"] = leaks_json(trace, a);
  out["advice"] = advice_json(trace, report.advice);
  out["other_release"] = {{"release", report.advice.other.name},
                          {"peak_pages", report.advice.other.peak_pages},
                          {"peak_bytes", report.advice.other.total_peak_bytes}};
  add_snapshot(out, report.advice.baseline);
  out["timeline"] = Json::array();
  for (const Moment& m : a.timeline) out["timeline"].push_back({m.time_ns, m.requested, m.actual});
  out["sizes"] = Json::array();
  for (const SizeCost& s : a.sizes) out["sizes"].push_back({s.requested, s.actual, s.calls});
  return out;
}

constexpr auto kReplaceBadText = Json::error_handler_t::replace;

}  // namespace

std::string report_json(const MemoryReport& report) {
  return whole_report(report).dump(2, ' ', false, kReplaceBadText) + "\n";
}

std::string report_html(const MemoryReport& report) {
  std::string data = whole_report(report).dump(-1, ' ', false, kReplaceBadText);
  // No text in the data may end the script element.
  for (size_t at = 0; (at = data.find("</", at)) != std::string::npos; at += 3) data.replace(at, 2, "<\\/");
  for (size_t at = 0; (at = data.find("<!--", at)) != std::string::npos; at += 9)
    data.replace(at, 1, "\\u003c");
  constexpr std::string_view kMark = "@KOI_DATA@";
  const std::string_view page = page_template();
  const size_t at = page.find(kMark);
  CHECK(at != std::string_view::npos);
  std::string html(page.substr(0, at));
  html += data;
  html += page.substr(at + kMark.size());
  return html;
}

}  // namespace koi::report
