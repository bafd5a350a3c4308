// SPDX-License-Identifier: GPL-2.0-only
// The engines' fast paths by themselves, without the module border: pairs, batches, page orders.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

test::SlabMachine make_machine(bool init_on_alloc) {
  return test::SlabMachine({.release = Release::k6_1,
                            .cpus = 2,
                            .ram_bytes = u64{1} << 30,
                            .slab = {.init_on_alloc = init_on_alloc}});
}

void kmalloc_pair(benchmark::State& state) {
  auto m = make_machine(false);
  const u64 size = static_cast<u64>(state.range(0));
  const Gfp gfp = m.kernel_gfp();
  for (auto _ : state) {
    void* p = m.kmalloc->alloc(size, gfp, kCpu0);
    benchmark::DoNotOptimize(p);
    benchmark::DoNotOptimize(m.kmalloc->free(p, kCpu0));
  }
}
BENCHMARK(kmalloc_pair)->Arg(64)->Arg(256)->Arg(1024)->Arg(4096);

void host_malloc_pair(benchmark::State& state) {  // for scale
  for (auto _ : state) {
    void* p = std::malloc(static_cast<std::size_t>(state.range(0)));
    benchmark::DoNotOptimize(p);
    std::free(p);
  }
}
BENCHMARK(host_malloc_pair)->Arg(256);

void cache_pair(benchmark::State& state) {
  auto m = make_machine(false);
  Cache* cache = m.slabs->create({.name = "bench", .size = 256}).cache;
  const Gfp gfp = m.kernel_gfp();
  for (auto _ : state) {
    void* p = m.slabs->alloc(cache, gfp, kCpu0);
    benchmark::DoNotOptimize(p);
    benchmark::DoNotOptimize(m.slabs->free(cache, p, kCpu0));
  }
}
BENCHMARK(cache_pair);

// Allocates `count` objects, frees them in order (0), in reverse (1) or shuffled (2).
void batch(benchmark::State& state) {
  auto m = make_machine(false);
  const u64 size = static_cast<u64>(state.range(0));
  const u64 count = static_cast<u64>(state.range(1));
  const Gfp gfp = m.kernel_gfp();
  std::vector<void*> objects(count);
  std::vector<u32> order(count);
  for (u32 i = 0; i < count; ++i) order[i] = state.range(2) == 1 ? static_cast<u32>(count) - 1 - i : i;
  test::Random random(5);
  if (state.range(2) == 2) {
    for (u64 i = count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  }
  for (auto _ : state) {
    for (void*& p : objects) p = m.kmalloc->alloc(size, gfp, kCpu0);
    for (u32 i : order) (void)m.kmalloc->free(objects[i], kCpu0);
  }
  state.SetItemsProcessed(static_cast<s64>(count) * state.iterations());
}
BENCHMARK(batch)
    ->Args({256, 10000, 0})
    ->Args({256, 10000, 1})
    ->Args({256, 10000, 2})
    ->Args({256, 100000, 2})
    ->Args({64, 10000, 2})
    ->Args({1024, 10000, 2});

void page_pair(benchmark::State& state) {
  auto m = make_machine(false);
  const Order order{static_cast<u8>(state.range(0))};
  const Gfp gfp = m.kernel_gfp();
  for (auto _ : state) {
    const PageAllocation page = m.buddy->alloc(order, gfp, kCpu0);
    benchmark::DoNotOptimize(m.buddy->free(page.pfn, order, kCpu0));
  }
}
BENCHMARK(page_pair)->DenseRange(0, 10, 2);

void bulk_of_16(benchmark::State& state) {
  auto m = make_machine(false);
  Cache* cache = m.slabs->create({.name = "bench", .size = 256}).cache;
  std::vector<void*> objects(16);
  for (auto _ : state) {
    benchmark::DoNotOptimize(m.slabs->alloc_bulk(cache, m.kernel_gfp(), kCpu0, objects));
    benchmark::DoNotOptimize(m.slabs->free_bulk(cache, objects, kCpu0));
  }
  state.SetItemsProcessed(16 * state.iterations());
}
BENCHMARK(bulk_of_16);

void boot(benchmark::State& state) {
  const auto ram = pc_ram_ranges(static_cast<u64>(state.range(0)) << 30);
  const PfnRange low{0, 256};
  test::SparseMemory memory(u64{2} << 30);
  for (auto _ : state) {
    std::pmr::monotonic_buffer_resource resource(memory.base(), memory.size());
    Buddy buddy({.release = Release::k6_1,
                 .cpus = 4,
                 .ram = ram,
                 .reserved = {&low, 1},
                 .zeroed_resource = Yes::kYes,
                 .events = nullptr},
                &resource);
    benchmark::DoNotOptimize(buddy.free_pages());
  }
}
BENCHMARK(boot)->Arg(1)->Arg(64)->Iterations(20);

}  // namespace
}  // namespace koi::mm

BENCHMARK_MAIN();
