// SPDX-License-Identifier: GPL-2.0-only
// ORC unwind tables of module text: lookup and one unwind step.
//
// A module carries two parallel arrays: `.orc_unwind_ip` (signed 32-bit offsets, each relative to its own
// address) and `.orc_unwind` (6-byte rows). An ORC row says, for all code addresses up to the next row, where
// the caller's stack pointer is, where the caller's rbp was saved, and what kind of frame this is. Rows are
// sorted once at load time, because a module's table is in link order, not in address order; a lookup is a
// binary search.
//
// The format is described in Documentation/arch/x86/orc-unwinder.rst. The bit fields after the register
// numbers changed in 6.4: see OrcFormat.
#pragma once

#include <memory_resource>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::module {

// How the last two bytes of a row are laid out.
enum class OrcFormat : u8 {
  kEndBit,     // up to 6.3: type in 2 bits (call, regs, partial regs), then an `end` bit
  kSignalBit,  // from 6.4: type in 3 bits (undefined, end, call, regs, partial regs), then a `signal` bit
};

enum class OrcType : u8 { kUndefined, kEndOfStack, kCall, kRegs, kRegsPartial };

// Base registers of the two rules.
enum class OrcReg : u8 {
  kUndefined = 0,
  kPreviousSp = 1,
  kDx = 2,
  kDi = 3,
  kBp = 4,
  kSp = 5,
  kR10 = 6,
  kR13 = 7,
  kBpIndirect = 8,
  kSpIndirect = 9,
};

struct OrcEntry {
  s16 sp_offset = 0;
  s16 bp_offset = 0;
  OrcReg sp_reg = OrcReg::kUndefined;
  OrcReg bp_reg = OrcReg::kUndefined;
  OrcType type = OrcType::kUndefined;
  bool signal = false;  // the frame above was interrupted: its address is exact, not a return address
};

inline constexpr u64 kOrcRowBytes = 6;

// One row as it stands in `.orc_unwind`.
[[nodiscard]] OrcEntry decode_orc_row(const u8* row, OrcFormat format);

// The rule that the kernel falls back to where it has no ORC row: a frame-pointer frame.
[[nodiscard]] OrcEntry orc_frame_pointer_entry();
// The rule for a call through a null pointer: nothing but the return address was pushed.
[[nodiscard]] OrcEntry orc_null_call_entry();

// The sorted table of one module.
class OrcTable {
 public:
  // `ip_section`: the relocated contents of `.orc_unwind_ip`, loaded at `ip_section_address`.
  // `row_section`: the contents of `.orc_unwind`.
  // Errors: sizes that do not belong together.
  static Result<OrcTable> create(ByteSpan ip_section, u64 ip_section_address, ByteSpan row_section,
                                 OrcFormat format,
                                 std::pmr::memory_resource* memory = std::pmr::get_default_resource());

  // The row that covers `address`; nullopt below the first row. O(log n).
  [[nodiscard]] std::optional<OrcEntry> find(u64 address) const;
  [[nodiscard]] u64 size() const { return rows_.size(); }

 private:
  struct Row {
    u64 address;
    OrcEntry entry;
  };
  explicit OrcTable(std::pmr::memory_resource* memory) : rows_(memory) {}
  std::pmr::vector<Row> rows_;
};

// Reads stack words for the unwinder; nullopt where the address is not on a stack.
class StackReader {
 public:
  virtual ~StackReader() = default;
  [[nodiscard]] virtual std::optional<u64> read_word(u64 address) const = 0;
};

// What the unwinder knows of the registers at one frame. The four optional ones are known only at a frame
// that was interrupted.
struct FrameRegisters {
  u64 rip = 0;
  u64 rsp = 0;
  u64 rbp = 0;
  std::optional<u64> r10, r13, rdi, rdx;
};

enum class StepResult : u8 {
  kCall,         // the caller's registers, and where its return address stands
  kRegs,         // a saved pt_regs stands at `location`
  kRegsPartial,  // an interrupt frame (rip, cs, flags, rsp, ss) stands at `location`
  kEnd,          // the base of the stack
  kError,        // the rule cannot be followed
};

struct OrcStep {
  StepResult result = StepResult::kError;
  u64 location = 0;  // kCall: the word that holds the return address; kRegs*: the saved registers
  FrameRegisters registers;
};

// Applies `entry` to `frame`.
[[nodiscard]] OrcStep orc_step(const OrcEntry& entry, const FrameRegisters& frame, const StackReader& stack);

}  // namespace koi::module
