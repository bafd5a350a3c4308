// SPDX-License-Identifier: GPL-2.0-only
// What the allocators charge to the memory cgroup of --memcg: what user tasks ask for with __GFP_ACCOUNT or from SLAB_ACCOUNT
// caches. Without a cgroup each of these functions is one test.
#pragma once

#include <span>

#include "engine/mm/slab.h"
#include "runtime/memory/memcg.h"

namespace koi::kapi {

// Charges from now on. Requires: booted, and no task has run.
void start_memcg(u64 limit_pages);

namespace charging {
bool objects(const mm::Cache& cache, std::span<void* const> objects, mm::Gfp gfp);
void object_freed(const mm::Cache& cache, const void* object);
bool block(Pfn pfn, u32 order, mm::Gfp gfp);
void block_freed(Pfn pfn);
bool large(Pfn pfn, mm::Gfp gfp);
void large_freed(Pfn pfn);
void split(Pfn pfn, u32 order);
bool exact(Pfn pfn, u32 order, u64 pages, mm::Gfp gfp);
u64 area(u64 address, u64 pages, mm::Gfp gfp);
void area_freed(u64 address);
bool percpu(u64 offset, u64 bytes, mm::Gfp gfp);
void percpu_freed(u64 offset);
// Does the running context pay for a request with such bits?
bool applies(mm::Gfp gfp);
}  // namespace charging

[[nodiscard]] inline bool is_charged(mm::Gfp gfp) {
  return runtime::memcg() != nullptr && charging::applies(gfp);
}

// The cgroup may refuse (false), after having killed somebody for want of room.

// Of one cache. Those refused are free again.
[[nodiscard]] inline bool charge_objects(const mm::Cache& cache, std::span<void* const> objects,
                                         mm::Gfp gfp) {
  return runtime::memcg() == nullptr || charging::objects(cache, objects, gfp);
}
inline void uncharge_object(const mm::Cache& cache, const void* object) {
  if (runtime::memcg() != nullptr) charging::object_freed(cache, object);
}
[[nodiscard]] inline bool charge_block(Pfn pfn, u32 order, mm::Gfp gfp) {
  return !is_charged(gfp) || charging::block(pfn, order, gfp);
}
inline void uncharge_block(Pfn pfn) {
  if (runtime::memcg() != nullptr) charging::block_freed(pfn);
}
// A kmalloc() beyond the caches.
[[nodiscard]] inline bool charge_large(Pfn pfn, mm::Gfp gfp) {
  return !is_charged(gfp) || charging::large(pfn, gfp);
}
inline void uncharge_large(Pfn pfn) {
  if (runtime::memcg() != nullptr) charging::large_freed(pfn);
}
// A block has become single pages.
inline void split_charge(Pfn pfn, u32 order) {
  if (runtime::memcg() != nullptr) charging::split(pfn, order);
}
// A block of which only the first `pages` were kept.
[[nodiscard]] inline bool charge_exact(Pfn pfn, u32 order, u64 pages, mm::Gfp gfp) {
  return !is_charged(gfp) || charging::exact(pfn, order, pages, gfp);
}
// Page by page. Returns how many were charged; unless it is all of them none is in the end. Requires: is_charged(gfp).
[[nodiscard]] inline u64 charge_vmalloc(u64 address, u64 pages, mm::Gfp gfp) {
  return charging::area(address, pages, gfp);
}
inline void uncharge_vmalloc(u64 address) {
  if (runtime::memcg() != nullptr) charging::area_freed(address);
}
[[nodiscard]] inline bool charge_percpu(u64 offset, u64 bytes, mm::Gfp gfp) {
  return !is_charged(gfp) || charging::percpu(offset, bytes, gfp);
}
inline void uncharge_percpu(u64 offset) {
  if (runtime::memcg() != nullptr) charging::percpu_freed(offset);
}

}  // namespace koi::kapi
