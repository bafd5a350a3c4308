// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/dyndbg.h"

#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

class Dyndbg : public ::testing::Test {
 protected:
  Dyndbg() {
    modules_ = {{"alpha", alpha_, maps_}, {"beta", beta_, {}}};
    world_.modules = modules_;
    world_.release = Release::k6_12;
    world_.print = [this](const DyndbgMessage& message) { messages_ += message.text; };
  }
  s32 run(std::string_view text, std::string_view module = {}) {
    return run_dyndbg_queries(text, module, world_);
  }
  // The flags of all sites, in order.
  std::string flags() const {
    std::string text;
    for (const DyndbgModule& module : modules_) {
      for (const DyndbgSite& site : module.sites)
        text += dyndbg_flag_letters(site.flags, world_.release) + " ";
    }
    return text;
  }

  DyndbgSite alpha_[4] = {{"alpha", "alpha_init", "drivers/misc/alpha.c", "init %d\n", 10, 63, 0},
                          {"alpha", "alpha_open", "drivers/misc/alpha.c", "open\n", 20, 63, 0},
                          {"alpha", "alpha_exit", "drivers/misc/alpha_exit.c", "bye\tnow\n", 30, 63, 0},
                          {"alpha", "alpha_core", "drivers/misc/alpha.c", "core\n", 40, 2, 0}};
  DyndbgSite beta_[1] = {{"beta", "beta_init", "/src/beta.c", "reinit\n", 300, 63, 0}};
  DyndbgClassMap maps_[1] = {{{"CORE", "DRV"}, 2}};
  std::vector<DyndbgModule> modules_;
  DyndbgWorld world_;
  std::string messages_;
};

TEST_F(Dyndbg, everything_of_no_class) {
  EXPECT_EQ(run("+p"), 4);
  EXPECT_EQ(flags(), "p p p _ p ");
  EXPECT_EQ(run("-p"), 4);
  EXPECT_EQ(flags(), "_ _ _ _ _ ");
  EXPECT_EQ(messages_, "");
}

TEST_F(Dyndbg, matches_by_each_kind) {
  EXPECT_EQ(run("func alpha_open +p"), 1);
  EXPECT_EQ(run("func *_init +f"), 2);
  EXPECT_EQ(run("file alpha.c +l"), 2) << "the last part of the path is enough";
  EXPECT_EQ(run("file drivers/misc/* +t"), 3);
  EXPECT_EQ(run("module bet? +m"), 1);
  EXPECT_EQ(run("format init =p"), 2) << "anywhere in the format";
  EXPECT_EQ(run("format ^init =p"), 1);
  EXPECT_EQ(run("format \"bye\\tnow\" +s"), 1);
  EXPECT_EQ(run("line 10-20 +p"), 2);
  EXPECT_EQ(run("line -20 +p"), 2);
  EXPECT_EQ(run("line 30- +p"), 2);
  EXPECT_EQ(run("line 300 +p"), 1);
  EXPECT_EQ(run("file alpha.c:20 +p"), 1);
  EXPECT_EQ(run("file alpha.c:alpha_i* +p"), 1);
  EXPECT_EQ(run("class CORE +p"), 1);
  EXPECT_EQ(run("class NONE +p"), 0);
  EXPECT_EQ(run("module gamma +p"), 0);
  EXPECT_EQ(messages_, "");
}

TEST_F(Dyndbg, flag_operations) {
  run("func alpha_open =pmf");
  EXPECT_EQ(dyndbg_flag_letters(alpha_[1].flags, Release::k6_12), "pmf");
  run("func alpha_open +lt");
  EXPECT_EQ(dyndbg_flag_letters(alpha_[1].flags, Release::k6_12), "pmflt");
  run("func alpha_open -mt");
  EXPECT_EQ(dyndbg_flag_letters(alpha_[1].flags, Release::k6_12), "pfl");
  run("func alpha_open =_");
  EXPECT_EQ(dyndbg_flag_letters(alpha_[1].flags, Release::k6_12), "_");
}

TEST_F(Dyndbg, several_queries_and_a_module_of_its_own) {
  EXPECT_EQ(run("func alpha_open +p; # comment\n\n line 300 +p"), 2);
  EXPECT_EQ(run("+f", "beta"), 1);
  EXPECT_EQ(run("module alpha +f", "beta"), 3) << "the query's own module wins";
}

TEST_F(Dyndbg, bad_queries_say_why_and_the_others_are_done) {
  EXPECT_EQ(run("func alpha_open p; line 300 +p"), -22);
  EXPECT_EQ(flags(), "_ _ _ _ p ");
  EXPECT_EQ(messages_,
            "dyndbg: bad flag-op p, at start of p\n"
            "dyndbg: flags parse failed\n");
  const auto complaint = [&](std::string_view text) {
    messages_.clear();
    EXPECT_EQ(run(text), -22) << text;
    return messages_.substr(0, messages_.find('\n'));
  };
  EXPECT_EQ(complaint("func \"x +p"), "dyndbg: unclosed quote: x +p");
  EXPECT_EQ(complaint("a b c d e f g h i j +p"), "dyndbg: too many words, legal max <=9");
  EXPECT_EQ(complaint("func +p"), "dyndbg: expecting pairs of match-spec <value>");
  EXPECT_EQ(complaint("colour red +p"), "dyndbg: unknown keyword \"colour\"");
  EXPECT_EQ(complaint("func a func b +p"), "dyndbg: match-spec:func val:a overridden by b");
  EXPECT_EQ(complaint("line 5 line 6 +p"), "dyndbg: match-spec: line used 2x");
  EXPECT_EQ(complaint("line 9-5 +p"), "dyndbg: last-line:5 < 1st-line:9");
  EXPECT_EQ(complaint("line x +p"), "dyndbg: bad line-number: x");
  EXPECT_EQ(complaint("+px"), "dyndbg: unknown flag 'x'");
  EXPECT_EQ(messages_, "dyndbg: unknown flag 'x'\ndyndbg: flags parse failed\n");
  world_.release = Release::k6_1;
  EXPECT_EQ(complaint("+ps"), "dyndbg: unknown flag 's'");
}

TEST_F(Dyndbg, verbose_tells_what_happens) {
  world_.verbose = 4;
  u32 changes = 0;
  world_.changed = [&](DyndbgSite& site, u32 old_flags) {
    ++changes;
    EXPECT_EQ(old_flags, 0u);
    EXPECT_EQ(site.flags, kDyndbgPrint);
  };
  EXPECT_EQ(run("line 300 +p;line 300 +p;line 1 +p"), 2);
  EXPECT_EQ(changes, 1u) << "the second time nothing changes";
  EXPECT_EQ(messages_,
            "dyndbg: query 0: \"line 300 +p\" mod:*\n"
            "dyndbg: changed /src/beta.c:300 [beta]beta_init _ => p\n"
            "dyndbg: query 1: \"line 300 +p\" mod:*\n"
            "dyndbg: query 2: \"line 1 +p\" mod:*\n"
            "dyndbg: no matches for query\n"
            "dyndbg: processed 3 queries, with 2 matches, 0 errs\n");
}

TEST_F(Dyndbg, prefixes) {
  DyndbgSite site = alpha_[0];
  const auto prefix = [&](u32 flags, Release release = Release::k6_12, bool irq = false) {
    site.flags = flags;
    return dyndbg_prefix(site, {irq, 42}, release);
  };
  EXPECT_EQ(prefix(kDyndbgPrint), "");
  EXPECT_EQ(prefix(kDyndbgPrint | kDyndbgModule | kDyndbgFunction | kDyndbgLine), "alpha:alpha_init:10: ");
  EXPECT_EQ(prefix(kDyndbgThread), "[42] ");
  EXPECT_EQ(prefix(kDyndbgThread | kDyndbgModule, Release::k6_1, true), "<intr> alpha: ");
  EXPECT_EQ(prefix(kDyndbgSource | kDyndbgLine), "drivers/misc/alpha.c:10: ");
  EXPECT_EQ(prefix(kDyndbgSource, Release::k6_1), "");
  const std::string long_name(200, 'n');
  site.function = long_name;
  EXPECT_EQ(prefix(kDyndbgFunction, Release::k6_1).size(), 63u);
  EXPECT_EQ(prefix(kDyndbgFunction, Release::k6_12).size(), 127u);
}

TEST_F(Dyndbg, control_file) {
  alpha_[0].flags = kDyndbgPrint | kDyndbgLine;
  EXPECT_EQ(dyndbg_control_line(modules_[0], alpha_[0], Release::k6_12),
            "drivers/misc/alpha.c:10 [alpha]alpha_init =pl \"init %d\\n\"\n");
  EXPECT_EQ(dyndbg_control_line(modules_[0], alpha_[3], Release::k6_12),
            "drivers/misc/alpha.c:40 [alpha]alpha_core =_ \"core\\n\" class:CORE\n");
  alpha_[3].class_id = 9;
  EXPECT_EQ(dyndbg_control_line(modules_[0], alpha_[3], Release::k6_12),
            "drivers/misc/alpha.c:40 [alpha]alpha_core =_ \"core\\n\" class unknown, _id:9\n");
}

TEST_F(Dyndbg, wildcards) {
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*c", "abbbc"));
  EXPECT_TRUE(matches_wildcard("*b*", "abc"));
  EXPECT_TRUE(matches_wildcard("a?c", "abc"));
  EXPECT_TRUE(matches_wildcard("*ab", "aab"));
  EXPECT_FALSE(matches_wildcard("a?c", "ac"));
  EXPECT_FALSE(matches_wildcard("abc", "abcd"));
  EXPECT_FALSE(matches_wildcard("abcd", "abc"));
  EXPECT_FALSE(matches_wildcard("", "a"));
  EXPECT_TRUE(matches_wildcard("", ""));
}

}  // namespace
}  // namespace koi::printk::testing
