// SPDX-License-Identifier: GPL-2.0-only
// `koi mem`, `koi record`, `koi replay`, `koi import`: where memory goes.
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/memory_session.h"
#include "cli/run_session.h"
#include "cli/terminal.h"
#include "report/import.h"

namespace koi::cli {
namespace {

constexpr u32 kWarningsAndWorse = 5;

struct RunOptions {
  MachineOptions machine;
  MemoryOptions memory;
  std::vector<std::string> words;
};

void add_modules(CLI::App& app, RunOptions& options) {
  app.add_option("modules", options.words,
                 "MODULE.ko [PARAMETER=VALUE ...] ...: modules in the order of loading")
      ->required()
      ->type_name("");
}

// Files that cannot be read, or "-" for stdin.
Result<std::string> read_text(const std::string& path) {
  if (path == "-")
    return std::string{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  std::ifstream file(path, std::ios::binary);
  if (!file) return make_error("{}: {}", path, std::strerror(errno));
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_modelled(std::string_view release) {
  for (const std::string_view series : {"6.1", "6.12"}) {
    if (release == series || release.starts_with(fmt::format("{}.", series))) return true;
  }
  return false;
}

ExitCode import_file(const std::string& path, const std::string& out, const std::string& release) {
  if (!is_modelled(release)) {
    print_error("--kernel {}: koi models 6.1 and 6.12 only; name the nearer one", release);
    return ExitCode::kUnusable;
  }
  const auto text = read_text(path);
  if (!text.ok()) {
    print_error("{}", text.error().message);
    return ExitCode::kUnusable;
  }
  report::ImportNotes notes;
  const auto trace = report::import_trace(*text, path, release, notes);
  for (const std::string& line : notes.bad_lines) print_error("{}:{}", path, line);
  if (notes.bad_line_count > notes.bad_lines.size())
    print_error("{}: {} more lines that cannot be read", path, notes.bad_line_count - notes.bad_lines.size());
  Status written = Ok{};
  if (trace.ok()) written = report::write_trace(*trace, out);
  if (!trace.ok() || !written.ok()) {
    print_error("{}", trace.ok() ? written.error().message : trace.error().message);
    return ExitCode::kUnusable;
  }
  fmt::print("{}: {} events of {} lines; {} bad lines, {} others left out\n", out, notes.events, notes.lines,
             notes.bad_line_count, notes.other_events);
  return notes.bad_line_count == 0 ? ExitCode::kSuccess : ExitCode::kFinding;
}

}  // namespace

Runner setup_mem(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  options->machine.log_level = kWarningsAndWorse;
  add_machine_options(app, options->machine);
  add_report_option(app, options->memory);
  add_budget_options(app, options->memory);
  add_modules(app, *options);
  app.footer("The report goes to stdout, with --json as JSON; the kernel log and the verdict go to stderr.");
  return [options] {
    options->memory.text = !options->machine.json;
    options->memory.json = options->machine.json;
    options->memory.log_aside = true;
    return run_modules(options->machine, options->words, options->memory);
  };
}

Runner setup_record(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  add_machine_options(app, options->machine);
  app.add_option("-o,--output", options->memory.trace_file, "the trace file to write")
      ->type_name("FILE")
      ->required();
  add_modules(app, *options);
  return [options] { return run_modules(options->machine, options->words, options->memory); };
}

Runner setup_replay(CLI::App& app) {
  struct Options {
    MemoryOptions memory;
    std::string path;
  };
  auto options = std::make_shared<Options>();
  app.add_flag("--json", options->memory.json, "print the report as JSON");
  add_report_option(app, options->memory);
  add_budget_options(app, options->memory);
  app.add_option("trace", options->path, "a trace of `koi record` or `koi import`")
      ->required()
      ->type_name("FILE");
  return [options] {
    const auto trace = report::read_trace(options->path);
    if (!trace.ok()) {
      print_error("{}", trace.error().message);
      return ExitCode::kUnusable;
    }
    options->memory.text = !options->memory.json;
    return report_trace(*trace, options->memory);
  };
}

Runner setup_import(CLI::App& app) {
  struct Options {
    std::string path, out, release = "6.1";
  };
  auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->out, "the trace file to write")->type_name("FILE")->required();
  app.add_option("--kernel", options->release, "the release of the kernel that was traced")
      ->type_name("RELEASE")
      ->capture_default_str();
  app.add_option("text", options->path, "what `perf script` or `trace-cmd report` printed; - for stdin")
      ->required()
      ->type_name("FILE");
  app.footer(
      "Record with: perf record -a -e 'kmem:*' or trace-cmd record -e kmem. Lines of kmem events that cannot "
      "be read "
      "are named, and the exit code is 3.");
  return [options] { return import_file(options->path, options->out, options->release); };
}

}  // namespace koi::cli
