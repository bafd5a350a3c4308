// SPDX-License-Identifier: GPL-2.0-only
// The border between module text and koi's C++ (architecture, decision 5).
//
// A task has two stacks. Module frames (and the C core's) live on the kernel stack; C++ frames on the host stack.
//
//   crossing:  module calls a jump stub in the window; the stub loads the export's index into r11d and jumps to
//              koi_cross, which pushes a BorderRecord on the kernel stack, switches to the host stack and calls the C++ function.
//   upcall:    C++ calls a module function (init, comparator, callback): koi_upcall notes the host stack pointer in the
//              GS area and runs the function on the kernel stack below the youngest BorderRecord.
//   trap:      a signal handler filled a TrapFrame and edited the ucontext; after sigreturn koi_trap_entry runs on the
//              host stack, calls koi_trap_dispatch and resumes from the (perhaps changed) frame.
//
// The GS area: the first 40 bytes of each virtual CPU's per-CPU area are koi's, the canary is at 0x28 as gcc wants it.
#pragma once

#include "base/types.h"

namespace koi::host {

// Clock and event state of one virtual CPU that the thunks touch.
struct VcpuClock {
  u64 now_ns;       // virtual time of this CPU; every crossing adds kCrossingCost
  u64 deadline_ns;  // at or past this the way out of koi takes the slow path (0: at once)
  u64 in_fpu;       // nonzero inside kernel_fpu_begin: crossings save the vector state
  u64 crossings;    // calls into koi so far: progress, for the last-resort timer
  u64 cpu = 0;      // its number
  // What the leaf functions ask about the running task: where these are.
  const u16* preempt_count = nullptr;  // of preemption and soft interrupts: the low half
  const s32* rcu_nesting = nullptr;
};

struct GsArea {
  u64 interrupt_flag;  // 0x00: 0x200 when the virtual CPU's interrupts are on, as in RFLAGS
  u64 host_sp;         // 0x08: where a crossing continues on the running task's host stack
  u64 border;          // 0x10: the running task's youngest BorderRecord
  u64 site;            // 0x18: the call site of the latest call into koi that has one (observe::SiteNumber)
  VcpuClock* clock;    // 0x20
  u64 canary;          // 0x28
};
static_assert(sizeof(GsArea) == 0x30);

// Pushed on the kernel stack by every crossing; linked through `previous`.
struct BorderRecord {
  u64 previous;
  u64 export_index;  // or one of the markers below
  u64 r15, r14, r13, r12, rbx, rbp;
  u64 return_rip;  // pushed by the module's call
};
static_assert(sizeof(BorderRecord) == 72);

inline constexpr u64 kBorderBase =
    0xffff'0000;  // the bottom of a task's kernel stack: no module frames above it
inline constexpr u64 kBorderTrap = 0xffff'0001;  // made by a trap: `return_rip` holds the TrapFrame's address

inline constexpr u64 kCrossingCost = 50;  // virtual ns of one call into koi

// The registers at a fault or trap, in the order of koi_trap_entry.
struct TrapFrame {
  u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  u64 rip, rflags, rsp;
  u64 trap_number;  // x86 vector: 0 divide error, 1 debug, 3 int3, 6 invalid opcode, 13 general protection, 14 page fault ...
  u64 error_code;  // as the CPU pushed it
  u64 cr2;         // page faults: the address
  u64 signal;      // the host signal that brought it
};
static_assert(sizeof(TrapFrame) == 176);

inline constexpr u64 kTrapPreempt = 0x100;  // trap_number of the last-resort timer
inline constexpr u64 kTrapSyscall = 0x101;  // a system call instruction in module text

// Called by koi_trap_entry on the trapped task's host stack, with a border record that protects the trapped frames.
// The frame may be changed (skip a ud2, continue elsewhere); returning resumes from it. It may also never return.
using TrapDispatcher = void (*)(TrapFrame* frame);
void set_trap_dispatcher(TrapDispatcher dispatcher);

// Called on the way out of koi when the clock reached its deadline, before the stacks are switched back.
using BorderSlowPath = void (*)();
void set_border_slow_path(BorderSlowPath slow_path);

// The C++ functions by export index. Set once, before any crossing.
void set_export_functions(const void* const* functions);

// How a stub enters koi.
enum class CrossingKind : u8 {
  kPlain,      // up to six integer arguments
  kStackArgs,  // more than six: the export's stack argument words (up to kMaxStackArgs) are copied
  kVariadic,   // the C++ function takes a guest va_list address after its fixed arguments
  kPair,       // returns 16 bytes in rax:rdx
  kSaveAll,    // called from places that expect every register kept (preempt_schedule thunks)
};
inline constexpr u32 kMaxStackArgs = 8;
[[nodiscard]] const void* crossing_entry(CrossingKind kind);

// Leaf exports: a function of koi's that serves the common case of an export on the module's own stack, without a border
// record. Its contract: general registers only, no more stack than a few pushes, no calls, no memory that could fault; it serves the call only if
// there is nothing to report and the clock, with the call's cost added, stays below its deadline; it returns through
// koi_leaf_return(), which scrubs; and everything else it hands to koi_leaf_slow() with the same arguments, as if it
// had not been there. Virtual time and the number of crossings are the same either way. It lives in section koi_leaf_text:
// the last-resort timer does not switch there, and a fault there is koi's own.
enum class Leaf : u8 {
  kNone,
  kKmalloc,           // (size, gfp)
  kKmallocFromCache,  // (cache, gfp, size)
  kKfree,
  kCacheAlloc,  // (cache, gfp)
  kCacheFree,   // (cache, object)
  kAllocPages,  // (gfp, order)
  kFreePages,   // (page, order)
  kBulkAlloc,   // (cache, gfp, count, objects)
  kBulkFree,    // (cache, count, objects)
  kCount,
};
// What a leaf's stub jumps to while the leaf is off.
[[nodiscard]] const void* leaf_off();
inline constexpr u64 kLeafStackBytes = 96;
[[nodiscard]] bool in_leaf_text(u64 rip);

// Calls guest text at `function` with up to six integer arguments. Context: a task's host stack, no engine
// invariant open: the callee may never return (its task can be killed inside).
u64 upcall(u64 function, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0);

// For the signal handler.
[[nodiscard]] u64 trap_entry_address();
[[nodiscard]] bool in_crossing_prologue(u64 rip);  // still on the kernel stack: a fault there is the module's
[[nodiscard]] TrapFrame* trap_staging();           // where the handler leaves the registers

// The running virtual CPU's GS area.
[[nodiscard]] GsArea* gs_area();
void set_gs_base(u64 base);

}  // namespace koi::host
