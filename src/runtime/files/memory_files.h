// SPDX-License-Identifier: GPL-2.0-only
// What /proc shows of this machine's memory, as text in the kernel's format.
#pragma once

#include <string>

#include "engine/mm/proc_text.h"

namespace koi::runtime {

class Kernel;

// What the page and slab engines do not know themselves.
[[nodiscard]] mm::MemoryUse memory_use(Kernel& kernel);

[[nodiscard]] std::string proc_slabinfo(Kernel& kernel);
[[nodiscard]] std::string proc_buddyinfo(Kernel& kernel);
[[nodiscard]] std::string proc_pagetypeinfo(Kernel& kernel);
[[nodiscard]] std::string proc_zoneinfo(Kernel& kernel);
[[nodiscard]] std::string proc_meminfo(Kernel& kernel);
[[nodiscard]] std::string proc_vmallocinfo(Kernel& kernel);
[[nodiscard]] std::string proc_allocinfo(Kernel& kernel);

}  // namespace koi::runtime
