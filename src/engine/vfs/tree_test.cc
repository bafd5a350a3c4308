// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vfs/tree.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>

namespace koi::vfs {
namespace {

class TreeTest : public ::testing::Test {
 protected:
  NodeId add(NodeId parent, std::string_view name, u32 mode = kDirectory | 0755, u64 owner = 0) {
    const s64 made = tree_.add({parent, name, mode, 0, owner, {}});
    EXPECT_GT(made, 0) << name;
    tree_.check_invariants();
    return static_cast<NodeId>(made);
  }
  std::pmr::monotonic_buffer_resource memory_;
  Tree tree_{&memory_};
};

TEST_F(TreeTest, StandardDirectoriesAreThere) {
  EXPECT_EQ(tree_.find("/"), kRoot);
  EXPECT_EQ(tree_.find("/sys/kernel/debug"), kSysKernelDebug);
  EXPECT_EQ(tree_.find("/sys/devices/platform"), kSysDevicesPlatform);
  EXPECT_EQ(tree_.path(kSysDevicesVirtual), "/sys/devices/virtual");
  tree_.remove(kProc);
  EXPECT_EQ(tree_.find("/proc/net"), kProcNet);
}

TEST_F(TreeTest, RefusesWhatAFileSystemRefuses) {
  const NodeId file = add(kProc, "f", kRegular | 0444);
  EXPECT_EQ(tree_.add({kProc, "f", kDirectory, 0, 0, {}}), -EEXIST);
  EXPECT_EQ(tree_.add({file, "below", kDirectory, 0, 0, {}}), -ENOTDIR);
  EXPECT_EQ(tree_.add({9999, "x", kDirectory, 0, 0, {}}), -ENOENT);
  EXPECT_EQ(tree_.add({kProc, "", kDirectory, 0, 0, {}}), -EINVAL);
  EXPECT_EQ(tree_.add({kProc, "a/b", kDirectory, 0, 0, {}}), -EINVAL);
}

TEST_F(TreeTest, WalksPathsAndLinks) {
  const NodeId a = add(kSys, "a");
  const NodeId b = add(a, "b", kRegular | 0444);
  ASSERT_GT(tree_.add({kSys, "l", kLink | 0777, 0, 0, "/sys/a"}), 0);
  EXPECT_EQ(tree_.find("/sys/l/b"), b);
  EXPECT_EQ(tree_.find("//sys///l/../a/./b"), b);
  EXPECT_EQ(tree_.find("/sys/l"), a);
  EXPECT_NE(tree_.find("/sys/l", Tree::Follow::kNo), a);
  EXPECT_EQ(tree_.find("/sys/a/b/c"), kNoNode);
  EXPECT_EQ(tree_.find("relative"), kNoNode);
}

TEST_F(TreeTest, LinksInACircleEnd) {
  ASSERT_GT(tree_.add({kSys, "x", kLink | 0777, 0, 0, "/sys/y"}), 0);
  ASSERT_GT(tree_.add({kSys, "y", kLink | 0777, 0, 0, "/sys/x"}), 0);
  EXPECT_EQ(tree_.find("/sys/x"), kNoNode);
}

TEST_F(TreeTest, RemovingADirectoryRemovesWhatIsBelow) {
  const NodeId a = add(kProc, "a");
  add(add(a, "b"), "c", kRegular | 0444);
  const u64 before = tree_.size();
  tree_.remove(a);
  tree_.check_invariants();
  EXPECT_EQ(tree_.size(), before - 3);
  EXPECT_EQ(tree_.find("/proc/a/b/c"), kNoNode);
}

TEST_F(TreeTest, OwnersAreKnownByTheirTopmostNodes) {
  const NodeId a = add(kProc, "a", kDirectory, 7);
  add(a, "b", kRegular, 7);
  const NodeId c = add(kSysKernel, "c", kDirectory, 7);
  EXPECT_EQ(tree_.owned_by(7), (std::vector<NodeId>{a, c}));
  tree_.disown(7);
  EXPECT_TRUE(tree_.owned_by(7).empty());
}

TEST_F(TreeTest, WhatTheKernelMadeInAModulesCallIsNobodys) {
  const NodeId a = add(kProc, "a", kDirectory, 7);
  add(a, "b", kRegular, 7);
  const NodeId c = add(kSysKernel, "c", kDirectory, 7);
  tree_.disown_below(a);
  EXPECT_EQ(tree_.owned_by(7), (std::vector<NodeId>{c}));
}

TEST_F(TreeTest, RenamingKeepsTheNode) {
  const NodeId a = add(kProc, "a");
  add(a, "in");
  add(kProc, "taken");
  EXPECT_EQ(tree_.rename(a, "taken"), -EEXIST);
  EXPECT_EQ(tree_.rename(a, "z"), 0);
  tree_.check_invariants();
  EXPECT_EQ(tree_.path(a), "/proc/z");
  EXPECT_NE(tree_.find("/proc/z/in"), kNoNode);
  EXPECT_EQ(tree_.find("/proc/a"), kNoNode);
}

// Against a map from path to number.
TEST_F(TreeTest, AgreesWithANaiveModel) {
  const u64 seed = 20'240'611;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::map<std::string, NodeId> model{{"/proc", kProc}};
  for (int step = 0; step < 4000; ++step) {
    auto at = model.begin();
    std::advance(at, static_cast<long>(random() % model.size()));
    const std::string path = at->first;
    const NodeId id = at->second;
    if (random() % 3 != 0) {
      const std::string name(1, static_cast<char>('a' + random() % 6));
      const s64 made = tree_.add({id, name, kDirectory, 0, 0, {}});
      const auto [where, fresh] = model.emplace(path + "/" + name, static_cast<NodeId>(made));
      ASSERT_EQ(made > 0, fresh) << path << "/" << name;
    } else if (path != "/proc") {
      tree_.remove(id);
      std::erase_if(model, [&](const auto& m) { return m.first == path || m.first.starts_with(path + "/"); });
    }
    if (step % 64 == 0) tree_.check_invariants();
  }
  for (const auto& [path, id] : model) {
    EXPECT_EQ(tree_.find(path), id);
    EXPECT_EQ(tree_.path(id), path);
  }
  EXPECT_EQ(tree_.size(), kLastPlace + model.size() - 1);
}

}  // namespace
}  // namespace koi::vfs
