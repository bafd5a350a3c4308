// SPDX-License-Identifier: GPL-2.0-only
// The unwinder: from registers or a border record to the list of frames of one task's kernel stack.
//
// A kernel stack of koi, oldest at the top:
//
//   base record (kBorderBase)          what lies above are the context's declared frames
//   | upcall return stub               pushed by koi_upcall
//   | module frames ...                ORC
//   | core frames ...                  rbp chain (core.o has frame pointers), or ORC when it has some
//   | return address                   pushed by the module's call into koi
//   border record (export N)           C++ runs on the host stack; an upcall from there continues below
//   | upcall return stub
//   | module frames ...
//   trap record                        registers in a TrapFrame: a fault, a WARN, a preemption
//
// Words between two frames that look like text addresses are reported as unreliable (the `? ` entries of
// show_trace_log_lvl in arch/x86/kernel/dumpstack.c); when the unwinder cannot go on, all that is left is
// reported that way. Words inside koi's own records are never reported: they are not the kernel's.
//
// Pure code over its inputs: memory is read through guest:: accessors, nothing is printed.
// Cost: O(stack size).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/types.h"
#include "host/crossing.h"
#include "module/orc.h"

namespace koi::runtime {

enum class CodeKind : u8 {
  kModule,  // ORC where there is a row, else the frame-pointer guess
  kCore,    // the C core: ORC if it has a table, else the rbp chain with prologue analysis
};

// A mapped range of kernel-side text, rounded up to pages as the kernel's own text checks are.
struct CodeRegion {
  u64 begin = 0;
  u64 end = 0;
  CodeKind kind = CodeKind::kModule;
  const module::OrcTable* orc = nullptr;  // may be null
};

struct StackRange {
  u64 begin = 0;  // lowest address
  u64 end = 0;
};

enum class FrameKind : u8 {
  kText,    // `address` is a return address (or, unreliable, looks like one)
  kBorder,  // the task was inside export `export_index` here: its declared frames belong in this place
  kTrap,    // the task was interrupted here: `trap` holds the registers
  kBase,    // the bottom of the stack: the context's declared frames belong in this place
};

struct Frame {
  FrameKind kind = FrameKind::kText;
  bool reliable = true;
  u64 address = 0;
  u64 slot = 0;          // the stack word that holds `address`, or the record
  u32 export_index = 0;  // kBorder
  u64 trap = 0;          // kTrap: address of the host::TrapFrame
  u32 stack_index = 0;   // which of the given ranges the frame lies on
};

struct UnwindInput {
  std::span<const CodeRegion> code;
  std::span<const StackRange> stacks;
  // Where module functions called by an upcall return to.
  u64 upcall_return_stub = 0;
  // The task's youngest border record. It is where the unwinding starts when there is no `trap`.
  u64 border = 0;
  // Registers of the event itself, whose address is shown elsewhere (RIP:) and is no frame of the list.
  const host::TrapFrame* trap = nullptr;
  // Start of the function that covers an address of core text; empty: unknown.
  std::function<std::optional<u64>(u64)> function_start;
  // Does this export's thunk save every register above its record (CrossingKind::kSaveAll)? Empty: none does.
  std::function<bool(u32)> saves_all;
  u64 frame_limit = 512;
};

[[nodiscard]] std::vector<Frame> unwind(const UnwindInput& input);

// One step of a function that keeps rbp as frame pointer. `exact`: frame.rip is the very instruction that was
// interrupted, so that it may lie in the prologue, in the epilogue or in a leaf without a frame.
// `function_start`: nullopt when unknown.
[[nodiscard]] module::OrcStep frame_pointer_step(const module::FrameRegisters& frame, bool exact,
                                                 std::optional<u64> function_start,
                                                 const module::StackReader& stack);

}  // namespace koi::runtime
