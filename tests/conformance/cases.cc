// SPDX-License-Identifier: GPL-2.0-only
#include "cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "geometry.h"
#include "loader_session.h"
#include "lock_text.h"
#include "log_text.h"
#include "memory_cases.h"
#include "splat_cases.h"
#include "tables.h"
#include "text.h"

namespace koi::conformance {
namespace {

Run module_run(const std::string& kernel, const std::string& module, const std::string& memory) {
  Run run;
  run.id = fmt::format("{}/{}", kernel, module);
  run.kernel = kernel;
  run.module = module;
  run.memory = memory;
  return run;
}

// The run's standard output as one section; none when koi was not run.
std::function<Document(const Captures&)> from_run(
    std::string id, std::function<std::vector<Line>(std::string_view out)> read) {
  return [id = std::move(id), read = std::move(read)](const Captures& captures) -> Document {
    const auto found = captures.find(id);
    if (found == captures.end() || !found->second.present) return {};
    return {{"", read(found->second.out)}};
  };
}

std::vector<Line> lines_of(const std::vector<std::string>& rows) {
  std::vector<Line> lines;
  for (const std::string& row : rows) lines.push_back({0, row});
  return lines;
}

Document single(std::vector<Line> lines) { return {{"", std::move(lines)}}; }

// A table's rows, the header line left out.
Document table_reference(std::string_view text) {
  std::vector<Line> lines = numbered_lines(text);
  if (!lines.empty()) lines.erase(lines.begin());
  return single(std::move(lines));
}

Case table_case(const std::string& kernel, const TableSpec& table) {
  Case made;
  made.file = fmt::format("{}/{}", kernel, table.file);
  made.kernel = kernel;
  made.goal = table.goal;
  made.rules.match = Match::by_key;
  made.rules.keys = table.keys;
  made.rules.cells = [table](std::string_view row) { return cells_of_row(table, row); };
  made.runs = {module_run(kernel, table.module, table.module == "orc_printk" ? "512M" : "1G")};
  made.reference = table_reference;
  made.actual = from_run(made.runs.front().id,
                         [table](std::string_view out) { return lines_of(table.rows(orc_records(out))); });
  return made;
}

// A module's log without the "ORC|tag" lines of `tables`, which other files hold.
std::vector<Line> log_without(std::string_view out, const std::vector<std::string_view>& tables) {
  std::vector<Line> lines;
  for (std::string_view line : split_lines(out)) {
    const std::string_view text = parse_log_line(line).text;
    const bool table = std::any_of(tables.begin(), tables.end(),
                                   [&](std::string_view tag) { return text.starts_with(tag); });
    if (!table) lines.push_back({0, std::string(line)});
  }
  return without_noise(std::move(lines));
}

Document log_reference(std::string_view text) { return single(without_noise(numbered_lines(text))); }

const std::vector<std::string_view> kPrintkTables = {"ORC|fmt\t", "ORC|ret\t", "ORC|hd\t"};

Case text_case(const std::string& kernel, std::string file, Dialect line, Run run,
               std::function<std::vector<Line>(std::string_view out)> read) {
  Case made;
  made.file = fmt::format("{}/{}", kernel, file);
  made.kernel = kernel;
  made.rules.line = line;
  made.reference = log_reference;
  made.actual = from_run(run.id, std::move(read));
  made.runs = {std::move(run)};
  return made;
}

Run session(const std::string& kernel, std::string name, std::string script, std::string memory) {
  Run run;
  run.id = fmt::format("{}/{}", kernel, name);
  run.kernel = kernel;
  run.script = std::move(script);
  run.memory = std::move(memory);
  return run;
}

// The records that the reference kept: numbered from its first one, without the tables of other files.
std::vector<Line> kmsg_records(std::string_view out) {
  std::vector<Line> records = with_relative_sequence(
      part(numbered_lines(out), "ORC|section levels begin", "ORC|section dump_stack begin"));
  std::erase_if(records, [](const Line& line) {
    const std::size_t text = line.text.find(';') + 1;
    return std::any_of(kPrintkTables.begin(), kPrintkTables.end(), [&](std::string_view tag) {
      // In a record a tab is spelt \x09.
      return std::string_view(line.text).substr(text).starts_with(tag.substr(0, tag.size() - 1));
    });
  });
  return records;
}

void add_printk_cases(const std::string& kernel, std::vector<Case>& cases) {
  const Run raw = module_run(kernel, "orc_printk", "512M");
  cases.push_back(text_case(kernel, "printk/log_raw.txt", Dialect::log, raw,
                            [](std::string_view out) { return log_without(out, kPrintkTables); }));
  Run console = raw;
  console.id += ".console";
  console.log_format = "dmesg";
  cases.push_back(
      text_case(kernel, "printk/console_copy.txt", Dialect::log, console, [](std::string_view out) {
        return part(log_without(out, kPrintkTables), "ORC|section levels begin",
                    "ORC|section dump_stack end");
      }));
  Run kmsg = raw;
  kmsg.id += ".kmsg";
  kmsg.log_format = "kmsg";
  cases.push_back(text_case(kernel, "printk/dev_kmsg_records.txt", Dialect::kmsg, kmsg, kmsg_records));
  cases.back().reference = [](std::string_view text) {
    return single(with_relative_sequence(numbered_lines(text)));
  };
  cases.push_back(text_case(kernel, "printk/proc_sys_kernel_printk.txt", Dialect::exact,
                            session(kernel, "printk_levels", "cat /proc/sys/kernel/printk\n", "512M"),
                            [](std::string_view out) { return numbered_lines(out); }));
}

void add_allocator_cases(const std::string& kernel, std::vector<Case>& cases) {
  // In the reference's boot orc_ksize had come and gone before.
  cases.push_back(text_case(kernel, "kmalloc_gfp_kernel_messages.txt", Dialect::log,
                            session(kernel, "gfp_messages",
                                    "insmod $M/orc_ksize.ko\nrmmod orc_ksize\ndmesg -r -c\necho @log\n"
                                    "insmod $M/orc_gfp.ko\ndmesg -r\n",
                                    "1G"),
                            [](std::string_view out) {
                              const std::size_t mark = out.find("@log\n");
                              if (mark == std::string_view::npos) return std::vector<Line>();
                              return log_without(out.substr(mark + 5), {"ORC|"});
                            }));
  Case areas = text_case(
      kernel, "vmalloc_area_sizes.tsv", Dialect::plain,
      session(kernel, "vmallocinfo", "insmod $M/orc_pages.ko\ncat /proc/vmallocinfo\n", "1G"),
      [](std::string_view out) {
        std::vector<std::pair<long, std::string>> rows;
        for (std::string_view line : split_lines(out)) {
          // "0x...-0x...    8192 keep_some+0x18/0x59 [orc_pages] pages=1 vmalloc N0=1"
          if (line.find("[orc_pages]") == std::string_view::npos) continue;
          const std::size_t blank = line.find(' ');
          const std::size_t size = line.find_first_not_of(' ', blank);
          const std::size_t rest = line.find(' ', size);
          if (size == std::string_view::npos || rest == std::string_view::npos) continue;
          rows.emplace_back(std::atol(std::string(line.substr(size)).c_str()),
                            fmt::format("{}\t{}", line.substr(size, rest - size), line.substr(rest + 1)));
        }
        std::stable_sort(rows.begin(), rows.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        std::vector<Line> lines;
        for (auto& row : rows) lines.push_back({0, std::move(row.second)});
        return lines;
      });
  areas.goal = false;
  areas.reference = table_reference;
  cases.push_back(std::move(areas));
}

Status add_geometry_cases(const std::string& reference, const std::string& kernel, std::vector<Case>& cases) {
  for (const char* name : {"merge_2cpu", "nomerge_1cpu", "nomerge_2cpu", "nomerge_4cpu", "nomerge_8cpu"}) {
    const std::string stem = fmt::format("kmem_cache_geometry_{}", name);
    Case made;
    made.file = fmt::format("{}/{}.tsv", kernel, stem);
    made.kernel = kernel;
    made.goal = false;
    made.rules.match = Match::by_key;
    made.rules.keys = 2;
    made.runs = geometry_runs(kernel, stem, TRY(read_file(fmt::format("{}/{}", reference, made.file))));
    made.reference = table_reference;
    const bool merge = stem.find("nomerge") == std::string::npos;
    made.actual = [runs = made.runs, merge](const Captures& captures) -> Document {
      std::vector<std::string> rows;
      for (const Run& run : runs) {
        const auto found = captures.find(run.id);
        if (found == captures.end() || !found->second.present) continue;
        for (std::string& row : geometry_rows(found->second.out, merge)) rows.push_back(std::move(row));
      }
      return single(lines_of(rows));
    };
    cases.push_back(std::move(made));
  }
  return Ok{};
}

void add_loader_case(const std::string& kernel, std::vector<Case>& cases) {
  Case made;
  made.file = fmt::format("{}/module_loader.txt", kernel);
  made.kernel = kernel;
  made.runs = loader_runs(kernel);
  made.reference = read_loader_reference;
  made.actual = [runs = made.runs](const Captures& captures) {
    Document document;
    for (const Run& run : runs) {
      const auto found = captures.find(run.id);
      if (found == captures.end() || !found->second.present) continue;
      for (Section& section : read_session(found->second.out)) document.push_back(std::move(section));
    }
    return document;
  };
  cases.push_back(std::move(made));
}

// A case of a kernel with another configuration.
void add_lock_rules(const SplatForm& form, Case& made) {
  made.rules.line = Dialect::lock;
  made.reference = [](std::string_view text) { return single(lock_reference_lines(splat_reference(text))); };
  made.actual = from_run(made.runs.front().id,
                         [form](std::string_view out) { return lock_log_lines(splat_log(out, form)); });
}

Document lock_index_reference(std::string_view text) {
  Document document = table_reference(text);
  for (Line& line : document.front().lines) line.text = lock_index_row(line.text);
  return document;
}

// What that build printed and a stock one cannot: a corrupt list is a BUG there, and another slab of init text was damaged, too.
bool belongs_to_the_build(std::string_view directory, std::string_view name) {
  return directory == "splats_general" && (name == "list_add_twice" || name == "double_free");
}

Status add_splat_cases(const std::string& reference, const std::string& kernel, const std::string& directory,
                       std::vector<Case>& cases) {
  const std::string folder = fmt::format("{}/{}/{}", reference, kernel, directory);
  const std::vector<std::string> names = splat_cases(TRY(read_file(folder + "/INDEX.tsv")));
  const bool goal = directory == "splats";
  Case index;
  index.file = fmt::format("{}/{}/INDEX.tsv", kernel, directory);
  index.kernel = kernel;
  index.goal = goal;
  index.rules.match = Match::by_key;
  const Dialect last = is_lockdep(kernel) ? Dialect::lock : Dialect::log;
  index.rules.cells = [last](std::string_view) {
    return std::vector<Dialect>{
        Dialect::exact, Dialect::exact, Dialect::exact, Dialect::exact, Dialect::exact, Dialect::exact, last};
  };
  index.reference = is_lockdep(kernel) ? lock_index_reference : table_reference;
  for (const std::string& name : names) {
    index.runs.push_back(splat_session_run(kernel, directory, name));
    index.runs.push_back(splat_log_run(kernel, directory, name));
    const std::string path = fmt::format("{}/{}.txt", folder, name);
    if (!std::filesystem::exists(path) || belongs_to_the_build(directory, name)) continue;
    const SplatForm form = splat_form(TRY(read_file(path)));
    cases.push_back(text_case(kernel, fmt::format("{}/{}.txt", directory, name), Dialect::log,
                              splat_log_run(kernel, directory, name),
                              [form](std::string_view out) { return splat_log(out, form); }));
    cases.back().goal = goal;
    cases.back().reference = [](std::string_view text) { return single(splat_reference(text)); };
    if (is_lockdep(kernel)) add_lock_rules(form, cases.back());
  }
  index.actual = [kernel, directory, names](const Captures& captures) -> Document {
    std::vector<std::string> rows;
    for (const std::string& name : names) {
      const auto session = captures.find(splat_session_run(kernel, directory, name).id);
      const auto log = captures.find(splat_log_run(kernel, directory, name).id);
      if (session == captures.end() || !session->second.present) continue;
      rows.push_back(
          splat_index_row(name, session->second.out, log == captures.end() ? "" : log->second.out));
    }
    return single(lines_of(rows));
  };
  cases.push_back(std::move(index));
  return Ok{};
}

std::vector<Case> sorted(std::vector<Case> cases) {
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.file < b.file; });
  return cases;
}

}  // namespace

Result<std::vector<Case>> make_cases(const std::string& reference_directory, const std::string& kernel) {
  std::vector<Case> cases;
  if (is_lockdep(kernel)) {
    for (const char* directory : {"splats", "splats_general"})
      TRY(add_splat_cases(reference_directory, kernel, directory, cases));
    return sorted(std::move(cases));
  }
  for (const TableSpec& table : table_specs()) cases.push_back(table_case(kernel, table));
  add_allocator_cases(kernel, cases);
  add_printk_cases(kernel, cases);
  add_loader_case(kernel, cases);
  TRY(add_geometry_cases(reference_directory, kernel, cases));
  TRY(add_memory_cases(reference_directory, kernel, cases));
  for (const char* directory : {"splats", "splats_panic_0", "splats_oops_panic", "splats_panic_on_warn",
                                "splats_slab_nomerge", "splats_slub_debug_FZPU"}) {
    TRY(add_splat_cases(reference_directory, kernel, directory, cases));
  }
  for (const Case& made : cases) {
    const std::string path = fmt::format("{}/{}", reference_directory, made.file);
    if (!std::filesystem::exists(path)) return make_error("{}: the reference has no such file", path);
  }
  return sorted(std::move(cases));
}

std::vector<std::string> unread_files(const std::string& reference_directory, const std::string& kernel,
                                      const std::vector<Case>& cases) {
  std::set<std::string> unread;
  const std::filesystem::path top(reference_directory);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top / kernel)) {
    if (!entry.is_regular_file()) continue;
    std::string path = std::filesystem::relative(entry.path(), top).string();
    // What the comparison itself rests on.
    if (path == kernel + "/version.txt" || path == kernel + "/config_options.txt") continue;
    if (std::any_of(cases.begin(), cases.end(), [&](const Case& made) { return made.file == path; }))
      continue;
    unread.insert(std::move(path));
  }
  return {unread.begin(), unread.end()};
}

}  // namespace koi::conformance
