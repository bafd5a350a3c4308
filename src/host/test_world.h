// SPDX-License-Identifier: GPL-2.0-only
// A small machine's arena for tests of what lies in it.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "host/world.h"

namespace koi::host {

class WorldTest : public testing::Test {
 protected:
  void SetUp() override {
    auto world = World::create(WorldConfig{64ULL << 20, 1});
    ASSERT_TRUE(world.ok()) << world.error().message;
    world_.reset(*world);
  }

  struct Destroy {
    void operator()(World* world) const { World::destroy(world); }
  };
  std::unique_ptr<World, Destroy> world_;
};

}  // namespace koi::host
