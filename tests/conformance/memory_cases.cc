// SPDX-License-Identifier: GPL-2.0-only
#include "memory_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "geometry.h"
#include "tables.h"
#include "text.h"

namespace koi::conformance {
namespace {

namespace fs = std::filesystem;

// What slabdump printed of each cache, in its order.
constexpr std::string_view kSlabColumns[] = {
    "object_size",   "slab_size",       "objs_per_slab",  "order",     "align",    "aliases",
    "cpu_partial",   "min_partial",     "hwcache_align",  "poison",    "red_zone", "store_user",
    "sanity_checks", "reclaim_account", "destroy_by_rcu", "cache_dma", "usersize", "ctor"};

Document rows_document(const std::vector<std::string>& rows) {
  std::vector<Line> lines;
  for (const std::string& row : rows) lines.push_back({0, row});
  return {{"", std::move(lines)}};
}

Document numbered(std::string_view text, bool header) {
  std::vector<Line> lines;
  int number = 0;
  for (std::string_view line : split_lines(text)) {
    // A table's only column is never empty: an empty line at its end is none of its rows.
    if (++number > 1 ? !header || !line.empty() : !header) lines.push_back({number, std::string(line)});
  }
  return {{"", std::move(lines)}};
}

using Read = std::function<std::vector<std::string>(std::string_view out)>;

Case memory_case(std::string file, Run run, Read read, bool header) {
  Case made;
  made.file = std::move(file);
  made.kernel = run.kernel;
  made.goal = false;
  made.reference = [header](std::string_view text) { return numbered(text, header); };
  made.actual = [id = run.id, read = std::move(read)](const Captures& captures) -> Document {
    const auto found = captures.find(id);
    if (found == captures.end() || !found->second.present) return {};
    return rows_document(read(found->second.out));
  };
  made.runs = {std::move(run)};
  return made;
}

std::vector<std::string> every_line_of(std::string_view out) {
  std::vector<std::string> lines;
  for (std::string_view line : split_lines(out)) lines.emplace_back(line);
  return lines;
}

// The caches that the reference lists, attribute by attribute.
std::string slab_script(std::string_view reference) {
  std::string script;
  for (std::string_view line : split_lines(reference)) {
    const std::string_view name = line.substr(0, line.find('\t'));
    if (name == "name" || name.empty()) continue;
    const std::string directory = fmt::format("/sys/kernel/slab/{}", name);
    script += fmt::format("echo @cache {}\necho @merged_into\nreadlink {}\n", name, directory);
    for (std::string_view column : kSlabColumns)
      script += fmt::format("echo @{}\ncat {}/{}\n", column, directory, column);
  }
  return script;
}

std::vector<std::string> slab_rows(std::string_view out) {
  std::vector<std::string> rows;
  std::string cell;
  bool open = false;
  const auto close = [&] {
    if (open) rows.back() += "\t" + (cell.empty() ? std::string("-") : cell);
    open = false;
  };
  for (std::string_view line : split_lines(out)) {
    if (line.starts_with("@cache ")) {
      close();
      rows.emplace_back(line.substr(7));
    } else if (line.starts_with("@") && !rows.empty()) {
      close();
      cell.clear();
      open = true;
    } else if (cell.empty()) {
      cell = line;
    }
  }
  close();
  return rows;
}

Case slab_case(std::string file, Run run) {
  Case made = memory_case(std::move(file), std::move(run), slab_rows, true);
  made.rules.match = Match::by_key;
  // The constructor's name is compared, its size in that build is not.
  made.rules.cells = [](std::string_view) {
    std::vector<Dialect> cells(20, Dialect::exact);
    cells.back() = Dialect::plain;
    return cells;
  };
  return made;
}

// --- boot_state/512M-2cpu ---

Run boot_run(const std::string& kernel, const std::string& machine, const std::string& name,
             std::string script) {
  Run run;
  run.id = fmt::format("{}/boot_state-{}-{}", kernel, machine, name);
  run.kernel = kernel;
  run.script = std::move(script);
  const std::size_t dash = machine.find('-');
  run.memory = machine.substr(0, dash);
  run.cpus = machine[dash + 1] - '0';
  return run;
}

// "vm/swappiness = 60 ": a setting as the boot's script wrote it down, with blanks for tabs.
std::string settings_script(std::string_view reference) {
  std::string script;
  for (std::string_view line : split_lines(reference)) {
    const std::string_view name = line.substr(0, line.find(" = "));
    script += fmt::format("echo @{0}\ncat /proc/sys/{0}\n", name);
  }
  return script;
}

std::vector<std::string> settings_rows(std::string_view out) {
  std::vector<std::string> rows;
  std::string name;
  for (std::string_view line : split_lines(out)) {
    if (line.starts_with('@')) {
      name = line.substr(1);
    } else if (!line.starts_with("cat: ")) {
      std::string value(line);
      std::replace(value.begin(), value.end(), '\t', ' ');
      rows.push_back(fmt::format("{} = {} ", name, value));
    }
  }
  return rows;
}

// Everything else that was written down after a boot.
Status add_other_boot_cases(const std::string& reference, const std::string& kernel,
                            const std::string& machine, std::vector<Case>& cases) {
  struct Other {
    const char* stem;
    const char* script;
    Dialect line;
  };
  constexpr Other kOthers[] = {
      {"proc_vmstat", "cat /proc/vmstat\n", Dialect::counts},
      {"proc_filesystems", "cat /proc/filesystems\n", Dialect::exact},
      {"proc_cmdline", "cat /proc/cmdline\n", Dialect::exact},
      {"proc_iomem", "cat /proc/iomem\n", Dialect::exact},
      {"proc_vmallocinfo", "cat /proc/vmallocinfo\n", Dialect::plain},
      {"proc_sys_kernel_vm", "", Dialect::exact},
      {"dmesg_boot", "dmesg\n", Dialect::log},
      {"ps", "ls /proc\n", Dialect::exact},
      {"sys_module_list", "ls /sys/module\n", Dialect::exact},
  };
  for (const Other& other : kOthers) {
    const std::string file = fmt::format("{}/boot_state/{}/{}.txt", kernel, machine, other.stem);
    const std::string path = fmt::format("{}/{}", reference, file);
    if (!fs::exists(path)) continue;
    const std::string text = TRY(read_file(path));
    const bool settings = *other.script == '\0';
    Run run = boot_run(kernel, machine, other.stem, settings ? settings_script(text) : other.script);
    // The command line is shown as it was given.
    if (std::string_view(other.stem) == "proc_cmdline") run.boot_options = split_lines(text).front();
    cases.push_back(memory_case(file, run, settings ? Read(settings_rows) : Read(every_line_of), false));
    cases.back().rules.line = other.line;
  }
  return Ok{};
}

Status add_boot_cases(const std::string& reference, const std::string& kernel, std::vector<Case>& cases) {
  const std::string top = fmt::format("{}/{}/boot_state", reference, kernel);
  std::set<std::string> machines;
  for (const auto& entry : fs::directory_iterator(top)) machines.insert(entry.path().filename().string());
  for (const std::string& machine : machines) {
    for (const char* name : {"buddyinfo", "pagetypeinfo", "zoneinfo", "meminfo", "slabinfo"}) {
      const std::string file = fmt::format("{}/boot_state/{}/proc_{}.txt", kernel, machine, name);
      if (!fs::exists(fmt::format("{}/{}", reference, file))) continue;
      Case made = memory_case(file, boot_run(kernel, machine, name, fmt::format("cat /proc/{}\n", name)),
                              every_line_of, false);
      made.rules.line = Dialect::counts;
      cases.push_back(std::move(made));
    }
    // What drivers have, line by line; only how often interrupts came is this boot's.
    for (const char* name : {"devices", "misc", "interrupts", "softirqs"}) {
      const std::string list = fmt::format("{}/boot_state/{}/proc_{}.txt", kernel, machine, name);
      if (!fs::exists(fmt::format("{}/{}", reference, list))) continue;
      Case made = memory_case(list, boot_run(kernel, machine, name, fmt::format("cat /proc/{}\n", name)),
                              every_line_of, false);
      const std::string_view file = name;
      if (file == "interrupts" || file == "softirqs") made.rules.line = Dialect::counts;
      cases.push_back(std::move(made));
    }
    TRY(add_other_boot_cases(reference, kernel, machine, cases));
    const std::string file = fmt::format("{}/boot_state/{}/sys_kernel_slab.tsv", kernel, machine);
    const std::string text = TRY(read_file(fmt::format("{}/{}", reference, file)));
    cases.push_back(slab_case(file, boot_run(kernel, machine, "slab", slab_script(text))));
  }
  return Ok{};
}

// --- slub_debug/FZPU ---

std::vector<std::string> geometry_of_v0(std::string_view out) {
  std::vector<std::string> rows;
  for (const std::string& row : geometry_rows(out, true)) {
    // variant, size, "ok", kmem_cache_size, the columns of sysfs, flags, merged_into, aliases
    std::vector<std::string_view> cells = split(row, '\t');
    if (cells.size() != 14) continue;
    cells.erase(cells.begin() + 2, cells.begin() + 4);
    cells.erase(cells.begin());
    cells.pop_back();
    std::string flags(cells[8]);
    // The reference names them in the order of the option's letters.
    std::string ordered;
    for (const char letter : std::string_view("HPZUFRT")) {
      if (flags.find(letter) != std::string::npos) ordered += letter;
    }
    if (!ordered.empty()) flags = ordered;
    cells[8] = flags;
    rows.push_back(join(cells, "\t"));
  }
  return rows;
}

std::vector<std::string> in_use_records(std::string_view out) {
  std::vector<std::string> rows;
  for (std::string& record : orc_records(out)) {
    if (record.starts_with("ctor|") || record.starts_with("layout|") || record.starts_with("misc|"))
      rows.push_back(std::move(record));
  }
  return rows;
}

// pairs 3844, same pointer 2041, moved 1803, contents kept in all: True
std::vector<std::string> krealloc_summary(std::string_view out) {
  int pairs = 0;
  int same = 0;
  bool kept = true;
  for (const std::string& record : orc_records(out)) {
    const std::vector<std::string_view> fields = split(record, '|');
    if (fields.size() != 7 || fields[0] != "krealloc") continue;
    ++pairs;
    same += fields[5] == "same" ? 1 : 0;
    kept = kept && fields[6] == "1";
  }
  return {fmt::format("pairs {}, same pointer {}, moved {}, contents kept in all: {}", pairs, same,
                      pairs - same, kept ? "True" : "False")};
}

struct DebugFile {
  std::string_view file;
  std::string_view
      table;  // the table of the undebugged kernel that has the same form; empty: `read` makes the rows
  std::string_view module;
  bool header;
  std::vector<std::string> (*read)(std::string_view out);
};

constexpr DebugFile kDebugFiles[] = {
    {"kmalloc_alignment.tsv", "kmalloc_alignment.tsv", "", true, nullptr},
    {"kmalloc_reuse_and_zeroing.tsv", "kmalloc_reuse_and_zeroing.tsv", "", true, nullptr},
    {"kmalloc_size_classes.tsv", "kmalloc_size_classes.tsv", "", true, nullptr},
    {"krealloc_special_cases.tsv", "krealloc_and_friends_special_cases.tsv", "", true, nullptr},
    {"kmem_cache_in_use.txt", "", "orc_kcache_use", false, in_use_records},
    {"krealloc_summary.txt", "", "orc_krealloc", false, krealloc_summary},
};

Case debug_case(const std::string& directory, const DebugFile& file, Run run) {
  const std::vector<TableSpec>& tables = table_specs();
  const auto table = std::find_if(tables.begin(), tables.end(),
                                  [&](const TableSpec& one) { return one.file == file.table; });
  const bool found = table != tables.end();
  run.module = found ? table->module : std::string(file.module);
  run.id += "-" + run.module;
  Case made =
      memory_case(fmt::format("{}/{}", directory, file.file), run,
                  found ? Read([rows = table->rows](std::string_view out) { return rows(orc_records(out)); })
                        : Read(file.read),
                  file.header);
  if (found) {
    made.rules.match = Match::by_key;
    made.rules.keys = table->keys;
    made.rules.cells = [table = *table](std::string_view row) { return cells_of_row(table, row); };
  } else {
    made.rules.line = Dialect::facts;
  }
  return made;
}

Status add_debug_cases(const std::string& reference, const std::string& kernel, std::vector<Case>& cases) {
  const std::string top = fmt::format("{}/{}/slub_debug", reference, kernel);
  std::set<std::string> options;
  for (const auto& entry : fs::directory_iterator(top)) options.insert(entry.path().filename().string());
  for (const std::string& option : options) {
    const std::string directory = fmt::format("{}/slub_debug/{}", kernel, option);
    const std::string folder = fmt::format("{}/{}", reference, directory);
    Run run;
    run.id = fmt::format("{}/slub_debug-{}", kernel, option);
    run.kernel = kernel;
    const std::string boot = TRY(read_file(folder + "/command_line_and_boot_lines.txt"));
    for (std::string_view word : split(split_lines(boot).front(), ' ')) {
      if (word.find("_debug=") != std::string_view::npos) run.boot_options = word;
    }
    for (const DebugFile& file : kDebugFiles) {
      if (fs::exists(fmt::format("{}/{}", folder, file.file)))
        cases.push_back(debug_case(directory, file, run));
    }
    const std::string stem = "kmem_cache_geometry_v0.tsv";
    const std::string sizes = TRY(read_file(fmt::format("{}/{}", folder, stem)));
    Run geometry = run;
    geometry.id += "-v0";
    geometry.script = geometry_script("v0", sizes);
    cases.push_back(memory_case(fmt::format("{}/{}", directory, stem), geometry, geometry_of_v0, true));
    cases.back().rules.match = Match::by_key;
    const std::string caches = "sys_kernel_slab_system_caches.tsv";
    Run slab = run;
    slab.id += "-slab";
    // They were read while the caches of orc_kcache were there.
    slab.script = "insmod $M/orc_kcache.ko variant=v0\ndmesg -c\n" +
                  slab_script(TRY(read_file(fmt::format("{}/{}", folder, caches))));
    cases.push_back(slab_case(fmt::format("{}/{}", directory, caches), slab));
  }
  return Ok{};
}

}  // namespace

Status add_memory_cases(const std::string& reference_directory, const std::string& kernel,
                        std::vector<Case>& cases) {
  TRY(add_boot_cases(reference_directory, kernel, cases));
  return add_debug_cases(reference_directory, kernel, cases);
}

}  // namespace koi::conformance
