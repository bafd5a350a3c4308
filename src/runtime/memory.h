// SPDX-License-Identifier: GPL-2.0-only
// Memory: the memory engines of this machine over the world's RAM.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/types.h"

namespace koi::runtime {

class Kernel;

class Memory {
 public:
  static Result<std::unique_ptr<Memory>> create(Kernel& kernel);

  // The stack canary: from the seed, lowest byte zero as the kernel makes it.
  [[nodiscard]] u64 canary() const { return canary_; }

 private:
  Memory() = default;
  u64 canary_ = 0;
};

}  // namespace koi::runtime
