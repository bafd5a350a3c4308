// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/memcg.h"

#include <memory>

#include "runtime/kernel.h"

namespace koi::runtime {

namespace {
mm::Memcg* the_group = nullptr;
}  // namespace

mm::Memcg* memcg() { return the_group; }

void create_memcg(Kernel& kernel, u64 limit_pages) {
  // Lives as long as the machine's heap.
  std::pmr::memory_resource* const heap = kernel.world().heap();
  void* const place = heap->allocate(sizeof(mm::Memcg), alignof(mm::Memcg));
  the_group = std::construct_at(static_cast<mm::Memcg*>(place), limit_pages, kernel.config().cpus, heap);
}

}  // namespace koi::runtime
