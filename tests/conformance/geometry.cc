// SPDX-License-Identifier: GPL-2.0-only
#include "geometry.h"

#include <fmt/format.h>

#include <map>

#include "tables.h"
#include "text.h"

namespace koi::conformance {
namespace {

constexpr std::string_view kColumns[] = {"object_size", "slab_size",   "objs_per_slab", "order",
                                         "align",       "cpu_partial", "min_partial"};
// The letter that a set attribute adds to the column "flags".
constexpr std::pair<std::string_view, char> kFlags[] = {
    {"hwcache_align", 'H'}, {"poison", 'P'},          {"red_zone", 'Z'},      {"store_user", 'U'},
    {"sanity_checks", 'F'}, {"reclaim_account", 'R'}, {"destroy_by_rcu", 'T'}};

void read_attribute(std::string& script, std::string_view cache, std::string_view attribute) {
  script += fmt::format("echo @{} {}\ncat /sys/kernel/slab/{}/{}\n", cache, attribute, cache, attribute);
}

std::string session_of(const std::string& variant, const std::vector<std::string>& sizes, bool merge) {
  std::string script = fmt::format("insmod $M/orc_kcache.ko variant={}\necho @log\ndmesg -r -c\n", variant);
  for (const std::string& size : sizes) {
    const std::string cache = fmt::format("orc_{}_{}", variant, size);
    for (std::string_view column : kColumns) read_attribute(script, cache, column);
    for (const auto& [attribute, letter] : kFlags) read_attribute(script, cache, attribute);
    if (!merge) continue;
    read_attribute(script, cache, "aliases");
    script += fmt::format("echo @{} merged_into\nreadlink /sys/kernel/slab/{}\n", cache, cache);
  }
  return script;
}

// "nomerge_2cpu" -> 2
int cpus_of(const std::string& stem) {
  const std::size_t digit = stem.find_first_of("0123456789");
  return digit == std::string::npos ? 2 : stem[digit] - '0';
}

}  // namespace

std::vector<Run> geometry_runs(const std::string& kernel, const std::string& file_stem,
                               std::string_view reference) {
  std::map<std::string, std::vector<std::string>> sizes;
  for (std::string_view line : split_lines(reference)) {
    const std::vector<std::string_view> cells = split(line, '\t');
    if (cells.size() > 2 && cells[0] != "variant") sizes[std::string(cells[0])].emplace_back(cells[1]);
  }
  const bool merge = file_stem.find("nomerge") == std::string::npos;
  std::vector<Run> runs;
  for (const auto& [variant, list] : sizes) {
    Run run;
    run.id = fmt::format("{}/{}/{}", kernel, file_stem, variant);
    run.kernel = kernel;
    run.script = session_of(variant, list, merge);
    run.cpus = cpus_of(file_stem);
    run.memory = "2G";
    if (!merge) run.boot_options = "slab_nomerge";
    runs.push_back(std::move(run));
  }
  return runs;
}

std::string geometry_script(const std::string& variant, std::string_view reference) {
  std::vector<std::string> sizes;
  for (std::string_view line : split_lines(reference)) {
    const std::string_view size = line.substr(0, line.find('\t'));
    if (size != "requested_size") sizes.emplace_back(size);
  }
  return session_of(variant, sizes, true);
}

std::vector<std::string> geometry_rows(std::string_view out, bool merge) {
  std::map<std::string, std::map<std::string, std::string>> attributes;  // cache -> attribute -> value
  std::string cache;
  std::string attribute;
  for (std::string_view line : split_lines(out)) {
    if (line.starts_with('@')) {
      const std::size_t blank = std::min(line.find(' '), line.size());
      cache = line.substr(1, blank - 1);
      attribute = blank < line.size() ? line.substr(blank + 1) : std::string_view();
    } else if (!attribute.empty() && attributes[cache][attribute].empty()) {
      attributes[cache][attribute] = line;
    }
  }
  std::map<std::string, std::string> sizes;  // "variant TAB size" -> kmem_cache_size() after all merges
  const std::vector<std::string> records = orc_records(out);
  for (const std::string& record : records) {
    const std::vector<std::string_view> fields = split(record, '|');
    if (fields.size() == 4 && fields[0] == "kcache_after")
      sizes[fmt::format("{}\t{}", fields[1], fields[2])] = fields[3];
  }
  std::vector<std::string> rows;
  for (const std::string& record : records) {
    const std::vector<std::string_view> fields = split(record, '|');
    if (fields.size() != 5 || fields[0] != "kcache") continue;
    const std::string key = fmt::format("{}\t{}", fields[1], fields[2]);
    std::map<std::string, std::string>& values = attributes[fmt::format("orc_{}_{}", fields[1], fields[2])];
    std::string row = fmt::format("{}\t{}\t{}", key, fields[3], sizes[key]);
    for (std::string_view column : kColumns) row += "\t" + values[std::string(column)];
    std::string flags;
    for (const auto& [name, letter] : kFlags) {
      if (values[std::string(name)] == "1") flags += letter;
    }
    row += "\t" + (flags.empty() ? std::string("-") : flags);
    if (merge)
      row += fmt::format("\t{}\t{}", values["merged_into"].empty() ? "-" : values["merged_into"],
                         values["aliases"]);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace koi::conformance
