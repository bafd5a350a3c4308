// SPDX-License-Identifier: GPL-2.0-only
// Many runs of the same modules: one machine is booted, and each run is a fork of it that takes another seed and schedule.
// What a fork prints is the same as what `koi run` with that seed prints.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/run_session.h"
#include "engine/sched/schedule.h"
#include "host/ram_fork.h"

namespace koi::cli {

struct RunFinding {
  std::string kind;  // "oops", "lock" ...
  std::string text;
  u32 severity = 0;  // 0: nothing that a run fails for

  bool operator==(const RunFinding&) const = default;
};

struct ScheduleResult {
  bool complete = false;  // false: koi itself failed
  ExitCode exit = ExitCode::kSuccess;
  u64 choices = 0;  // switch points at which there was a choice
  sched::Schedule taken;
  std::vector<RunFinding> findings;    // each once, worst first
  std::string lanes_text, lanes_html;  // if they were asked for

  [[nodiscard]] bool has(const RunFinding& finding) const;
};

struct ScheduleJob {
  u64 seed = 1;
  sched::InterleaverConfig schedule;
  bool lanes = false;
};

// Levels of --fail-on: 1 leak, 2 warning, 3 lock, 4 a module's error, 5 oops.
inline constexpr u32 kModuleErrorSeverity = 4;

class ScheduleRunner {
 public:
  // Errors: as of `koi run`, before the first module is loaded. Both outlive the runner.
  static Result<std::unique_ptr<ScheduleRunner>> create(const MachineOptions& options,
                                                        const std::vector<std::string>& words);
  // In as many processes as `jobs`; `done` is called as they end, in no order.
  void run_all(u64 count, u32 jobs, const std::function<ScheduleJob(u64)>& job,
               const std::function<void(u64, ScheduleResult)>& done);
  [[nodiscard]] ScheduleResult run(const ScheduleJob& job);
  [[nodiscard]] const std::string& kernel_release() const { return kernel_->config().release; }
  // Shows log and verdict of every run from now on. Then only one may run at a time.
  void show_logs() { show_logs_ = true; }

 private:
  explicit ScheduleRunner(const MachineOptions& options) : options_(options) {}
  struct Child {
    int pid = 0;
    int pipe = -1;
    u64 index = 0;
    std::string text;
  };
  [[nodiscard]] Child start(const ScheduleJob& job);
  [[nodiscard]] static ScheduleResult finish(Child& child);
  [[noreturn]] void run_in_child(const ScheduleJob& job, int pipe);

  const MachineOptions& options_;
  std::vector<ModuleRequest> requests_;
  module::ModuleFile first_;
  std::unique_ptr<runtime::Kernel> kernel_;
  host::RamFork ram_;
  bool show_logs_ = false;
};

}  // namespace koi::cli
