// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/guarded.h"

#include "kapi/checks.h"

namespace koi::kapi {

std::optional<u64> guarded_object(const mm::Cache* cache, u64 size, mm::Gfp gfp,
                                  runtime::Guard::Alignment alignment) {
  runtime::Guard* const guard = current().guard();
  if (guard == nullptr) [[likely]]
    return std::nullopt;
  return guard->allocate(*cache, size, gfp, alignment);
}

bool free_guarded(u64 address) {
  runtime::Guard* const guard = current().guard();
  if (guard == nullptr || !guard->owns(address)) [[likely]]
    return false;
  if (const u64 bytes = guarded_bytes(address); bytes != 0) {
    check_freed(address, bytes);
    forget_locks(address, bytes);
  }
  guard->free(address);
  return true;
}

u64 guarded_bytes(u64 address) {
  const runtime::Guard* const guard = current().guard();
  return guard == nullptr ? 0 : guard->size_of(address).value_or(0);
}

void guarded_cache_goes(const mm::Cache* cache) {
  runtime::Guard* const guard = current().guard();
  if (guard == nullptr) return;
  guard->flush(cache);
  if (const u64 left = guard->live_objects(cache); left != 0)
    koi_finding(
        fmt::format("kmem_cache_destroy({}): {} guarded objects of it are alive", cache->name(), left));
}

}  // namespace koi::kapi
