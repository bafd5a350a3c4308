// SPDX-License-Identifier: GPL-2.0-only
#include "cli/option_table.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <sstream>

#include "cli/command.h"

namespace koi::cli {
namespace {

class OptionTable : public testing::Test {
 protected:
  void SetUp() override {
    setup_root(app_, chosen_);
    page_ = describe(app_);
  }
  CLI::App app_;
  Runner chosen_;
  CommandPage page_;
};

TEST_F(OptionTable, EveryCommandHasAPage) {
  ASSERT_EQ(page_.commands.size(), commands().size());
  for (std::size_t i = 0; i < page_.commands.size(); ++i) {
    EXPECT_EQ(page_.commands[i].name, "koi " + std::string(commands()[i].name));
    EXPECT_FALSE(page_.commands[i].summary.empty());
  }
}

TEST_F(OptionTable, EveryOptionIsInEveryText) {
  const std::string man = man_page(page_, "koi 1");
  const std::string bash = bash_completion(page_);
  const std::string zsh = zsh_completion(page_);
  for (CLI::App* sub : app_.get_subcommands([](CLI::App*) { return true; })) {
    const std::string help = sub->help();
    for (const OptionRow& row : describe(*sub).options) {
      EXPECT_FALSE(row.help.empty()) << row.names.front();
      EXPECT_NE(help.find(row.names.front()), std::string::npos) << row.names.front();
      std::string in_roff;
      for (const char c : row.names.back()) in_roff += c == '-' ? std::string("\\-") : std::string(1, c);
      EXPECT_NE(man.find(in_roff), std::string::npos) << row.names.back();
      if (row.positional) continue;
      EXPECT_NE(bash.find(row.names.back()), std::string::npos) << row.names.back();
      EXPECT_NE(zsh.find(row.names.back()), std::string::npos) << row.names.back();
    }
  }
}

TEST_F(OptionTable, HelpFitsATerminal) {
  const std::function<void(const CLI::App&)> check = [&](const CLI::App& app) {
    std::istringstream lines(app.help());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) check(*sub);
  };
  check(app_);
}

TEST_F(OptionTable, UsageErrorsAreRefused) {
  for (const char* bad : {"", "nosuch", "build", "build --nosuch x", "completion fish"}) {
    CLI::App app;
    Runner chosen;
    setup_root(app, chosen);
    EXPECT_THROW(app.parse(bad), CLI::ParseError) << bad;
  }
}

TEST_F(OptionTable, ChoosingACommandSetsItsRunner) {
  app_.parse("completion bash");
  EXPECT_TRUE(static_cast<bool>(chosen_));
}

}  // namespace
}  // namespace koi::cli
