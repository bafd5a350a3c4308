// SPDX-License-Identifier: GPL-2.0-only
// What kmalloc's and kmem_cache's exports share.
#pragma once

#include "kapi/page_calls.h"

namespace koi::kapi {

// Has the kernel handed out this pointer as a cache, and is the cache still there?
inline bool is_cache(const mm::Cache* cache) { return memory().known_caches().holds(cache); }

// Raises what using such a pointer gives: a fault, or koi's own word where the kernel would read stale memory.
[[noreturn]] void bad_cache(const mm::Cache* cache);

// The page request of a new slab of the smallest order.
[[nodiscard]] PageRequest slab_request(const mm::Cache* cache, mm::Gfp gfp);

// The slab allocator gave nothing: the kernel's reports.
void report_slab_failure(const mm::Cache* cache, mm::Gfp gfp);

// slub_debug=F found overwritten bytes: the kernel's report.
void report_damage(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::ObjectUse expected,
                   const mm::Damage& damage);

// What becomes of a free that the allocator refused. Returns when the kernel would go on.
void free_refused(mm::FreeOutcome outcome, mm::Slab* slab, u64 object, std::string_view function);

}  // namespace koi::kapi
