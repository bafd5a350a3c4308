// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/unwind.h"

#include <algorithm>
#include <array>

#include "host/guest_memory.h"

namespace koi::runtime {
namespace {

using host::BorderRecord;
using module::FrameRegisters;
using module::OrcStep;
using module::StepResult;

constexpr u64 kWord = 8;
// What koi_cross_save_all keeps between its record and the caller's stack: nine registers and the call's own
// return address (the record's is a copy).
constexpr u64 kSaveAllBytes = 10 * kWord;
// How far below a stack a pointer may be and still mean that stack (it ran into the guard page).
constexpr u64 kGuardBytes = 4096;

class RangeReader : public module::StackReader {
 public:
  explicit RangeReader(std::span<const StackRange> stacks) : stacks_(stacks) {}

  std::optional<u64> read_word(u64 address) const override {
    if (!range_of(address)) return std::nullopt;
    return guest::load<u64>(address);
  }
  // The range in which a whole word at `address` lies.
  std::optional<u32> range_of(u64 address) const {
    for (u32 i = 0; i < stacks_.size(); ++i) {
      if (address >= stacks_[i].begin && address < stacks_[i].end && stacks_[i].end - address >= kWord)
        return i;
    }
    return std::nullopt;
  }
  // The same for a stack pointer, which may stand at the very end or in the guard page.
  std::optional<u32> range_of_sp(u64 sp) const {
    for (u32 i = 0; i < stacks_.size(); ++i) {
      if (sp <= stacks_[i].end && sp >= stacks_[i].begin - kGuardBytes) return i;
    }
    return std::nullopt;
  }

 private:
  std::span<const StackRange> stacks_;
};

class Unwinder {
 public:
  explicit Unwinder(const UnwindInput& input) : input_(input), stack_(input.stacks), border_(input.border) {}

  std::vector<Frame> run() {
    if (input_.trap != nullptr) {
      skip_own_trap_record();
      start_from(*input_.trap);
    } else {
      cross_border();
    }
    while (!done_ && frames_.size() < input_.frame_limit) next();
    return std::move(frames_);
  }

 private:
  const CodeRegion* region_of(u64 address) const {
    for (const CodeRegion& region : input_.code) {
      if (address >= region.begin && address < region.end) return &region;
    }
    return nullptr;
  }
  bool is_text(u64 address) const { return region_of(address) != nullptr; }

  // The handler of the event put a record for these registers on the stack: it is not part of the trace.
  void skip_own_trap_record() {
    const auto record = guest::load<BorderRecord>(border_);
    if (record && record->export_index == host::kBorderTrap &&
        record->return_rip == guest::address_of(input_.trap)) {
      border_ = record->previous;
    }
  }

  void start_from(const host::TrapFrame& trap) {
    registers_ = {trap.rip, trap.rsp, trap.rbp, trap.r10, trap.r13, trap.rdi, trap.rdx};
    exact_ = true;
    const auto range = stack_.range_of_sp(trap.rsp);
    if (!range) {
      lost_ = true;
      // A wild stack pointer tells nothing; the border still says where koi was left.
      stack_index_ = stack_.range_of(border_).value_or(0);
      scan_ = ~u64{0};
      return;
    }
    stack_index_ = *range;
    scan_ = std::max((trap.rsp + kWord - 1) & ~(kWord - 1), input_.stacks[*range].begin);
  }

  void push(FrameKind kind, u64 address, u64 slot, bool reliable) {
    Frame frame;
    frame.kind = kind;
    frame.reliable = reliable;
    frame.address = address;
    frame.slot = slot;
    frame.stack_index = stack_index_;
    frames_.push_back(frame);
  }

  // Reports the text addresses in [scan_, end) as hints.
  void scan_to(u64 end) {
    for (; scan_ < end && frames_.size() < input_.frame_limit; scan_ += kWord) {
      const auto word = stack_.read_word(scan_);
      if (word && is_text(*word)) push(FrameKind::kText, *word, scan_, false);
    }
  }

  // Continues in the frame that the youngest border record describes.
  void cross_border() {
    const auto record = border_ == 0 ? std::nullopt : guest::load<BorderRecord>(border_);
    const auto range = stack_.range_of(border_);
    if (!record || !range) {
      done_ = true;
      return;
    }
    stack_index_ = *range;
    const u64 at = border_;
    border_ = record->previous;
    if (record->export_index == host::kBorderBase) {
      push(FrameKind::kBase, 0, at, !lost_);
      done_ = true;
    } else if (record->export_index == host::kBorderTrap) {
      cross_trap(*record, at);
    } else {
      cross_export(*record, at);
    }
  }

  void cross_trap(const BorderRecord& record, u64 at) {
    const auto trap = guest::load<host::TrapFrame>(record.return_rip);
    if (!trap) {
      done_ = true;
      return;
    }
    push(FrameKind::kTrap, trap->rip, at, !lost_);
    frames_.back().trap = record.return_rip;
    const bool was_lost = lost_;
    start_from(*trap);
    lost_ = lost_ || was_lost;
  }

  void cross_export(const BorderRecord& record, u64 at) {
    const u32 index = static_cast<u32>(record.export_index);
    push(FrameKind::kBorder, 0, at, !lost_);
    frames_.back().export_index = index;
    u64 rsp = at + sizeof(BorderRecord);
    if (input_.saves_all && input_.saves_all(index)) rsp += kSaveAllBytes;
    registers_ = {record.return_rip, rsp, record.rbp, std::nullopt, record.r13, std::nullopt, std::nullopt};
    exact_ = false;
    scan_ = rsp;
    push(FrameKind::kText, record.return_rip, rsp - kWord, !lost_);
    if (!is_text(record.return_rip)) lost_ = true;
  }

  OrcStep step(bool* next_exact) const {
    *next_exact = false;
    if (registers_.rip == 0) return orc_step(module::orc_null_call_entry(), registers_, stack_);
    const u64 lookup = exact_ ? registers_.rip : registers_.rip - 1;
    const CodeRegion* region = region_of(lookup);
    if (region != nullptr && region->orc != nullptr) {
      if (const auto entry = region->orc->find(lookup)) {
        *next_exact = entry->signal;
        return orc_step(*entry, registers_, stack_);
      }
    }
    if (region != nullptr && region->kind == CodeKind::kCore) {
      const auto start = input_.function_start ? input_.function_start(lookup) : std::nullopt;
      return frame_pointer_step(registers_, exact_, start, stack_);
    }
    return orc_step(module::orc_frame_pointer_entry(), registers_, stack_);
  }

  void next() {
    if (lost_) return finish_by_scanning();
    bool next_exact = false;
    const OrcStep result = step(&next_exact);
    if (result.result == StepResult::kEnd) {
      done_ = true;
      return;
    }
    const bool forward = result.registers.rsp > registers_.rsp;
    if (result.result == StepResult::kError || !forward || result.location < scan_) {
      lost_ = true;
      return;
    }
    if (result.result != StepResult::kCall) return step_over_registers(result, next_exact);
    scan_to(result.location);
    if (result.registers.rip == input_.upcall_return_stub) {
      // The record that the upcall was made below is the first one above this word.
      while (border_ != 0 && border_ <= result.location && stack_.range_of(border_) == stack_index_) {
        const auto record = guest::load<BorderRecord>(border_);
        border_ = record ? record->previous : 0;
      }
      return cross_border();
    }
    if (!is_text(result.registers.rip)) {
      lost_ = true;
      return;
    }
    push(FrameKind::kText, result.registers.rip, result.location, true);
    registers_ = result.registers;
    exact_ = next_exact;
    scan_ = result.location + kWord;
  }

  // Saved registers on the stack itself (only assembly written by hand has such rows).
  void step_over_registers(const OrcStep& result, bool next_exact) {
    scan_to(result.location);
    if (!is_text(result.registers.rip)) {
      lost_ = true;
      return;
    }
    push(FrameKind::kText, result.registers.rip, result.location, true);
    registers_ = result.registers;
    exact_ = next_exact;
    scan_ = result.registers.rsp;
  }

  // The unwinder lost its way: the words up to the next border are hints, then the border itself is known.
  void finish_by_scanning() {
    if (stack_index_ < input_.stacks.size()) {
      const bool border_here = border_ != 0 && stack_.range_of(border_) == stack_index_;
      scan_to(border_here ? border_ : input_.stacks[stack_index_].end);
    }
    cross_border();
  }

  const UnwindInput& input_;
  RangeReader stack_;
  u64 border_;
  FrameRegisters registers_;
  bool exact_ = false;  // registers_.rip is an interrupted instruction, not a return address
  bool lost_ = false;
  bool done_ = false;
  u64 scan_ = 0;
  u32 stack_index_ = 0;
  std::vector<Frame> frames_;
};

// What the bytes from a function's start to `rip` have done to the stack.
enum class FrameState : u8 { kNone, kPushed, kComplete, kUnknown };

constexpr u8 kPushRbp = 0x55;
constexpr u8 kPopRbp = 0x5d;
constexpr u8 kLeave = 0xc9;
constexpr u8 kRet = 0xc3;
constexpr u8 kJmpNear = 0xe9;
constexpr u8 kJmpShort = 0xeb;

// The length of an instruction that may stand before `push %rbp`; 0: none of these.
u64 entry_padding_length(const std::array<u8, 32>& code, u64 at) {
  if (at + 5 > code.size()) return 0;
  if (code[at] == 0xf3 && code[at + 1] == 0x0f && code[at + 2] == 0x1e && code[at + 3] == 0xfa)
    return 4;                                                                      // endbr64
  if (code[at] == 0xe8) return 5;                                                  // call __fentry__
  if (code[at] == 0x0f && code[at + 1] == 0x1f && code[at + 2] == 0x44) return 5;  // its 5-byte nop
  return 0;
}

FrameState prologue_state(u64 start, u64 rip) {
  std::array<u8, 32> code{};
  if (guest::copy_in(code.data(), start, code.size()) != 0) return FrameState::kUnknown;
  u64 at = 0;
  while (const u64 length = entry_padding_length(code, at)) at += length;
  const u64 offset = rip - start;
  if (at + 4 > code.size() || code[at] != kPushRbp)
    return offset <= at ? FrameState::kNone : FrameState::kUnknown;
  if (offset <= at) return FrameState::kNone;
  // mov %rsp,%rbp has two encodings.
  const bool moves = code[at + 1] == 0x48 && ((code[at + 2] == 0x89 && code[at + 3] == 0xe5) ||
                                              (code[at + 2] == 0x8b && code[at + 3] == 0xec));
  if (!moves) return FrameState::kUnknown;
  return offset <= at + 1 ? FrameState::kPushed : FrameState::kComplete;
}

// Is `rip` behind the pop of rbp, at the return itself?
bool after_epilogue(u64 rip) {
  const auto here = guest::load<u8>(rip);
  if (!here) return false;
  if (*here == kRet) return true;
  const auto before = guest::load<u8>(rip - 1);
  const bool popped = before && (*before == kPopRbp || *before == kLeave);
  return popped && (*here == kJmpNear || *here == kJmpShort);  // jmp __x86_return_thunk
}

// A frame whose return address stands at `location`.
OrcStep call_step(u64 location, std::optional<u64> rbp, const module::StackReader& stack) {
  OrcStep step;
  const auto rip = stack.read_word(location);
  if (!rip || !rbp) return step;
  step.result = StepResult::kCall;
  step.location = location;
  step.registers.rip = *rip;
  step.registers.rsp = location + kWord;
  step.registers.rbp = *rbp;
  return step;
}

}  // namespace

OrcStep frame_pointer_step(const FrameRegisters& frame, bool exact, std::optional<u64> function_start,
                           const module::StackReader& stack) {
  const auto framed = [&] { return call_step(frame.rbp + kWord, stack.read_word(frame.rbp), stack); };
  const auto frameless = [&] { return call_step(frame.rsp, frame.rbp, stack); };
  if (!exact) return framed();
  if (after_epilogue(frame.rip)) return frameless();
  const FrameState state =
      function_start ? prologue_state(*function_start, frame.rip) : FrameState::kComplete;
  switch (state) {
    case FrameState::kNone:
      return frameless();
    case FrameState::kPushed:
      return call_step(frame.rsp + kWord, stack.read_word(frame.rsp), stack);
    case FrameState::kComplete:
      return framed();
    case FrameState::kUnknown:
      break;
  }
  // A leaf that keeps no frame (assembly, or shrink-wrapped code): rbp is still the caller's.
  return frameless();
}

std::vector<Frame> unwind(const UnwindInput& input) { return Unwinder(input).run(); }

}  // namespace koi::runtime
