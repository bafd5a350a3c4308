// SPDX-License-Identifier: GPL-2.0-only
// koi completion, koi man: the texts made from the option tables.
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/option_table.h"
#include "cli/terminal.h"

namespace koi::cli {

namespace {

CommandPage describe_koi() {
  CLI::App app;
  Runner unused;
  setup_root(app, unused);
  return describe(app);
}

}  // namespace

Runner setup_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "whose completion script to print")
      ->required()
      ->type_name("bash|zsh")
      ->check([](const std::string& name) {
        return name == "bash" || name == "zsh"
                   ? std::string()
                   : "there is no completion for " + name + ", only for bash and zsh";
      });
  app.footer("Try it with: source <(koi completion bash)");
  return [shell] {
    const CommandPage page = describe_koi();
    print_text(*shell == "bash" ? bash_completion(page) : zsh_completion(page));
    return ExitCode::kSuccess;
  };
}

Runner setup_man(CLI::App& app) {
  app.footer("Read it with: koi man | man -l -");
  return [] {
    print_text(man_page(describe_koi(), "koi " KOI_VERSION));
    return ExitCode::kSuccess;
  };
}

}  // namespace koi::cli
