// SPDX-License-Identifier: GPL-2.0-only
// `koi explore x.ko --seeds A..B --strategy S`: runs the modules under many schedules, says what was found in how many of them, and
// makes the rarest grave finding small: a seed, the line that replays it, the fewest switches, who held what when.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/minimise.h"
#include "cli/run_json.h"
#include "cli/schedule_runner.h"
#include "cli/terminal.h"
#include "report/lanes.h"

namespace koi::cli {
namespace {

constexpr u64 kMostSeeds = 100'000'000;
constexpr u64 kMostMinimisingRuns = 2'000;
constexpr size_t kMostSingleSwitches = 1'000;

struct SeedRange {
  u64 first = 1;
  u64 last = 1000;
};

struct Options {
  MachineOptions machine;
  std::vector<std::string> words;
  SeedRange seeds;
  u32 jobs = 1;
  bool log = false;
  std::string report;  // HTML file
  std::string schedule_file;
  bool steps_given = false;
  bool json = false;
};

Result<SeedRange> parse_seeds(std::string_view text) {
  SeedRange range;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  auto rest = first.ptr;
  bool good = first.ec == std::errc();
  range.last = range.first;
  if (good && rest != end) {
    good = end - rest > 2 && rest[0] == '.' && rest[1] == '.';
    if (good) {
      const auto last = std::from_chars(rest + 2, end, range.last);
      good = last.ec == std::errc() && last.ptr == end;
    }
  }
  if (!good || range.last < range.first) return make_error("'{}' is no range of seeds: FIRST..LAST", text);
  if (range.last - range.first >= kMostSeeds)
    return make_error("'{}' are more than {} seeds", text, kMostSeeds);
  return range;
}

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("-_./=,:@%+", c) != nullptr;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

const char* strategy_name(const sched::InterleaverConfig& schedule) {
  switch (schedule.strategy) {
    case sched::Strategy::kRandom:
      return "random";
    case sched::Strategy::kPct:
      return "pct";
    case sched::Strategy::kRoundRobin:
      return "round-robin";
    default:
      return "stock";
  }
}

std::string strategy_words(const sched::InterleaverConfig& schedule) {
  switch (schedule.strategy) {
    case sched::Strategy::kRandom:
      return " --strategy random";
    case sched::Strategy::kPct:
      return fmt::format(" --strategy pct --depth {} --steps {}", schedule.depth, schedule.steps);
    case sched::Strategy::kRoundRobin:
      return " --strategy round-robin";
    default:
      return {};
  }
}

// The line that runs one schedule again: what was asked for, less what is the default.
std::string replay_line(const Options& options, u64 seed, const std::string& schedule) {
  const MachineOptions defaults;
  const MachineOptions& machine = options.machine;
  std::string line = "koi run";
  for (const std::string& word : options.words) line += " " + shell_word(word);
  line += fmt::format(" --seed {}{}", seed, schedule);
  if (machine.cpus != defaults.cpus) line += fmt::format(" --cpus {}", machine.cpus);
  if (machine.memory_bytes != defaults.memory_bytes)
    line += fmt::format(" --memory {}", machine.memory_bytes);
  if (machine.nodes != defaults.nodes) line += fmt::format(" --nodes {}", machine.nodes);
  if (machine.memcg_bytes)
    line += *machine.memcg_bytes == kNoMemcgLimit ? " --memcg max"
                                                  : fmt::format(" --memcg {}", *machine.memcg_bytes);
  if (!machine.kernel.empty()) line += " --kernel " + shell_word(machine.kernel);
  if (!machine.command_line.empty()) line += " --cmdline " + shell_word(machine.command_line);
  if (machine.checks != defaults.checks) line += " --checks stock";
  if (machine.accounting != defaults.accounting) line += " --accounting off";
  if (machine.timeout_s != defaults.timeout_s) line += fmt::format(" --timeout {}", machine.timeout_s);
  for (const runtime::ScriptedIrq& irq : machine.irqs) line += " --irq " + shell_word(irq.text);
  if (machine.lazy) line += " --lazy";
  return line;
}

// What one finding was seen in.
struct Count {
  RunFinding finding;
  u64 runs = 0;
  u64 first_seed = 0;
};

class Exploration {
 public:
  Exploration(const Options& options, ScheduleRunner& runner) : options_(options), runner_(runner) {}

  // The run whose CPUs are never switched but where they must: what is found there is no matter of schedules.
  ExitCode run_undisturbed();
  void run_all();
  void print_table();
  // Shows the worst finding that depends on the schedule, or else the worst one.
  void show_one();
  void print_json() const;
  [[nodiscard]] ExitCode exit_code() const;

 private:
  // Shown one: where it is, and how it is had again.
  struct Telling {
    RunFinding finding;
    u64 seed = 0;
    std::string replay, minimised, lanes;
    sched::Schedule schedule;  // the smallest
    size_t switches_found = 0;
    u64 runs = 0;
    bool repeated = false;  // by the noted schedule
  };

  [[nodiscard]] u32 least_severity() const;
  [[nodiscard]] std::vector<const Count*> counts_by_weight() const;
  void print(const std::string& text) const {
    if (!options_.json) print_text(text);
  }
  void note(u64 seed, const ScheduleResult& result);
  [[nodiscard]] const Count* most_telling() const;
  [[nodiscard]] sched::InterleaverConfig written(const sched::Schedule& schedule) const;
  // A schedule of one switch that shows the finding; empty: none was found.
  [[nodiscard]] sched::Schedule find_single_switch(u64 seed, const RunFinding& finding, u64& runs);
  void write_files(const Count& count, const std::string& summary, const sched::Schedule& smallest,
                   const ScheduleResult& last);

  const Options& options_;
  ScheduleRunner& runner_;
  sched::InterleaverConfig strategy_;
  ScheduleResult undisturbed_;
  std::map<std::pair<std::string, std::string>, Count> counts_;
  std::set<s32> pids_;             // of tasks that gave way
  std::vector<u64> broken_seeds_;  // koi itself failed
  std::optional<Telling> telling_;
  u64 clean_ = 0;
  bool write_failed_ = false;
};

u32 Exploration::least_severity() const {
  u32 least = ~0U;
  const std::vector<std::string>& kinds = options_.machine.fail_on;
  for (const std::string& kind : kinds) {
    if (kind == "any" || kind == "leak") least = std::min(least, 1U);
    if (kind == "warning") least = std::min(least, 2U);
    if (kind == "lock" || kind == "race") least = std::min(least, 3U);
    if (kind == "oops") least = std::min(least, kModuleErrorSeverity + 1);
  }
  return least;
}

sched::InterleaverConfig Exploration::written(const sched::Schedule& schedule) const {
  sched::InterleaverConfig config;
  config.strategy = sched::Strategy::kSchedule;
  config.schedule = schedule;
  return config;
}

void Exploration::note(u64 seed, const ScheduleResult& result) {
  if (!result.complete) {
    broken_seeds_.push_back(seed);
    return;
  }
  for (const sched::Switch& one : result.taken) {
    if (one.pid != 0) pids_.insert(one.pid);
  }
  const bool clean = std::none_of(result.findings.begin(), result.findings.end(),
                                  [](const RunFinding& f) { return f.severity != 0; });
  if (clean) ++clean_;
  for (const RunFinding& finding : result.findings) {
    Count& count = counts_[{finding.kind, finding.text}];
    count.finding = finding;
    ++count.runs;
    if (count.first_seed == 0 || seed < count.first_seed) count.first_seed = seed;
  }
}

ExitCode Exploration::run_undisturbed() {
  strategy_ = options_.machine.schedule;
  undisturbed_ = runner_.run({options_.seeds.first, written({}), false});
  if (!undisturbed_.complete || undisturbed_.exit == ExitCode::kUnusable) {
    // Once more, to be seen.
    runner_.show_logs();
    const ScheduleResult seen = runner_.run({options_.seeds.first, written({}), false});
    return seen.complete ? seen.exit : ExitCode::kKoiFault;
  }
  if (!options_.steps_given) strategy_.steps = std::max<u64>(undisturbed_.choices, 1);
  return ExitCode::kSuccess;
}

void Exploration::run_all() {
  if (options_.log) runner_.show_logs();
  const u64 count = options_.seeds.last - options_.seeds.first + 1;
  const auto start = std::chrono::steady_clock::now();
  runner_.run_all(
      count, options_.log ? 1 : options_.jobs,
      [&](u64 index) {
        return ScheduleJob{options_.seeds.first + index, strategy_, false};
      },
      [&](u64 index, const ScheduleResult& result) { note(options_.seeds.first + index, result); });
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  print_error("{} schedules in {:.2f} s: {:.0f} a second, in {} processes at a time", count, spent.count(),
              static_cast<double>(count) / spent.count(), options_.log ? 1 : options_.jobs);
  std::sort(broken_seeds_.begin(), broken_seeds_.end());
}

std::vector<const Count*> Exploration::counts_by_weight() const {
  std::vector<const Count*> rows;
  for (const auto& [key, count] : counts_) rows.push_back(&count);
  std::stable_sort(rows.begin(), rows.end(), [](const Count* a, const Count* b) {
    return std::pair(b->finding.severity, a->runs) < std::pair(a->finding.severity, b->runs);
  });
  return rows;
}

void Exploration::print_table() {
  const u64 count = options_.seeds.last - options_.seeds.first + 1;
  std::string text =
      fmt::format("{} schedules, seeds {}..{},{}; {} switch points with a choice when undisturbed\n", count,
                  options_.seeds.first, options_.seeds.last, strategy_words(strategy_), undisturbed_.choices);
  for (const Count* const row : counts_by_weight()) {
    const bool always = undisturbed_.has(row->finding);
    text += fmt::format("{:>8} {}: {} (seed {}{})\n", row->runs, row->finding.kind, row->finding.text,
                        row->first_seed, always ? ", and without any switch" : "");
  }
  text += fmt::format("{:>8} without a finding\n", clean_);
  for (const u64 seed : broken_seeds_) text += fmt::format("koi itself failed with seed {}\n", seed);
  print(text);
}

const Count* Exploration::most_telling() const {
  const Count* best = nullptr;
  const auto order = [&](const Count& c) {
    return std::tuple(undisturbed_.has(c.finding), ~c.finding.severity, c.runs, c.first_seed);
  };
  for (const auto& [key, count] : counts_) {
    if (count.finding.severity == 0 ||
        count.finding.severity < std::min(least_severity(), kModuleErrorSeverity))
      continue;
    if (best == nullptr || order(count) < order(*best)) best = &count;
  }
  return best;
}

// Taking switches out of one schedule need not lead to the fewest: a single one at another place may do.
sched::Schedule Exploration::find_single_switch(u64 seed, const RunFinding& finding, u64& runs) {
  sched::Schedule places;
  for (u64 point = 1; point <= undisturbed_.choices; ++point) {
    for (const s32 pid : pids_) {
      for (u32 cpu = 0; cpu < options_.machine.cpus; ++cpu) places.push_back({pid, 0, point, cpu});
    }
  }
  places.resize(std::min(places.size(), kMostSingleSwitches));
  size_t best = places.size();
  runner_.run_all(
      places.size(), options_.jobs,
      [&](u64 index) {
        return ScheduleJob{seed, written({places[index]}), false};
      },
      [&](u64 index, const ScheduleResult& result) {
        if (result.has(finding)) best = std::min<size_t>(best, index);
      });
  runs += places.size();
  if (best == places.size()) return {};
  return {places[best]};
}

void Exploration::show_one() {
  const Count* const count = most_telling();
  if (count == nullptr) return;
  const u64 seed = count->first_seed;
  Telling& telling = telling_.emplace(Telling{});
  telling.finding = count->finding;
  telling.seed = seed;
  telling.replay = replay_line(options_, seed, strategy_words(strategy_));
  const ScheduleResult found = runner_.run({seed, strategy_, false});
  u64 runs = 0;
  const auto fails = [&](const sched::Schedule& schedule) {
    ++runs;
    return runner_.run({seed, written(schedule), false}).has(count->finding);
  };
  std::string summary =
      fmt::format("\n{}: {}\n  replay:     {}\n", count->finding.kind, count->finding.text, telling.replay);
  if (!fails(found.taken)) {
    print(summary + "  The schedule that was noted does not repeat it; the seed does.\n");
    return;
  }
  telling.repeated = true;
  sched::Schedule smallest = minimise(found.taken, fails, kMostMinimisingRuns);
  if (smallest.size() > 1) {
    if (const auto single = find_single_switch(seed, count->finding, runs); !single.empty())
      smallest = single;
  }
  const std::string words = sched::format_schedule(smallest);
  telling.minimised = replay_line(options_, seed, " --schedule " + shell_word(words));
  summary += fmt::format("  minimised:  {}\n  {} of {} switches are left after {} runs{}\n",
                         telling.minimised, smallest.size(), found.taken.size(), runs,
                         runs >= kMostMinimisingRuns ? "; there may be fewer" : "; none can be left out");
  const ScheduleResult last = runner_.run({seed, written(smallest), true});
  telling.schedule = smallest;
  telling.switches_found = found.taken.size();
  telling.runs = runs;
  telling.lanes = last.lanes_text;
  print(summary + "\n" + last.lanes_text);
  write_files(*count, summary, smallest, last);
}

void Exploration::write_files(const Count& count, const std::string& summary, const sched::Schedule& smallest,
                              const ScheduleResult& last) {
  const auto write = [&](const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (file) return;
    print_error("{}: cannot be written: {}", path, std::strerror(errno));
    write_failed_ = true;
  };
  if (!options_.schedule_file.empty())
    write(options_.schedule_file, fmt::format("# {}: {}\n{}\n", count.finding.kind, count.finding.text,
                                              sched::format_schedule(smallest)));
  if (!options_.report.empty())
    write(options_.report, report::lanes_page(fmt::format("{}: {}", count.finding.kind, count.finding.text),
                                              summary, last.lanes_html));
}

void Exploration::print_json() const {
  nlohmann::ordered_json document = document_begin();
  document["kernel"] = runner_.kernel_release();
  document["cpus"] = options_.machine.cpus;
  document["modules"] = options_.words;
  nlohmann::ordered_json& strategy = document["strategy"];
  strategy["name"] = strategy_name(strategy_);
  if (strategy_.strategy == sched::Strategy::kPct) {
    strategy["depth"] = strategy_.depth;
    strategy["steps"] = strategy_.steps;
  }
  document["seeds"] = {{"first", options_.seeds.first}, {"last", options_.seeds.last}};
  document["choices_undisturbed"] = undisturbed_.choices;
  document["clean"] = clean_;
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Count* const count : counts_by_weight()) {
    findings.push_back({{"kind", count->finding.kind},
                        {"text", count->finding.text},
                        {"schedules", count->runs},
                        {"first_seed", count->first_seed},
                        {"without_switches", undisturbed_.has(count->finding)}});
  }
  document["findings"] = findings;
  document["koi_failed"] = broken_seeds_;
  if (telling_) {
    nlohmann::ordered_json& shown = document["shown"];
    shown = {{"kind", telling_->finding.kind},
             {"text", telling_->finding.text},
             {"seed", telling_->seed},
             {"replay", telling_->replay}};
    if (telling_->repeated) {
      shown["minimised"] = {{"replay", telling_->minimised},
                            {"schedule", sched::format_schedule(telling_->schedule)},
                            {"switches", telling_->schedule.size()},
                            {"of", telling_->switches_found},
                            {"runs", telling_->runs},
                            {"fewest", telling_->runs < kMostMinimisingRuns}};
      shown["lanes"] = telling_->lanes;
    }
  }
  document["exit"] = static_cast<int>(exit_code());
  print_document(document);
}

ExitCode Exploration::exit_code() const {
  if (!broken_seeds_.empty()) return ExitCode::kKoiFault;
  if (write_failed_) return ExitCode::kUnusable;
  bool module_error = false;
  for (const auto& [key, count] : counts_) {
    if (count.finding.kind == "module")
      module_error = true;
    else if (count.finding.severity != 0 && count.finding.severity >= least_severity())
      return ExitCode::kFinding;
  }
  return module_error ? ExitCode::kModuleError : ExitCode::kSuccess;
}

ExitCode explore(Options& options) {
  options.json = std::exchange(options.machine.json, false);
  const auto refuse = [&](const std::string& message) {
    print_error("{}", message);
    if (options.json) print_json_error(message, ExitCode::kUnusable);
    return ExitCode::kUnusable;
  };
  if (options.machine.gdb || options.machine.color == ColorWhen::kAlways)
    return refuse("koi explore prints plain text: leave out --gdb and --color=always");
  if (options.json && options.log) return refuse("--log prints every run as text: leave out --json");
  if (options.machine.realtime)
    return refuse("koi explore does not wait for the host's clock: leave out --realtime");
  auto runner = ScheduleRunner::create(options.machine, options.words);
  if (!runner.ok()) return refuse(runner.error().message);
  Exploration exploration(options, **runner);
  if (const ExitCode code = exploration.run_undisturbed(); code != ExitCode::kSuccess) return code;
  exploration.run_all();
  exploration.print_table();
  exploration.show_one();
  if (options.json) exploration.print_json();
  return exploration.exit_code();
}

}  // namespace

Runner setup_explore(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->machine.schedule.strategy = sched::Strategy::kPct;
  options->machine.fail_on = {"any"};
  options->jobs = std::max(1U, std::thread::hardware_concurrency());
  add_machine_options(app, options->machine);
  app.remove_option(app.get_option("--seed"));
  app.get_option("--fail-on")->default_str("any");
  app.add_option_function<std::string>(
         "--seeds",
         [options](const std::string& text) {
           const Result<SeedRange> range = parse_seeds(text);
           if (!range.ok()) throw CLI::ValidationError("--seeds", range.error().message);
           options->seeds = *range;
         },
         "the seeds to try, one schedule each")
      ->type_name("A..B")
      ->default_str("1..1000");
  app.add_option("--jobs", options->jobs, "processes at a time; default: one for each processor")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.get_option("--json")->description(
      "print what was found as one JSON document: findings, seeds, the smallest schedule, its lanes");
  app.add_flag("--log", options->log, "print log and verdict of every run, one after the other");
  app.add_option("--report", options->report,
                 "write the lane diagram of the smallest schedule to an HTML page")
      ->type_name("FILE.html");
  app.add_option("--write-schedule", options->schedule_file,
                 "write the smallest schedule to a file, for koi run --schedule")
      ->type_name("FILE");
  app.add_option("modules", options->words,
                 "MODULE.ko [PARAMETER=VALUE ...] ...: modules in the order of loading")
      ->required()
      ->type_name("");
  return [options, &app] {
    options->steps_given = app.count("--steps") != 0;
    if (options->machine.schedule.strategy == sched::Strategy::kStock) {
      print_error("--strategy stock is what koi run does; explore with random, pct or round-robin");
      return ExitCode::kUnusable;
    }
    return explore(*options);
  };
}

}  // namespace koi::cli
