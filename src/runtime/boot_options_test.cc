// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/boot_options.h"

#include <gtest/gtest.h>

namespace koi::runtime {
namespace {

BootOptions parsed(std::string_view line, Release series = Release::k6_1) {
  auto options = parse_boot_options(line, series);
  EXPECT_TRUE(options.ok()) << line;
  return options.ok() ? std::move(*options) : BootOptions{};
}

std::string refused(std::string_view line, Release series = Release::k6_1) {
  const auto options = parse_boot_options(line, series);
  EXPECT_FALSE(options.ok()) << line;
  return options.ok() ? std::string() : options.error().message;
}

TEST(BootOptions, NothingSaidIsDebiansDefault) {
  const BootOptions options = parsed("");
  EXPECT_FALSE(options.slab_debug.has_value());
  EXPECT_TRUE(options.init_on_alloc);
  EXPECT_FALSE(options.wants_panics());
}

TEST(BootOptions, TheLastOfSeveralHolds) {
  const BootOptions options = parsed(
      "console=ttyS0 panic=-1 quiet slub_debug=FZPU,kmalloc-64 slab_nomerge slab_merge panic=5 loglevel=7");
  EXPECT_EQ(options.panic_timeout, 5);
  EXPECT_EQ(options.slab_debug, "FZPU,kmalloc-64");
  EXPECT_FALSE(options.slab_nomerge);
  EXPECT_EQ(options.console_loglevel, 7);
}

TEST(BootOptions, DashesAreUnderscoresInNames) {
  EXPECT_TRUE(parsed("slab-nomerge").slab_nomerge);
  EXPECT_EQ(parsed("panic-on-warn").panic_on_warn, 1);
}

TEST(BootOptions, NumbersAndWordsAsTheKernelReadsThem) {
  EXPECT_EQ(parsed("panic=0x10").panic_timeout, 16);
  EXPECT_TRUE(parsed("oops=panic").panic_on_oops);
  EXPECT_FALSE(parsed("init_on_alloc=off").init_on_alloc);
  EXPECT_TRUE(parsed("init_on_free=Y").init_on_free);
  EXPECT_FALSE(parsed("init_on_free=0").init_on_free);
  EXPECT_NE(refused("init_on_free=maybe").find("init_on_free"), std::string::npos);
  EXPECT_TRUE(parsed("module.sig_enforce").enforce_signatures);
  EXPECT_FALSE(parsed("module.sig_enforce=0").enforce_signatures);
}

TEST(BootOptions, ParametersOfModules) {
  const BootOptions options = parsed("my-mod.size=5 other.x=1 my_mod.word=\"two words\" my_mod.flag");
  EXPECT_EQ(options.arguments_for("my_mod"), "size=5 word=\"two words\" flag");
  EXPECT_EQ(options.arguments_for("third"), "");
}

TEST(BootOptions, EachSeriesHasItsNames) {
  EXPECT_EQ(parsed("slab_debug=Z", Release::k6_12).slab_debug, "Z");
  EXPECT_EQ(parsed("slub_debug", Release::k6_12).slab_debug, "");
  EXPECT_NE(refused("slab_debug=Z").find("slub_debug"), std::string::npos);
}

TEST(BootOptions, WhatIsUnknownIsNamed) {
  EXPECT_NE(refused("frobnicate=7").find("frobnicate=7"), std::string::npos);
  EXPECT_NE(refused("slub_debug=FQ").find("'Q'"), std::string::npos);
  EXPECT_NE(refused("mem=64M").find("--memory"), std::string::npos);
  EXPECT_NE(refused("panic=soon").find("panic=soon"), std::string::npos);
  EXPECT_NE(refused("init_on_alloc=perhaps").find("perhaps"), std::string::npos);
  EXPECT_EQ(parsed("quiet -- frobnicate").console_loglevel, 4);
}

}  // namespace
}  // namespace koi::runtime
