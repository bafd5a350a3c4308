// SPDX-License-Identifier: GPL-2.0-only
#include "splat_cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "log_text.h"
#include "text.h"

namespace koi::conformance {
namespace {

constexpr const char* module_of(std::string_view kernel, std::string_view directory) {
  return is_lockdep(kernel) && directory == "splats" ? "orc_lockdep" : "orc_splat";
}

Run splat_run(const std::string& kernel, const std::string& directory, const std::string& name,
              std::string_view suffix) {
  Run run;
  run.id = fmt::format("{}/{}/{}{}", kernel, directory, name, suffix);
  run.kernel = kernel;
  run.memory = "512M";
  // What the recorded kernel was built with, koi does by default.
  if (is_lockdep(kernel)) run.checks = "all";
  run.boot_options = splat_boot_options(kernel, directory);
  return run;
}

// The frame that surrounds a splat, and the module's own lines, are not the kernel's first word on it.
bool opens_a_splat(std::string_view text) {
  return text.empty() || text.starts_with("koi: ") || text.starts_with("ORC|") ||
         text.starts_with("------------[ cut here") || text.starts_with("====") || text.starts_with("----");
}

}  // namespace

std::vector<std::string> splat_cases(std::string_view index) {
  std::vector<std::string> names;
  for (std::string_view line : split_lines(index)) {
    if (!line.starts_with("case\t")) names.emplace_back(line.substr(0, line.find('\t')));
  }
  return names;
}

std::string splat_boot_options(const std::string& kernel, std::string_view directory) {
  if (directory == "splats_panic_0") return "panic=0";
  if (directory == "splats_oops_panic") return "oops=panic panic=0";
  if (directory == "splats_panic_on_warn") return "panic_on_warn=1 panic=0";
  const std::string usual = "console=ttyS0 panic=-1 quiet";
  if (directory == "splats_slab_nomerge") return usual + " slab_nomerge";
  if (directory == "splats_slub_debug_FZPU")
    return usual + (kernel == "6.1" ? " slub_debug=FZPU" : " slab_debug=FZPU");
  // Those of 6.1-lockdep/ were recorded with it.
  if (directory == "splats_general") return usual + " slub_debug=FZPU";
  return usual;
}

namespace {

// The reference's boot had set it for this case, so that its reports come before the case ends.
constexpr std::string_view kHungTaskTimeout = "echo 8 > /proc/sys/kernel/hung_task_timeout_secs\n";

bool waits_for_hung_tasks(std::string_view name) { return name == "hung_task" || name == "hung_task_locks"; }

}  // namespace

Run splat_log_run(const std::string& kernel, const std::string& directory, const std::string& name) {
  Run run = splat_run(kernel, directory, name, "");
  if (waits_for_hung_tasks(name)) {
    run.script = fmt::format("{}insmod $M/{}.ko what={}\ndmesg -r\n", kHungTaskTimeout,
                             module_of(kernel, directory), name);
    return run;
  }
  run.module = module_of(kernel, directory);
  run.parameter = "what=" + name;
  return run;
}

Run splat_session_run(const std::string& kernel, const std::string& directory, const std::string& name) {
  Run run = splat_run(kernel, directory, name, ".session");
  run.script = fmt::format(
      "{}insmod $M/{}.ko what={}\n"
      "echo @insmod $?\n"
      "echo @tainted\n"
      "cat /proc/sys/kernel/tainted\n"
      "rmmod {}\n"
      "echo @rmmod $?\n"
      "sleep 1\n"
      "echo @log\n"
      "dmesg -r\n",
      waits_for_hung_tasks(name) ? kHungTaskTimeout : "", module_of(kernel, directory), name,
      module_of(kernel, directory));
  return run;
}

SplatForm splat_form(std::string_view text) {
  SplatForm form;
  bool endless = false;
  double first = -1.0;
  double last = -1.0;
  for (std::string_view line : split_lines(text)) {
    if (line.starts_with("#")) {
      form.console = form.console || line.find("console copy") != std::string_view::npos;
      endless = endless || line.find("kernel went on; insmod exit status -;") != std::string_view::npos;
      continue;
    }
    const double at = stamp_seconds(line);
    if (first < 0) first = at;
    last = std::max(last, at);
  }
  // The watchdogs look every four seconds, and koi's look at another time of those four; the next report would have come
  // later than that.
  if (endless) form.seconds = last - first + 5.0;
  return form;
}

std::vector<Line> splat_reference(std::string_view text) {
  const SplatForm form = splat_form(text);
  std::vector<Line> lines;
  for (Line& line : numbered_lines(text)) {
    if (line.text.starts_with("#")) continue;
    // On the console the boot script's own words stand between the kernel's lines; INDEX.tsv holds what they say.
    if (form.console && parse_log_line(line.text).stamp.empty()) continue;
    lines.push_back(std::move(line));
  }
  return without_noise(std::move(lines));
}

std::vector<Line> splat_log(std::string_view log, const SplatForm& form) {
  std::vector<Line> lines;
  for (std::string_view line : split_lines(log)) lines.push_back({0, std::string(line)});
  if (form.seconds > 0) lines = first_seconds(std::move(lines), form.seconds);
  lines = without_noise(std::move(lines));
  return form.console ? without_levels(std::move(lines)) : lines;
}

std::string splat_index_row(std::string_view name, std::string_view out, std::string_view log) {
  std::string insmod = "-";
  std::string rmmod = "-";
  std::string tainted = "-";
  std::string_view mode;
  std::vector<std::string_view> lines;
  for (std::string_view line : split_lines(out)) {
    if (line.starts_with("@insmod ")) insmod = line.substr(8);
    if (line.starts_with("@rmmod ")) rmmod = line.substr(7);
    if (line.starts_with("@")) {
      mode = line;
      continue;
    }
    // One line; what follows is rmmod's.
    if (mode == "@tainted" && tainted == "-") tainted = line;
    if (mode == "@log") lines.push_back(line);
  }
  const bool stopped = rmmod == "-";
  if (stopped) lines = split_lines(log);
  std::string first = "(silent)";
  bool begun = false;
  bool came_back = false;
  for (std::string_view line : lines) {
    const std::string_view text = parse_log_line(line).text;
    begun = begun || text.starts_with("ORC|splat begin|");
    came_back = came_back || text.starts_with("ORC|splat returned|");
    if (begun && first == "(silent)" && !opens_a_splat(text)) first = text;
  }
  // The table was written without blanks at the end.
  first.erase(first.find_last_not_of(' ') + 1);
  return fmt::format("{}\t{}\tkernel {}\t{}\t{}\t{}\t{}", name, came_back ? "yes" : "no",
                     stopped ? "stopped" : "went on", insmod, rmmod, tainted, first);
}

}  // namespace koi::conformance
