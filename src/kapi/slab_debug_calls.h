// SPDX-License-Identifier: GPL-2.0-only
// What slub_debug says: reports about objects of debugging caches, and who allocated and freed them.
#pragma once

#include "kapi/slab_calls.h"

namespace koi::kapi {

// "Allocated in ..." and "Freed in ...", each with its call trace, as far as the cache tracks its users.
void print_tracking(const mm::Cache& cache, u64 object);
// slub_debug=F finds a free that must not be: the kernel's report, and "not freed". Requires: a checked cache.
void report_bad_free(mm::FreeOutcome outcome, mm::Slab* slab, u64 object);
void report_slab_event(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::SlabDebugEvent what,
                       u64 value);
// A report about memory that can no longer be trusted sets the B of the taint flags.
void taint_bad_page();
// "debugfs: Directory 'x' with parent 'slab' already present!", where a tracking cache of that name is there already.
void announce_tracking(const mm::Cache* cache);

}  // namespace koi::kapi
