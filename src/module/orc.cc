// SPDX-License-Identifier: GPL-2.0-only
#include "module/orc.h"

#include <algorithm>
#include <cstring>

namespace koi::module {
namespace {

constexpr u64 kWord = 8;
// Offsets in struct pt_regs of the saved rbp, rip and rsp.
constexpr u64 kPtRegsRbp = 4 * kWord;
constexpr u64 kPtRegsRip = 16 * kWord;
constexpr u64 kPtRegsRsp = 19 * kWord;
// In an interrupt frame rip comes first, then cs, flags, rsp.
constexpr u64 kIretRsp = 3 * kWord;

// The type numbers of the older format are those of its objtool hints.
OrcType type_with_end_bit(u32 bits, OrcReg sp_reg) {
  const u32 type = bits & 3;
  const bool end = (bits >> 2 & 1) != 0;
  if (sp_reg == OrcReg::kUndefined) return end ? OrcType::kEndOfStack : OrcType::kUndefined;
  switch (type) {
    case 0:
      return OrcType::kCall;
    case 1:
      return OrcType::kRegs;
    case 2:
      return OrcType::kRegsPartial;
    default:
      return OrcType::kUndefined;
  }
}

OrcType type_with_signal_bit(u32 bits) {
  const u32 type = bits & 7;
  return type <= 4 ? static_cast<OrcType>(type) : OrcType::kUndefined;
}

// Where the caller's stack pointer is; nullopt: the rule needs a register or a word that is not known.
std::optional<u64> previous_sp(const OrcEntry& entry, const FrameRegisters& frame, const StackReader& stack) {
  const u64 offset = static_cast<u64>(static_cast<s64>(entry.sp_offset));
  switch (entry.sp_reg) {
    case OrcReg::kSp:
      return frame.rsp + offset;
    case OrcReg::kBp:
      return frame.rbp + offset;
    case OrcReg::kBpIndirect:
      return stack.read_word(frame.rbp + offset);
    case OrcReg::kSpIndirect: {
      const auto sp = stack.read_word(frame.rsp);
      if (!sp) return std::nullopt;
      return *sp + offset;
    }
    case OrcReg::kR10:
      return frame.r10;
    case OrcReg::kR13:
      return frame.r13;
    case OrcReg::kDi:
      return frame.rdi;
    case OrcReg::kDx:
      return frame.rdx;
    case OrcReg::kUndefined:
    case OrcReg::kPreviousSp:
      return std::nullopt;
  }
  return std::nullopt;  // a register number that no version defines
}

// The caller's rbp by the second rule. `sp` is the caller's stack pointer, `unchanged` what rbp is where the
// rule says that this frame did not touch it. nullopt: it cannot be read.
std::optional<u64> previous_rbp(const OrcEntry& entry, u64 sp, u64 unchanged, const FrameRegisters& frame,
                                const StackReader& stack) {
  const u64 offset = static_cast<u64>(static_cast<s64>(entry.bp_offset));
  switch (entry.bp_reg) {
    case OrcReg::kUndefined:
      return unchanged;
    case OrcReg::kPreviousSp:
      return stack.read_word(sp + offset);
    case OrcReg::kBp:
      return stack.read_word(frame.rbp + offset);
    default:
      return std::nullopt;
  }
}

}  // namespace

OrcEntry decode_orc_row(const u8* row, OrcFormat format) {
  OrcEntry entry;
  std::memcpy(&entry.sp_offset, row, 2);
  std::memcpy(&entry.bp_offset, row + 2, 2);
  entry.sp_reg = static_cast<OrcReg>(row[4] & 0xf);
  entry.bp_reg = static_cast<OrcReg>(row[4] >> 4);
  if (format == OrcFormat::kEndBit) {
    entry.type = type_with_end_bit(row[5], entry.sp_reg);
    entry.signal = entry.type == OrcType::kRegs || entry.type == OrcType::kRegsPartial;
  } else {
    entry.type = type_with_signal_bit(row[5]);
    entry.signal = (row[5] >> 3 & 1) != 0;
  }
  return entry;
}

OrcEntry orc_frame_pointer_entry() {
  return {16, -16, OrcReg::kBp, OrcReg::kPreviousSp, OrcType::kCall, false};
}

OrcEntry orc_null_call_entry() {
  return {static_cast<s16>(kWord), 0, OrcReg::kSp, OrcReg::kUndefined, OrcType::kCall, false};
}

Result<OrcTable> OrcTable::create(ByteSpan ip_section, u64 ip_section_address, ByteSpan row_section,
                                  OrcFormat format, std::pmr::memory_resource* memory) {
  const u64 count = ip_section.size() / sizeof(s32);
  if (ip_section.size() % sizeof(s32) != 0 || row_section.size() != count * kOrcRowBytes) {
    return make_error(".orc_unwind_ip ({} bytes) and .orc_unwind ({} bytes) do not describe the same rows",
                      ip_section.size(), row_section.size());
  }
  OrcTable table(memory);
  table.rows_.reserve(count);
  for (u64 i = 0; i < count; ++i) {
    s32 relative = 0;
    std::memcpy(&relative, ip_section.data() + i * sizeof(s32), sizeof(s32));
    const u64 address = ip_section_address + i * sizeof(s32) + static_cast<u64>(static_cast<s64>(relative));
    table.rows_.push_back({address, decode_orc_row(row_section.data() + i * kOrcRowBytes, format)});
  }
  // The row that ends one section may share its address with the first row of the next section: it must come
  // first, so that the lookup (the last row at or below the address) finds the real one.
  std::stable_sort(table.rows_.begin(), table.rows_.end(), [](const Row& a, const Row& b) {
    if (a.address != b.address) return a.address < b.address;
    return a.entry.type == OrcType::kUndefined && b.entry.type != OrcType::kUndefined;
  });
  return table;
}

std::optional<OrcEntry> OrcTable::find(u64 address) const {
  const auto above = std::upper_bound(rows_.begin(), rows_.end(), address,
                                      [](u64 value, const Row& row) { return value < row.address; });
  if (above == rows_.begin()) return std::nullopt;
  return std::prev(above)->entry;
}

OrcStep orc_step(const OrcEntry& entry, const FrameRegisters& frame, const StackReader& stack) {
  OrcStep step;
  if (entry.type == OrcType::kUndefined) return step;
  if (entry.type == OrcType::kEndOfStack) {
    step.result = StepResult::kEnd;
    return step;
  }
  const auto sp = previous_sp(entry, frame, stack);
  if (!sp) return step;

  FrameRegisters caller;
  u64 unchanged_rbp = frame.rbp;
  std::optional<u64> rip;
  if (entry.type == OrcType::kCall) {
    step.location = *sp - kWord;
    rip = stack.read_word(step.location);
    caller.rsp = *sp;
  } else {
    const bool full = entry.type == OrcType::kRegs;
    step.location = *sp;
    rip = stack.read_word(*sp + (full ? kPtRegsRip : 0));
    const auto rsp = stack.read_word(*sp + (full ? kPtRegsRsp : kIretRsp));
    if (!rsp) return step;
    caller.rsp = *rsp;
    if (full) {
      const auto rbp = stack.read_word(*sp + kPtRegsRbp);
      if (!rbp) return step;
      unchanged_rbp = *rbp;
    }
  }
  if (!rip) return step;
  caller.rip = *rip;
  const auto rbp = previous_rbp(entry, *sp, unchanged_rbp, frame, stack);
  if (!rbp) return step;
  caller.rbp = *rbp;
  step.registers = caller;
  step.result = entry.type == OrcType::kCall   ? StepResult::kCall
                : entry.type == OrcType::kRegs ? StepResult::kRegs
                                               : StepResult::kRegsPartial;
  return step;
}

}  // namespace koi::module
