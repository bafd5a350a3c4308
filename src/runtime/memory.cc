// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory.h"

#include "runtime/kernel.h"

namespace koi::runtime {

Result<std::unique_ptr<Memory>> Memory::create(Kernel& kernel) {
  std::unique_ptr<Memory> memory(new Memory());
  memory->canary_ = (kernel.config().seed * 0x9e3779b97f4a7c15ULL ^ 0x6b6f69'5f636e72ULL) & ~0xffULL;
  return memory;
}

}  // namespace koi::runtime
