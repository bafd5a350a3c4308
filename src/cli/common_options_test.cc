// SPDX-License-Identifier: GPL-2.0-only
#include "cli/common_options.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace koi::cli {
namespace {

MachineOptions parse(const std::string& line) {
  CLI::App app;
  MachineOptions options;
  add_machine_options(app, options);
  app.parse(line);
  return options;
}

TEST(ParseSize, UnitsArePowersOf1024) {
  EXPECT_EQ(*parse_size("4096"), 4096u);
  EXPECT_EQ(*parse_size("64k"), 65536u);
  EXPECT_EQ(*parse_size("512M"), u64{512} << 20);
  EXPECT_EQ(*parse_size("1G"), u64{1} << 30);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* bad :
       {"", "M", "-1", "1T", "1MB", "1 M", "0x10", "99999999999G", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(bad).ok()) << bad;
  }
}

TEST(MachineOptions, Defaults) {
  const MachineOptions options = parse("");
  EXPECT_EQ(options.memory_bytes, u64{1} << 30);
  EXPECT_EQ(options.fail_on, std::vector<std::string>{"oops"});
  EXPECT_EQ(options.timeout_s, 30u);
}

TEST(MachineOptions, EachOptionArrives) {
  const MachineOptions options = parse(
      "--cpus 4 --memory 256M --seed 7 --kernel 6.12.1 --fail-on leak,lock --log-level 5 --log-format raw "
      "--color never --json --timeout 2 --lazy --gdb --guard=sample");
  EXPECT_EQ(options.guard, runtime::GuardObjects::kSample);
  EXPECT_EQ(options.cpus, 4u);
  EXPECT_EQ(options.memory_bytes, u64{256} << 20);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.kernel, "6.12.1");
  EXPECT_EQ(options.fail_on, (std::vector<std::string>{"leak", "lock"}));
  EXPECT_EQ(options.log_level.value_or(0), 5u);
  EXPECT_EQ(options.log_format, LogFormat::kRaw);
  EXPECT_EQ(options.color, ColorWhen::kNever);
  EXPECT_EQ(options.timeout_s, 2u);
  EXPECT_TRUE(options.json && options.lazy && options.gdb);
}

TEST(MachineOptions, RefusesBadValues) {
  for (const char* bad :
       {"--cpus 0", "--cpus 65", "--cpus x", "--memory 1T", "--nodes 9", "--nodes 0", "--fail-on splat",
        "--guard some", "--log-level 9", "--log-format text", "--color maybe", "--timeout -1", "--seed x"}) {
    EXPECT_THROW(parse(bad), CLI::ParseError) << bad;
  }
}

}  // namespace
}  // namespace koi::cli
