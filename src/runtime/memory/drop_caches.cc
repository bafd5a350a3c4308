// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/drop_caches.h"

#include "host/crossing.h"
#include "runtime/console.h"
#include "runtime/memory/vm_events.h"

namespace koi::runtime {
namespace {

constexpr s32 kPagecache = 1, kSlab = 2, kQuiet = 4;

}  // namespace

// Nobody may read it, but root can.
std::string drop_caches_text(Kernel& /*kernel*/) { return "0\n"; }

bool drop_caches(Kernel& kernel, s32 value) {
  if (value < kPagecache || value > kQuiet) return false;
  if ((value & kPagecache) != 0) ++vm_event(kernel, VmEvent::kDropPagecache);
  if ((value & kSlab) != 0) {
    host::upcall(kernel.core().address_of("koi_drop_slab"));
    ++vm_event(kernel, VmEvent::kDropSlab);
  }
  u64& quiet = vm_event(kernel, VmEvent::kDropCachesQuiet);
  if (quiet == 0) {
    const sched::Task& self = *kernel.sched().current();
    kernel.console().print(6, fmt::format("{} ({}): drop_caches: {}", self.comm, self.pid, value));
  }
  if ((value & kQuiet) != 0) quiet = 1;
  return true;
}

}  // namespace koi::runtime
