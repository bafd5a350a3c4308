// SPDX-License-Identifier: GPL-2.0-only
// The table of commands.
#include <CLI/CLI.hpp>

#include <string>

#include "cli/command.h"
#include "cli/option_table.h"

namespace koi::cli {

namespace {

constexpr Command kCommands[] = {
    {"build", "build a module with the kernel's own Kbuild", setup_build},
    {"run", "load modules, run them, unload them, and say what happened", setup_run},
    {"shell", "a session on one machine: insmod, rmmod, dmesg, cat, echo", setup_shell},
    {"explore", "run modules under many schedules, and make what is found there small", setup_explore},
    {"mem", "run modules and report where memory goes, by call site", setup_mem},
    {"record", "run modules and write their allocations to a trace file", setup_record},
    {"replay", "report on a trace file, with advice from replaying it", setup_replay},
    {"import", "make a trace file of a real kernel's kmem tracepoints", setup_import},
    {"modinfo", "show what a module says about itself, as modinfo(8) does", setup_modinfo},
    {"symbols", "list a module's imports and which of them koi provides", setup_symbols},
    {"doctor", "say what this machine has and lacks for koi, and how to mend it", setup_doctor},
    {"completion", "print a completion script for bash or zsh", setup_completion},
    {"man", "print the manual page (roff)", setup_man},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

void setup_root(CLI::App& app, Runner& chosen) {
  app.name("koi");
  app.description("Loads unmodified Linux kernel modules into an ordinary process and runs them there.");
  app.set_version_flag("--version", std::string("koi ") + KOI_VERSION, "print koi's version");
  app.set_help_flag("-h,--help", "print this help");
  app.require_subcommand(1);
  app.formatter_fn(
      [](const CLI::App* page, const std::string&, CLI::AppFormatMode) { return help_text(*page); });
  app.footer(
      "Exit codes: 0 all well; 1 a module's init returned an error; 2 usage, environment or load error; "
      "3 a check found something that --fail-on asks to fail for; 4 koi itself failed.");
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    Runner runner = command.setup(*sub);
    sub->callback([&chosen, runner = std::move(runner)] { chosen = runner; });
  }
}

}  // namespace koi::cli
