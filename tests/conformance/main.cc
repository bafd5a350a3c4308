// SPDX-License-Identifier: GPL-2.0-only
// koi-conformance: runs the reference's modules under koi and compares what they print with what real kernels printed.
//
// One line for each row that differs, "FILE:ROW: expected ... got ...", then counts. Exit code: 0 when every row that
// is not a known gap matches, 1 when one does not (or a gap is stale, or a changed value went unnoticed), 2 when the
// comparison could not be made.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <set>

#include "cases.h"
#include "counts.h"
#include "gaps.h"
#include "mutation.h"
#include "text.h"

namespace koi::conformance {
namespace {

struct Options {
  Host host;
  std::vector<std::string> kernels = {"6.1", "6.12", "6.1-lockdep"};
  std::vector<std::string> files;  // only files whose name contains one of these
  std::vector<std::string> gaps;
  std::string counts;
  int mutations = -1;  // -1: no mutation check; 0: every value
  int shown = 40;      // mismatches printed for a file
  bool run = true;
  bool identity = false;
  bool propose_gaps = false;
};

struct Loaded {
  Case made;
  std::vector<ReferenceSection> sections;
  Document reference;
};

constexpr unsigned long long kMutationSeed = 20260101;

bool selected(const Options& options, const std::string& file) {
  if (options.files.empty()) return true;
  return std::any_of(options.files.begin(), options.files.end(),
                     [&](const std::string& part) { return file.find(part) != std::string::npos; });
}

Result<std::vector<Loaded>> load_cases(const Options& options) {
  std::vector<Loaded> loaded;
  for (const std::string& kernel : options.kernels) {
    for (Case& made : TRY(make_cases(options.host.reference, kernel))) {
      if (!selected(options, made.file)) continue;
      Loaded one{std::move(made), {}, {}};
      const std::string text = TRY(read_file(fmt::format("{}/{}", options.host.reference, one.made.file)));
      one.reference = one.made.reference(text);
      for (const Section& section : one.reference)
        one.sections.push_back(read_section(section, one.made.rules));
      loaded.push_back(std::move(one));
    }
  }
  return loaded;
}

std::vector<Run> runs_of(const std::vector<Loaded>& loaded) {
  std::vector<Run> runs;
  std::set<std::string> ids;
  for (const Loaded& one : loaded) {
    for (const Run& run : one.made.runs) {
      if (ids.insert(run.id).second) runs.push_back(run);
    }
  }
  return runs;
}

Document actual_of(const Options& options, const Loaded& one, const Captures& captures) {
  return options.identity ? one.reference : one.made.actual(captures);
}

Outcome compare_case(const Loaded& one, const Document& actual) {
  Outcome outcome;
  for (const ReferenceSection& section : one.sections) {
    const auto found =
        std::find_if(actual.begin(), actual.end(), [&](const Section& s) { return s.name == section.name; });
    Outcome part = compare(section, found == actual.end() ? nullptr : &*found, one.made.rules);
    outcome.rows += part.rows;
    outcome.compared += part.compared;
    outcome.not_comparable += part.not_comparable;
    std::move(part.failures.begin(), part.failures.end(), std::back_inserter(outcome.failures));
  }
  return outcome;
}

void print_failures(const Options& options, const Settled& file) {
  int shown = 0;
  for (const Failure& failure : file.failed) {
    if (shown++ == options.shown) {
      fmt::print("{}: {} more\n", file.file, file.failed.size() - static_cast<std::size_t>(options.shown));
      break;
    }
    fmt::print("{}:{}: expected {} got {}\n", file.file, failure.row, shorten(failure.expected, 300),
               shorten(failure.got, 300));
  }
  for (const std::string& message : file.stale) fmt::print("{}\n", message);
}

Result<int> check_all_mutations(const Options& options, const std::vector<Loaded>& loaded,
                                const Captures& captures) {
  int tried = 0;
  int survived = 0;
  std::vector<std::size_t> sizes;
  std::size_t all = 0;
  for (const Loaded& one : loaded) {
    sizes.push_back(values_of(one.sections).size());
    all += sizes.back();
  }
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    // Every file gets its share of the sample, and at least a few.
    int limit = 0;
    if (options.mutations > 0) {
      limit = std::max(
          3, static_cast<int>(static_cast<double>(options.mutations) * static_cast<double>(sizes[i]) /
                              static_cast<double>(std::max<std::size_t>(1, all))));
    }
    const Loaded& one = loaded[i];
    const MutationResult result = check_mutations(one.sections, actual_of(options, one, captures),
                                                  one.made.rules, limit, kMutationSeed + i);
    tried += result.tried;
    survived += static_cast<int>(result.survived.size());
    for (const std::string& message : result.survived) fmt::print("{}:{}\n", one.made.file, message);
  }
  fmt::print("{} expected values changed, {} noticed, {} unnoticed\n", tried, tried - survived, survived);
  if (tried == 0) return make_error("no expected value could be changed: nothing matches");
  return survived == 0 ? 0 : 1;
}

void print_totals(const std::vector<Settled>& files) {
  for (const Settled& file : files) {
    fmt::print("{}: {} rows, {} compared, {} matched, {} gaps, {} failed{}\n", file.file, file.rows,
               file.compared, file.matched, file.gaps, file.failed.size(),
               file.left_out ? " (left out)" : "");
  }
  const Totals goal = total(files, true);
  const Totals ahead = total(files, false);
  fmt::print("measured ahead: {} passed, {} failed, {} known gaps ({:.1f} %)\n", ahead.matched, ahead.failed,
             ahead.gaps, ahead.percent());
  fmt::print("{} passed, {} failed, {} known gaps ({:.1f} % of {} comparable rows)\n", goal.matched,
             goal.failed, goal.gaps, goal.percent(), goal.compared);
}

Status write_counts(const Options& options, const std::vector<Settled>& files) {
  std::vector<std::string> unread;
  for (const std::string& kernel : options.kernels) {
    const std::vector<Case> cases = TRY(make_cases(options.host.reference, kernel));
    for (std::string& path : unread_files(options.host.reference, kernel, cases))
      unread.push_back(std::move(path));
  }
  return write_file(options.counts, counts_page(files, unread));
}

Result<int> run_tool(const Options& options) {
  const std::vector<Loaded> loaded = TRY(load_cases(options));
  if (loaded.empty()) return make_error("no reference file is selected");
  const std::vector<Run> runs = runs_of(loaded);
  if (options.run && !options.identity) {
    for (const std::string& kernel : options.kernels) {
      TRY(build_modules(options.host, kernel));
      TRY(check_kernel(options.host, kernel));
    }
    TRY(execute(options.host, runs));
  }
  const Captures captures = options.identity ? Captures() : load_captures(options.host.captures, runs);
  if (options.mutations >= 0) return check_all_mutations(options, loaded, captures);

  Gaps gaps;
  for (const std::string& list : options.gaps) {
    if (options.identity) break;
    Gaps read = TRY(read_gaps(TRY(read_file(list))));
    gaps.entries.insert(gaps.entries.end(), read.entries.begin(), read.entries.end());
  }
  std::vector<Settled> files;
  bool good = true;
  for (const Loaded& one : loaded) {
    files.push_back(
        settle(one.made.file, one.made.goal, compare_case(one, actual_of(options, one, captures)), gaps));
    const Settled& file = files.back();
    if (options.propose_gaps) {
      fmt::print("{}", propose(file));
      continue;
    }
    print_failures(options, file);
    good = good && (file.failed.empty() || !file.goal) && file.stale.empty();
  }
  if (options.propose_gaps) return 0;
  fmt::print("{}", trouble(runs, captures));
  print_totals(files);
  if (!options.counts.empty()) TRY(write_counts(options, files));
  return good ? 0 : 1;
}

int tool_main(int argc, char** argv) {
  CLI::App app("Compares what modules print under koi with what real kernels printed");
  Options options;
  Host& host = options.host;
  host.koi = KOI_CONFORMANCE_KOI;
  host.reference = KOI_CONFORMANCE_REFERENCE;
  host.build = KOI_CONFORMANCE_BUILD;
  host.captures = KOI_CONFORMANCE_CAPTURES;
  host.script_tools = KOI_CONFORMANCE_SOURCE;
  options.gaps = {std::string(KOI_CONFORMANCE_SOURCE) + "/known_gaps.tsv",
                  std::string(KOI_CONFORMANCE_SOURCE) + "/lockdep_gaps.tsv"};
  app.add_option("--koi", host.koi, "the koi to test")->capture_default_str();
  app.add_option("--reference", host.reference, "the measurements")->capture_default_str();
  app.add_option("--build", host.build, "where the reference's modules are built")->capture_default_str();
  app.add_option("--captures", host.captures, "where koi's output is kept")->capture_default_str();
  app.add_option("--gaps", options.gaps, "the lists of known gaps")->capture_default_str();
  app.add_option("--kernel", options.kernels, "the kernels to compare with")->capture_default_str();
  app.add_option("--file", options.files, "only files whose name contains this");
  app.add_option("--counts", options.counts, "write the counts per file as a page of markdown");
  app.add_option("--jobs", host.jobs, "koi processes at a time")->capture_default_str();
  app.add_option("--timeout", host.timeout_seconds, "seconds for one koi process")->capture_default_str();
  app.add_option("--show", options.shown, "mismatches printed for a file")->capture_default_str();
  app.add_option("--mutate-check", options.mutations,
                 "change this many expected values (0: all), one at a time: each has to be noticed");
  app.add_flag("!--no-run", options.run, "compare the kept output, run nothing");
  app.add_flag("--identity", options.identity, "compare the reference with itself");
  app.add_flag("--propose-gaps", options.propose_gaps,
               "print the mismatches as lines for the list of known gaps");
  CLI11_PARSE(app, argc, argv);
  const Result<int> done = run_tool(options);
  if (done.ok()) return *done;
  fmt::print(stderr, "koi-conformance: {}\n", done.error().message);
  return 2;
}

}  // namespace
}  // namespace koi::conformance

int main(int argc, char** argv) { return koi::conformance::tool_main(argc, argv); }
