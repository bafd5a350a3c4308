// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

namespace koi::cli {

namespace {

std::string kinds_text() { return fmt::format("{}", fmt::join(kFailureKinds, ", ")); }

bool is_kind(std::string_view kind) {
  return kind == "none" || kind == "any" ||
         std::find(std::begin(kFailureKinds), std::end(kFailureKinds), kind) != std::end(kFailureKinds);
}

// Not a list option: CLI11 would let it swallow the module file that follows.
std::vector<std::string> split_kinds(std::string_view text) {
  std::vector<std::string> kinds;
  for (;;) {
    const std::size_t comma = text.find(',');
    kinds.emplace_back(text.substr(0, comma));
    if (!is_kind(kinds.back())) {
      throw CLI::ValidationError("--fail-on", fmt::format("'{}' is no kind of finding: {}, any or none",
                                                          kinds.back(), kinds_text()));
    }
    if (comma == std::string_view::npos) return kinds;
    text.remove_prefix(comma + 1);
  }
}

// An option that takes one word of `words`, separated by '|' in the help, and stores the value beside it.
template <class T>
void add_choice(CLI::App& app, const std::string& name, T& target,
                std::vector<std::pair<std::string, T>> words, const std::string& help) {
  std::vector<std::string> names;
  std::string default_name;
  for (const auto& [word, value] : words) {
    names.push_back(word);
    if (value == target) default_name = word;
  }
  const std::string choices = fmt::format("{}", fmt::join(names, "|"));
  app.add_option_function<std::string>(
         name,
         [&target, words, choices, name](const std::string& word) {
           for (const auto& [known, value] : words) {
             if (known == word) {
               target = value;
               return;
             }
           }
           throw CLI::ValidationError(name, fmt::format("'{}' is none of {}", word, choices));
         },
         help)
      ->type_name(choices)
      ->default_str(default_name);
}

}  // namespace

Result<sched::Schedule> read_schedule(const std::string& text) {
  std::ifstream file(text);
  if (!file) {
    Result<sched::Schedule> parsed = sched::parse_schedule(text);
    if (!parsed.ok() && text.find_first_of("@,>") == std::string::npos)
      return make_error("{}: {}", text, std::strerror(ENOENT));
    return parsed;
  }
  const std::string content(std::istreambuf_iterator<char>(file), {});
  return sched::parse_schedule(content);
}

Result<u64> parse_size(std::string_view text) {
  u64 number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return make_error("'{}' is too large", text);
  if (error != std::errc()) return make_error("'{}' is not a size: use a number with k, M or G", text);
  unsigned shift = 0;
  if (rest != end) {
    switch (*rest) {
      case 'k':
      case 'K':
        shift = 10;
        break;
      case 'm':
      case 'M':
        shift = 20;
        break;
      case 'g':
      case 'G':
        shift = 30;
        break;
      default:
        shift = 64;
    }
    if (shift == 64 || rest + 1 != end)
      return make_error("'{}' is not a size: use a number with k, M or G", text);
  }
  if (number > (std::numeric_limits<u64>::max() >> shift)) return make_error("'{}' is too large", text);
  return number << shift;
}

void add_kernel_option(CLI::App& app, std::string& release) {
  app.add_option(
         "--kernel", release,
         "the kernel release to be, as 'ls /lib/modules' names it, or a series: 6.1, 6.12, 6.1-cloud-amd64")
      ->type_name("RELEASE");
}

void add_strategy_options(CLI::App& app, sched::InterleaverConfig& schedule) {
  using sched::Strategy;
  add_choice<Strategy>(app, "--strategy", schedule.strategy,
                       {{"stock", Strategy::kStock},
                        {"random", Strategy::kRandom},
                        {"pct", Strategy::kPct},
                        {"round-robin", Strategy::kRoundRobin}},
                       "which virtual CPU goes on at a switch point, from the seed");
  app.add_option("--depth", schedule.depth,
                 "pct: the number of places that a bug needs to fall together, 1 to 64")
      ->type_name("D")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--steps", schedule.steps,
                 "pct: about how many switch points the run has; koi explore measures it")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(u64{1}, u64{1} << 40));
  app.parse_complete_callback([&app, &schedule] {
    for (const char* const name : {"--depth", "--steps"}) {
      if (schedule.strategy != Strategy::kPct && app.count(name) != 0)
        throw CLI::ValidationError(name, "belongs to --strategy pct");
    }
  });
}

void add_schedule_option(CLI::App& app, sched::InterleaverConfig& schedule) {
  app.add_option_function<std::string>(
         "--schedule",
         [&schedule](const std::string& text) {
           const Result<sched::Schedule> parsed = read_schedule(text);
           if (!parsed.ok()) throw CLI::ValidationError("--schedule", parsed.error().message);
           schedule.schedule = *parsed;
           schedule.strategy = sched::Strategy::kSchedule;
         },
         "replay a schedule of koi explore: its text, or the file that holds it")
      ->type_name("SCHEDULE|FILE");
}

void add_machine_options(CLI::App& app, MachineOptions& options) {
  app.add_option("--cpus", options.cpus, "number of virtual CPUs, 1 to 64")
      ->type_name("N")
      ->capture_default_str()
      ->check([](const std::string& text) {
        u32 n = 0;
        const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), n);
        const bool good = error == std::errc() && rest == text.data() + text.size() && n >= 1 && n <= 64;
        return good ? std::string() : "'" + text + "' is not a number of CPUs from 1 to 64";
      });
  app.add_option_function<std::string>(
         "--memory",
         [&options](const std::string& text) {
           const Result<u64> size = parse_size(text);
           if (!size) throw CLI::ValidationError("--memory", size.error().message);
           options.memory_bytes = *size;
         },
         "RAM of the virtual machine, with k, M or G")
      ->type_name("SIZE")
      ->default_str("1G");
  app.add_option("--nodes", options.nodes,
                 "number of NUMA nodes, 1 to 8, which share RAM and CPUs in equal parts")
      ->type_name("N")
      ->capture_default_str()
      ->check([](const std::string& text) {
        const bool good = text.size() == 1 && text[0] >= '1' && text[0] <= '8';
        return good ? std::string() : "'" + text + "' is not a number of nodes from 1 to 8";
      });
  app.add_option_function<std::string>(
         "--memcg",
         [&options](const std::string& text) {
           const Result<u64> size = text == "max" ? Result<u64>(kNoMemcgLimit) : parse_size(text);
           if (!size) throw CLI::ValidationError("--memcg", size.error().message);
           options.memcg_bytes = *size;
         },
         "run the tasks in a memory cgroup, /sys/fs/cgroup/koi, with this memory.max")
      ->type_name("SIZE|max");
  app.add_option("--seed", options.seed, "what every random choice comes from; same seed, same bytes")
      ->type_name("N")
      ->capture_default_str();
  add_strategy_options(app, options.schedule);
  add_kernel_option(app, options.kernel);
  app.add_option_function<std::string>(
         "--fail-on", [&options](const std::string& text) { options.fail_on = split_kinds(text); },
         fmt::format("findings that make koi exit with 3: {}, any, none; each kind includes the worse ones",
                     kinds_text()))
      ->type_name("KIND,...")
      ->default_str("oops");
  app.add_option("--cmdline", options.command_line,
                 "the kernel's boot command line, as \"slub_debug=FZPU panic_on_warn=1\"")
      ->type_name("OPTIONS");
  app.add_option("--log-level", options.log_level,
                 "print kernel messages of a level below N, 0 to 8; default: as --cmdline says, else all")
      ->type_name("N")
      ->check([](const std::string& text) {
        const bool good = text.size() == 1 && text[0] >= '0' && text[0] <= '8';
        return good ? std::string() : "'" + text + "' is not a log level from 0 to 8";
      });
  add_choice<LogFormat>(app, "--log-format", options.log_format,
                        {{"dmesg", LogFormat::kDmesg}, {"raw", LogFormat::kRaw}, {"kmsg", LogFormat::kKmsg}},
                        "how kernel messages are printed: as dmesg, dmesg -r, or /dev/kmsg records");
  add_choice<ColorWhen>(
      app, "--color", options.color,
      {{"auto", ColorWhen::kAutomatic}, {"always", ColorWhen::kAlways}, {"never", ColorWhen::kNever}},
      "colour the kernel's messages by level; auto: on a terminal, unless NO_COLOR is set");
  app.add_flag("--json", options.json, "print the run as one JSON document: modules, log, findings, verdict");
  app.add_option("--timeout", options.timeout_s, "end the run after this much CPU time, in seconds")
      ->type_name("SECONDS")
      ->capture_default_str();
  add_choice<bool>(app, "--accounting", options.accounting, {{"on", true}, {"off", false}},
                   "keep count of which call site asked for which memory");
  add_choice<runtime::GuardObjects>(
      app, "--guard", options.guard,
      {{"off", runtime::GuardObjects::kOff},
       {"sample", runtime::GuardObjects::kSample},
       {"all", runtime::GuardObjects::kAll}},
      "put slab objects beside guard pages and freed ones into quarantine: none, one in 16, or all");
  add_choice<runtime::Checks>(
      app, "--checks", options.checks, {{"all", runtime::Checks::kAll}, {"stock", runtime::Checks::kStock}},
      "look for misuse as debug kernels do, or only for what the distribution's kernel looks for");
  app.add_option_function<std::vector<std::string>>(
         "--irq",
         [&options](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             const Result<runtime::ScriptedIrq> irq = runtime::parse_scripted_irq(text);
             if (!irq.ok()) throw CLI::ValidationError("--irq", irq.error().message);
             options.irqs.push_back(*irq);
           }
         },
         "raise interrupt LINE at that virtual time, with every= again each period, count= times in all")
      ->allow_extra_args(false)
      ->type_name("LINE@TIME[,every=TIME,count=N]");
  app.add_flag("--lazy", options.lazy,
               "load modules with missing symbols; calling one is an oops that names it");
  app.add_flag("--realtime", options.realtime,
               "virtual time does not run ahead of the host's: a sleep of a second takes one");
  app.add_flag("--no-leaves", options.no_leaves)->group("");
  app.add_flag("--under-gdb", options.under_gdb)->group("");
  app.add_flag("--force-koi-fault", options.force_koi_fault)->group("");
  app.add_flag("--gdb", options.gdb,
               "start gdb on the run, with the module's symbols and koi's signals arranged");
}

}  // namespace koi::cli
