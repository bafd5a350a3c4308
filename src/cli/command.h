// SPDX-License-Identifier: GPL-2.0-only
// A subcommand of koi: its name, its one-line summary, and the options that it adds to its CLI::App.
//
// To add one: write `Runner setup_x(CLI::App& app)` in a file of its own, declare it below, and list it in
// commands.cc. --help, the man page and the shell completions follow from what setup_x adds (option_table.h).
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "cli/exit_code.h"

namespace CLI {
class App;
}

namespace koi::cli {

// Runs after the command line was parsed. It owns the variables that the options write to.
using Runner = std::function<ExitCode()>;

struct Command {
  std::string_view name;
  std::string_view summary;
  Runner (*setup)(CLI::App& app);
};

// All of koi's commands, in the order of --help.
[[nodiscard]] std::span<const Command> commands();

// Fills `app` (the root) with every command and the root's own options; `chosen` becomes the runner of the
// command that the user named. Requires: `chosen` outlives `app`.
void setup_root(CLI::App& app, Runner& chosen);

Runner setup_build(CLI::App& app);
Runner setup_run(CLI::App& app);
Runner setup_shell(CLI::App& app);
Runner setup_explore(CLI::App& app);
Runner setup_mem(CLI::App& app);
Runner setup_record(CLI::App& app);
Runner setup_replay(CLI::App& app);
Runner setup_import(CLI::App& app);
Runner setup_modinfo(CLI::App& app);
Runner setup_symbols(CLI::App& app);
Runner setup_doctor(CLI::App& app);
Runner setup_completion(CLI::App& app);
Runner setup_man(CLI::App& app);

}  // namespace koi::cli
