// SPDX-License-Identifier: GPL-2.0-only
// Leaks: what calls of a module have allocated and nobody has freed, though the module is gone.
#pragma once

#include <string>
#include <vector>

#include "observe/allocation_sites.h"

namespace koi::runtime {

class Kernel;
struct ModuleInstance;

struct LeakedSite {
  observe::SiteNumber site = observe::kNoSite;
  u64 objects = 0;
  u64 requested = 0;
  u64 actual = 0;
};

// Is anything alive that the module's calls have allocated?
[[nodiscard]] bool has_live_allocations(Kernel& kernel, const ModuleInstance& module);

// The sites of modules that are gone with live objects, most bytes first. Waits for pending RCU callbacks (kfree_rcu) if there
// are any such sites. Context: the boot fiber.
[[nodiscard]] std::vector<LeakedSite> find_leaks(Kernel& kernel);

// "3 objects of 384 bytes in all, kmalloc_trace at driver.c:42 (ring_add in setup+0x42/0x1a0 [driver])".
[[nodiscard]] std::string leak_text(Kernel& kernel, const LeakedSite& leak);

}  // namespace koi::runtime
