// SPDX-License-Identifier: GPL-2.0-only
// What the slab exports ask before they serve a call themselves: is the object to lie, or does it lie, beside a guard page?
#pragma once

#include <optional>

#include "kapi/slab_calls.h"
#include "runtime/checks/guard.h"

namespace koi::kapi {

// The guarded object's address; nullopt: the slab serves this one.
[[nodiscard]] std::optional<u64> guarded_object(const mm::Cache* cache, u64 size, mm::Gfp gfp,
                                                runtime::Guard::Alignment alignment);
// True: it was a guarded object, or a pointer into one, which is reported.
bool free_guarded(u64 address);
// The size of the live guarded object that starts there; 0: there is none.
[[nodiscard]] u64 guarded_bytes(u64 address);
// Before a cache is destroyed: what is in quarantine goes back. Objects of it that are alive are reported.
void guarded_cache_goes(const mm::Cache* cache);

}  // namespace koi::kapi
