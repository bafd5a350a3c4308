// SPDX-License-Identifier: GPL-2.0-only
// koi doctor: what this machine has and lacks for koi, each with the command that mends it.
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/machine_checks.h"
#include "cli/terminal.h"

namespace koi::cli {

namespace {

std::string_view word_of(CheckState state) {
  switch (state) {
    case CheckState::kGood:
      return "ok";
    case CheckState::kPoor:
      return "warning";
    case CheckState::kMissing:
      return "missing";
  }
  return "";
}

void print_report(const std::vector<MachineCheck>& checks) {
  for (const MachineCheck& check : checks) {
    print_text(fmt::format("{:<8} {:<24} {}\n", word_of(check.state), check.name, check.detail));
    if (!check.mend.empty()) print_text(fmt::format("{:33} mend: {}\n", "", check.mend));
  }
}

void print_json(const std::vector<MachineCheck>& checks) {
  nlohmann::json list = nlohmann::json::array();
  for (const MachineCheck& check : checks) {
    list.push_back({{"name", check.name},
                    {"state", word_of(check.state)},
                    {"detail", check.detail},
                    {"mend", check.mend}});
  }
  print_text(list.dump(2) + "\n");
}

}  // namespace

Runner setup_doctor(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print the checks as JSON");
  app.footer("Exits with 0 when koi can run modules here (warnings allowed), else with 2.");
  return [json] {
    const std::vector<MachineCheck> checks = check_machine();
    if (*json) {
      print_json(checks);
    } else {
      print_report(checks);
    }
    for (const MachineCheck& check : checks) {
      if (check.state == CheckState::kMissing) return ExitCode::kUnusable;
    }
    return ExitCode::kSuccess;
  };
}

}  // namespace koi::cli
