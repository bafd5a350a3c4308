// SPDX-License-Identifier: GPL-2.0-only
// /proc/sys/vm/drop_caches: shrinkers are asked for everything.
#pragma once

#include <string>

#include "runtime/kernel.h"

namespace koi::runtime {

[[nodiscard]] std::string drop_caches_text(Kernel& kernel);
// 1: the page cache, which koi's machine has not got; 2: slabs, by way of the shrinkers; 3: both; 4: no more log lines.
// Context: a task. false: another value.
[[nodiscard]] bool drop_caches(Kernel& kernel, s32 value);

}  // namespace koi::runtime
