// SPDX-License-Identifier: GPL-2.0-only
// `koi run a.ko [x=1 ...] [b.ko ...]`: boot, load in order, unload in reverse, print the log, the verdict, the exit code.
#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/memory_session.h"
#include "cli/run_session.h"

namespace koi::cli {

Runner setup_run(CLI::App& app) {
  struct Options {
    MachineOptions machine;
    MemoryOptions memory;
    std::vector<std::string> words;
  };
  auto options = std::make_shared<Options>();
  add_machine_options(app, options->machine);
  add_schedule_option(app, options->machine.schedule);
  add_report_option(app, options->memory);
  app.add_option("--coverage", options->machine.coverage,
                 "write which lines ran, of modules built with --sanitize=coverage, to FILE (lcov)")
      ->type_name("FILE");
  app.add_flag("--lock-stat", options->machine.lock_stat,
               "print how often locks were taken and waited for, and how long, as /proc/lock_stat does");
  app.add_option("modules", options->words,
                 "MODULE.ko [PARAMETER=VALUE ...] ...: modules in the order of loading")
      ->required()
      ->type_name("");
  return [options] {
    const std::vector<std::string>& kinds = options->machine.fail_on;
    // Who makes a leak a failure wants to see where it comes from; that takes a recording.
    options->memory.leak_traces = std::any_of(
        kinds.begin(), kinds.end(), [](const std::string& kind) { return kind == "leak" || kind == "any"; });
    return run_modules(options->machine, options->words, options->memory);
  };
}

Runner setup_shell(CLI::App& app) {
  struct Options {
    MachineOptions machine;
    std::string script;
  };
  auto options = std::make_shared<Options>();
  add_machine_options(app, options->machine);
  app.add_option("--script", options->script, "run the lines of FILE instead of asking for them")
      ->type_name("FILE");
  return [options] { return run_script(options->machine, options->script); };
}

}  // namespace koi::cli
