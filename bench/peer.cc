// SPDX-License-Identifier: GPL-2.0-only
// The peers' side of the memory benchmark: the loops of loops.h over malloc and free, whichever library provides them
// (LD_PRELOAD), or over the floor: a thread-local LIFO freelist for each size, which checks nothing and returns nothing.
//
//   peer malloc|floor plain|clear    reads "pair 256 1000000" lines, answers each with what the loop returned
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using u32 = std::uint32_t;
using u64 = std::uint64_t;

namespace {

// How the loops get and give memory.
struct Malloc {
  static void* take(u32 size) { return std::malloc(size); }
  static void give(u32 /*size*/, void* p) { std::free(p); }
};

struct FreeBlock {
  FreeBlock* next;
};
constexpr u32 kFloorClasses = 24;
thread_local FreeBlock* floor_lists[kFloorClasses];

struct Floor {
  static u32 index(u32 size) { return size <= 8 ? 3 : 32 - static_cast<u32>(__builtin_clz(size - 1)); }
  static void* take(u32 size) {
    FreeBlock*& list = floor_lists[index(size)];
    FreeBlock* const block = list;
    if (block == nullptr) return std::malloc(u64{1} << index(size));
    list = block->next;
    return block;
  }
  static void give(u32 size, void* p) {
    FreeBlock*& list = floor_lists[index(size)];
    auto* const block = static_cast<FreeBlock*>(p);
    block->next = list;
    list = block;
  }
};

enum class Fill { kNothing, kClear, kTouch };

void* bench_objects[400000];
u32 bench_order[400000];
u32 bench_sizes[400000];
bool clears = false;
bool touches = false;

}  // namespace

// A call, as the kernel's are: what is inlined into the loop is not measured.
extern "C" {
[[gnu::noinline]] void* floor_take(u32 size) { return Floor::take(size); }
[[gnu::noinline]] void floor_give(u32 size, void* p) { Floor::give(size, p); }
}

namespace with_malloc {
inline void* bench_alloc(u32 size) { return std::malloc(size); }
inline void bench_free(void* p) { std::free(p); }
inline void* bench_cache_alloc(u32 size) { return std::malloc(size); }
inline void bench_cache_free(u32 /*size*/, void* p) { std::free(p); }
inline void* bench_pages_alloc(u32 order) { return std::malloc(u64{4096} << order); }
inline void bench_pages_free(void* p, u32 /*order*/) { std::free(p); }
inline u32 bench_bulk_alloc(u32 count, void** objects) {
  for (u32 i = 0; i < count; i++) objects[i] = std::malloc(256);
  return count;
}
inline void bench_bulk_free(u32 count, void** objects) {
  for (u32 i = 0; i < count; i++) std::free(objects[i]);
}
inline void bench_fill(void* p, u32 size) {
  asm volatile("" : "+r"(p)::"memory");
  if (clears) std::memset(p, 0, size);
  if (touches) {
    for (u32 at = 0; at < size; at += 64) static_cast<volatile char*>(p)[at] = 1;
  }
}
inline void bench_relax() {}
#include "loops.h"
}  // namespace with_malloc

#undef KOI_BENCH_LOOPS_H

namespace with_floor {
inline void* bench_cache_alloc(u32 size) { return floor_take(size); }
inline void bench_cache_free(u32 size, void* p) { floor_give(size, p); }
// The floor is told the size that a real allocator has to find out; only loops of one size run on it.
thread_local u32 size_now;
inline void* bench_alloc(u32 size) {
  size_now = size;
  return floor_take(size);
}
inline void bench_free(void* p) { floor_give(size_now, p); }
inline void* bench_pages_alloc(u32 order) { return floor_take(4096U << order); }
inline void bench_pages_free(void* p, u32 order) { floor_give(4096U << order, p); }
inline u32 bench_bulk_alloc(u32 count, void** objects) {
  for (u32 i = 0; i < count; i++) objects[i] = floor_take(256);
  return count;
}
inline void bench_bulk_free(u32 count, void** objects) {
  for (u32 i = 0; i < count; i++) floor_give(256, objects[i]);
}
inline void bench_fill(void* p, u32 size) {
  asm volatile("" : "+r"(p)::"memory");
  if (clears) std::memset(p, 0, size);
}
inline void bench_relax() {}
#include "loops.h"
}  // namespace with_floor

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: peer malloc|floor plain|clear\n", stderr);
    return 2;
  }
  const bool floor = std::strcmp(argv[1], "floor") == 0;
  clears = std::strcmp(argv[2], "clear") == 0;
  char line[64], name[16];
  while (std::fgets(line, sizeof(line), stdin) != nullptr) {
    u32 a = 0, b = 0, c = 0, d = 0;
    if (std::sscanf(line, "%15s %u %u %u %u", name, &a, &b, &c, &d) < 2) return 2;
    touches = name[0] == 'w';
    const u64 result =
        floor ? with_floor::bench_run(name, a, b, c, d) : with_malloc::bench_run(name, a, b, c, d);
    std::printf("%" PRIu64 "\n", result);
    std::fflush(stdout);
  }
  return 0;
}
