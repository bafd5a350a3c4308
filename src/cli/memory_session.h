// SPDX-License-Identifier: GPL-2.0-only
// What `koi mem`, `koi record` and `--report` add to a run: its allocations are recorded, and afterwards there is a trace
// file, a report, or a comparison with a budget.
#pragma once

#include <memory>
#include <string>

#include "cli/exit_code.h"
#include "report/recorder.h"
#include "runtime/kernel.h"

namespace CLI {
class App;
}

namespace koi::cli {

struct MemoryOptions {
  bool text = false;         // the report on stdout
  bool json = false;         // the same as JSON
  bool leak_traces = false;  // the call trace of each leak on stderr
  bool log_aside = false;    // the kernel log goes to stderr: stdout is the report's
  std::string html_file;     // empty: none
  std::string trace_file;    // likewise
  std::string budget_file;   // compared with
  std::string new_budget_file;

  [[nodiscard]] bool wants_report() const {
    return text || json || !html_file.empty() || !budget_file.empty() || !new_budget_file.empty();
  }
  [[nodiscard]] bool wants_recording() const { return wants_report() || leak_traces || !trace_file.empty(); }
};

// --report FILE.html
void add_report_option(CLI::App& app, MemoryOptions& options);
// --budget, --write-budget
void add_budget_options(CLI::App& app, MemoryOptions& options);

// Writes and prints what the options ask for. kSuccess, kFinding (over budget) or kUnusable (a file cannot be written).
[[nodiscard]] ExitCode report_trace(const report::Trace& trace, const MemoryOptions& options);

class MemorySession {
 public:
  // Records `kernel` if the options ask for anything.
  MemorySession(runtime::Kernel& kernel, const MemoryOptions& options);
  // After the run. `so_far`: its exit code; a worse one of the report's replaces it.
  [[nodiscard]] ExitCode finish(ExitCode so_far);

 private:
  const MemoryOptions& options_;
  std::unique_ptr<report::Recorder> recorder_;
};

}  // namespace koi::cli
