// SPDX-License-Identifier: GPL-2.0-only
#include "cli/header_trees.h"

#include <gtest/gtest.h>

namespace koi::cli {
namespace {

const std::vector<HeaderTree> kTrees = {
    {"5.10.0-30-amd64", "/a"},      {"6.1.0-9-amd64", "/b"},        {"6.1.0-56-amd64", "/c"},
    {"6.1.0-56-cloud-amd64", "/d"}, {"6.12.117+deb12-amd64", "/e"},
};

TEST(HeaderTrees, ReleasesAreOrderedByNumber) {
  EXPECT_LT(compare_releases("6.1.0-9-amd64", "6.1.0-56-amd64"), 0);
  EXPECT_LT(compare_releases("6.1.0-56-amd64", "6.12.1"), 0);
  EXPECT_GT(compare_releases("6.12.10", "6.12.9"), 0);
  EXPECT_LT(compare_releases("6.1", "6.1.0"), 0);
  EXPECT_EQ(compare_releases("6.01", "6.1"), 0);
}

TEST(HeaderTrees, NamedReleaseIsTaken) {
  EXPECT_EQ(choose_header_tree(kTrees, "6.12.117+deb12-amd64", "6.1.0-56-amd64")->build_dir, "/e");
}

TEST(HeaderTrees, RunningKernelFirst) {
  EXPECT_EQ(choose_header_tree(kTrees, "", "6.12.117+deb12-amd64")->build_dir, "/e");
}

TEST(HeaderTrees, UnsupportedRunningKernelIsPassedOver) {
  EXPECT_EQ(choose_header_tree(kTrees, "", "5.10.0-30-amd64")->build_dir, "/c");
}

TEST(HeaderTrees, NewestPlainSixOneElse) {
  EXPECT_EQ(choose_header_tree(kTrees, "", "6.18.44")->build_dir, "/c");
}

TEST(HeaderTrees, NewestSupportedWithoutSixOne) {
  const std::vector<HeaderTree> trees = {{"6.12.9-amd64", "/a"}, {"6.12.10-amd64", "/b"}};
  EXPECT_EQ(choose_header_tree(trees, "", "6.18.44")->build_dir, "/b");
}

TEST(HeaderTrees, ModuleSaysWhichKernel) {
  EXPECT_EQ(header_tree_for_module(kTrees, "", "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions ")
                ->build_dir,
            "/d");
  EXPECT_EQ(header_tree_for_module(kTrees, "6.12.117+deb12-amd64", "6.1.0-56-amd64 SMP ")->build_dir, "/e");
}

TEST(HeaderTrees, AnotherBuildOfTheSameSeriesAndFlavourWillDo) {
  EXPECT_EQ(header_tree_for_module(kTrees, "", "6.1.0-50-amd64 SMP ")->build_dir, "/c");
  EXPECT_EQ(header_tree_for_module(kTrees, "", "6.1.0-50-cloud-amd64 SMP ")->build_dir, "/d");
  EXPECT_EQ(header_tree_for_module(kTrees, "", "6.12.90+deb12-amd64 SMP ")->build_dir, "/e");
  EXPECT_FALSE(header_tree_for_module(kTrees, "", "6.12.90+deb12-cloud-amd64 SMP ").ok());
  EXPECT_FALSE(header_tree_for_module(kTrees, "6.1.0-50-amd64", "6.1.0-50-amd64 SMP ").ok());
}

TEST(HeaderTrees, SeriesIsItsNewestTree) {
  EXPECT_EQ(choose_header_tree(kTrees, "6.1", "")->build_dir, "/c");
  EXPECT_EQ(choose_header_tree(kTrees, "6.1-cloud-amd64", "")->build_dir, "/d");
  EXPECT_EQ(choose_header_tree(kTrees, "6.12", "")->build_dir, "/e");
  EXPECT_EQ(header_tree_for_module(kTrees, "6.12", "6.1.0-56-amd64 SMP ")->build_dir, "/e");
  const Result<HeaderTree> absent = choose_header_tree(kTrees, "6.12-cloud-amd64", "");
  ASSERT_FALSE(absent.ok());
  EXPECT_NE(absent.error().message.find("apt-get install linux-headers-6.12-cloud-amd64"), std::string::npos);
  EXPECT_NE(choose_header_tree({}, "6.1", "").error().message.find("apt-get install linux-headers-amd64"),
            std::string::npos);
  EXPECT_FALSE(choose_header_tree(kTrees, "6.13", "").ok());
  EXPECT_FALSE(header_tree_for_module(kTrees, "6.13", "6.1.0-56-amd64 SMP ").ok());
}

TEST(HeaderTrees, OtherSeriesAreRefusedByName) {
  const Result<HeaderTree> tree = header_tree_for_module(kTrees, "", "5.10.0-30-amd64 SMP ");
  ASSERT_FALSE(tree.ok());
  EXPECT_NE(tree.error().message.find("5.10.0-30-amd64"), std::string::npos);
}

TEST(HeaderTrees, MissingTreeNamesTheAptLine) {
  const Result<HeaderTree> tree = choose_header_tree(kTrees, "6.1.0-57-amd64", "");
  ASSERT_FALSE(tree.ok());
  EXPECT_NE(tree.error().message.find("apt-get install linux-headers-6.1.0-57-amd64"), std::string::npos);
  const Result<HeaderTree> none = choose_header_tree({}, "", "6.18.44");
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("apt-get install linux-headers-amd64"), std::string::npos);
}

}  // namespace
}  // namespace koi::cli
