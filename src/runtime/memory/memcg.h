// SPDX-License-Identifier: GPL-2.0-only
// The memory cgroup /sys/fs/cgroup/koi that --memcg asks for. A process has one machine, and that has one such group or none.
#pragma once

#include "engine/mm/memcg.h"

namespace koi::runtime {

class Kernel;

// nullptr: there is no cgroup file system, and nothing is charged.
[[nodiscard]] mm::Memcg* memcg();
void create_memcg(Kernel& kernel, u64 limit_pages);

}  // namespace koi::runtime
