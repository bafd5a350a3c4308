// SPDX-License-Identifier: GPL-2.0-only
#include "cli/memory_session.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "cli/terminal.h"
#include "report/budget.h"
#include "report/memory_report.h"

namespace koi::cli {
namespace {

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file) return true;
  print_error("{}: cannot be written: {}", path, std::strerror(errno));
  return false;
}

ExitCode compare_with_budget(const report::MemoryReport& report, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    print_error("{}: {}; make one with --write-budget {}", path, std::strerror(errno), path);
    return ExitCode::kUnusable;
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto allowed = report::parse_budget(text, path);
  if (!allowed.ok()) {
    print_error("{}", allowed.error().message);
    return ExitCode::kUnusable;
  }
  const std::vector<std::string> over = report::over_budget(*allowed, report::budget_of(report));
  for (const std::string& line : over) print_error("over budget: {}", line);
  return over.empty() ? ExitCode::kSuccess : ExitCode::kFinding;
}

void print_leaks(const report::Trace& trace) {
  std::string text;
  for (const report::Leak& leak : report::analyse(trace).leaks) {
    text += fmt::format("koi: leaked: {} object{} of {} bytes in all, {}\n", leak.objects,
                        leak.objects == 1 ? "" : "s", leak.actual, trace.sites[leak.site].callee);
    for (const std::string& frame : trace.stacks[leak.stack]) text += fmt::format("      {}\n", frame);
  }
  print_error_text(text);
}

}  // namespace

void add_report_option(CLI::App& app, MemoryOptions& options) {
  app.add_option("--report", options.html_file, "write the memory report as one HTML file")
      ->type_name("FILE.html");
}

void add_budget_options(CLI::App& app, MemoryOptions& options) {
  app.add_option("--budget", options.budget_file,
                 "exit with 3 if a call site holds or wastes more than FILE allows")
      ->type_name("FILE");
  app.add_option("--write-budget", options.new_budget_file,
                 "write what each call site takes now, as a budget")
      ->type_name("FILE");
}

ExitCode report_trace(const report::Trace& trace, const MemoryOptions& options) {
  if (!options.wants_report()) return ExitCode::kSuccess;
  const report::MemoryReport report = report::make_memory_report(trace);
  ExitCode code = ExitCode::kSuccess;
  if (options.json) {
    fmt::print("{}", report::report_json(report));
  } else if (options.text) {
    fmt::print("{}", report::report_text(report));
  }
  std::fflush(stdout);
  if (!options.html_file.empty() && !write_file(options.html_file, report::report_html(report)))
    code = ExitCode::kUnusable;
  if (!options.new_budget_file.empty() &&
      !write_file(options.new_budget_file, report::budget_text(report::budget_of(report)))) {
    code = ExitCode::kUnusable;
  }
  if (code == ExitCode::kSuccess && !options.budget_file.empty())
    code = compare_with_budget(report, options.budget_file);
  return code;
}

MemorySession::MemorySession(runtime::Kernel& kernel, const MemoryOptions& options) : options_(options) {
  if (options.wants_recording()) recorder_ = std::make_unique<report::Recorder>(kernel);
}

ExitCode MemorySession::finish(ExitCode so_far) {
  if (recorder_ == nullptr) return so_far;
  const report::Trace trace = recorder_->take();
  recorder_.reset();
  ExitCode code = ExitCode::kSuccess;
  if (!options_.trace_file.empty()) {
    if (const Status written = report::write_trace(trace, options_.trace_file); !written.ok()) {
      print_error("{}", written.error().message);
      code = ExitCode::kUnusable;
    }
  }
  if (options_.leak_traces) print_leaks(trace);
  if (const ExitCode reported = report_trace(trace, options_); code == ExitCode::kSuccess) code = reported;
  return so_far == ExitCode::kSuccess ? code : so_far;
}

}  // namespace koi::cli
