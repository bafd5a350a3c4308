// SPDX-License-Identifier: GPL-2.0-only
// Where the world lies. Every address that a module can see is fixed, since replay depends on it.
//
//   0x4000'0000 ─ 0x5000'0000      window: modules, core.o, jump stubs (32-bit sign-extended relocations reach it)
//   0x2000'0000'0000 + RAM         direct map: page frame n at kDirectMap + n * 4096
//   0x2100'0000'0000               vmemmap: struct page of frame n at kVmemmap + n * 64
//   0x2180'0000'0000               host stacks: the C++ frames of each task; below the kernel stacks, since a debugger takes
//                                  a caller's frame at a lower address than its callee's for a broken stack
//   0x2200'0000'0000               vmalloc area: kernel stacks and vmalloc
//   0x2300'0000'0000               engine heap: all C++ state of the world
//   0x2500'0000'0000               per-CPU areas, one stride each; GS base points into them
//   0x2600'0000'0000               user memory: what copy_to_user and vm_mmap of the calling process see
//
// The ranges lie outside AddressSanitizer's shadow and below the usual mmap area, so that nothing else is there.
#pragma once

#include "base/types.h"

namespace koi::host {

inline constexpr u64 kPageSize = 4096;

inline constexpr u64 kWindow = 0x4000'0000;
inline constexpr u64 kWindowSize = 0x1000'0000;
inline constexpr u64 kWindowEnd = kWindow + kWindowSize;

inline constexpr u64 kDirectMap = 0x2000'0000'0000;
inline constexpr u64 kVmemmap = 0x2100'0000'0000;
inline constexpr u64 kStructPageSize = 64;
inline constexpr u64 kHostStacks = 0x2180'0000'0000;
inline constexpr u64 kVmalloc = 0x2200'0000'0000;
inline constexpr u64 kEngineHeap = 0x2300'0000'0000;
inline constexpr u64 kPercpuAreas = 0x2500'0000'0000;
inline constexpr u64 kUserMemory = 0x2600'0000'0000;

inline constexpr u64 kEngineHeapSize = 128ULL << 20;
// More for each page of RAM: its descriptor (32 bytes) and its slab (8), each table rounded up to a power of two.
inline constexpr u64 kEngineHeapPerPage = 80;
inline constexpr u64 kHostStackSize = 256ULL << 10;  // address space a task; only touched pages cost memory
inline constexpr u64 kHostStackGuard = kPageSize;
inline constexpr u64 kMaxTasks = 512;
inline constexpr u64 kPercpuAreaSize = 32ULL << 20;  // address space; only touched pages cost memory
inline constexpr u64 kUserMemorySize = 64ULL << 20;

// THREAD_SIZE of x86-64 without KASAN: the stack that module frames live on.
inline constexpr u64 kThreadSize = 16ULL << 10;

constexpr bool in_window(u64 address) { return address >= kWindow && address < kWindowEnd; }

}  // namespace koi::host
