// SPDX-License-Identifier: GPL-2.0-only
#include "proc_counts.h"

#include <algorithm>
#include <iterator>

namespace koi::conformance {
namespace {

constexpr std::string_view kDigits = "0123456789";

// What a booted machine has some of: the fields of meminfo and zoneinfo whose value is this boot's. All others are compared.
constexpr std::string_view kUsed[] = {
    // meminfo
    "MemTotal", "MemFree", "MemAvailable", "Cached", "Active", "Active(anon)", "Inactive", "Inactive(anon)",
    "AnonPages", "Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack",
    "PageTables", "CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed", "Percpu", "DirectMap4k",
    "DirectMap2M",
    // zoneinfo
    "pages", "min", "low", "high", "promo", "spanned", "present", "managed", "protection", "start_pfn",
    "count", "nr_active_anon", "nr_inactive_anon", "nr_anon_pages", "nr_file_pages", "nr_free_pages",
    "nr_kernel_stack", "nr_mapped", "nr_page_table_pages", "nr_shmem", "nr_slab_reclaimable",
    "nr_slab_unreclaimable", "nr_zone_active_anon", "nr_zone_inactive_anon", "numa_hit", "numa_interleave",
    "numa_local",
    // vmstat
    "nr_dirty_threshold", "nr_dirty_background_threshold", "pgalloc_dma", "pgalloc_dma32", "pgfree",
    "pgfault", "pgactivate", "pgreuse",
    // interrupts, softirqs
    "0", "1", "4", "8", "9", "12", "LOC", "RES", "CAL", "TLB", "MCP", "HI", "TIMER", "TASKLET", "SCHED",
    "HRTIMER", "RCU"};

// Where the line's own numbers begin; npos: all of it is compared.
std::size_t first_number(std::string_view line) {
  // "Node 0, zone    DMA32, type  Movable ...": the node's and the zone's numbers name the row.
  if (line.starts_with("Node ")) {
    std::size_t name = line.find(", type");
    name = name == std::string_view::npos ? line.find("zone") + 4 : name + 6;
    return line.find(' ', line.find_first_not_of(' ', name));
  }
  if (line.find(" : tunables ") != std::string_view::npos && !line.starts_with('#')) return line.find(' ');
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return begin;
  std::string_view name = line.substr(begin, std::min(line.find(' ', begin), line.size()) - begin);
  if (name.ends_with(':')) name.remove_suffix(1);
  const bool used = std::find(std::begin(kUsed), std::end(kUsed), name) != std::end(kUsed);
  return used ? begin + name.size() : std::string_view::npos;
}

// A cache's line: how many objects and slabs there are; the geometry between is compared.
bool is_slab_geometry(std::string_view line, std::size_t at) {
  const std::size_t tunables = line.find(" : tunables ");
  if (tunables == std::string_view::npos) return false;
  const std::size_t slabs = line.find(" : slabdata ");
  if (at >= tunables) return at < slabs;
  int words = 0;
  for (std::size_t i = 0; i < at; ++i) words += line[i] != ' ' && line[i + 1] == ' ' ? 1 : 0;
  return words >= 3;
}

}  // namespace

std::vector<Span> count_spans(std::string_view line) {
  std::vector<Span> spans;
  std::size_t literal = 0;
  std::size_t at = first_number(line);
  while (at < line.size()) {
    const std::size_t begin = line.find_first_of(kDigits, at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_not_of(kDigits, begin), line.size());
    at = end;
    const bool pin = end < line.size() && line[end] == '-';  // "2-edge": of an interrupt's line
    const bool word = (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '(') || pin;
    if (word || is_slab_geometry(line, begin)) continue;
    const std::size_t before = line.find_last_not_of(' ', begin - 1);
    const std::size_t blanks = before == std::string_view::npos ? 0 : before + 1;
    if (blanks > literal) spans.push_back({Kind::literal, literal, blanks});
    spans.push_back({Kind::count, blanks, end});
    literal = end;
  }
  if (literal < line.size()) spans.push_back({Kind::literal, literal, line.size()});
  return spans;
}

}  // namespace koi::conformance
