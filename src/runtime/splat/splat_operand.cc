// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/splat_operand.h"

#include <Zydis/Zydis.h>

#include <array>
#include <optional>
#include <span>

#include "host/guest_memory.h"

namespace koi::runtime {
namespace {

// The user half ends here: with four levels of page tables addresses have 47 bits in each half.
constexpr u64 kVirtualMask = (u64{1} << 47) - 1;

// A 64-bit register of the frame; nullopt: no general register.
std::optional<u64> register_value(const host::TrapFrame& f, ZydisRegister name, u64 next_rip) {
  switch (name) {
    case ZYDIS_REGISTER_NONE:
      return 0;
    case ZYDIS_REGISTER_RIP:
      return next_rip;
    case ZYDIS_REGISTER_RAX:
      return f.rax;
    case ZYDIS_REGISTER_RBX:
      return f.rbx;
    case ZYDIS_REGISTER_RCX:
      return f.rcx;
    case ZYDIS_REGISTER_RDX:
      return f.rdx;
    case ZYDIS_REGISTER_RSI:
      return f.rsi;
    case ZYDIS_REGISTER_RDI:
      return f.rdi;
    case ZYDIS_REGISTER_RBP:
      return f.rbp;
    case ZYDIS_REGISTER_RSP:
      return f.rsp;
    case ZYDIS_REGISTER_R8:
      return f.r8;
    case ZYDIS_REGISTER_R9:
      return f.r9;
    case ZYDIS_REGISTER_R10:
      return f.r10;
    case ZYDIS_REGISTER_R11:
      return f.r11;
    case ZYDIS_REGISTER_R12:
      return f.r12;
    case ZYDIS_REGISTER_R13:
      return f.r13;
    case ZYDIS_REGISTER_R14:
      return f.r14;
    case ZYDIS_REGISTER_R15:
      return f.r15;
    default:
      return std::nullopt;
  }
}

struct Operand {
  u64 address = 0;
  u64 size_bytes = 0;
};

std::optional<Operand> memory_operand(const host::TrapFrame& frame) {
  std::array<u8, ZYDIS_MAX_INSTRUCTION_LENGTH> bytes{};
  if (guest::copy_in(bytes.data(), frame.rip, bytes.size()) != 0) return std::nullopt;
  ZydisDecoder decoder;
  ZydisDecodedInstruction instruction;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
  if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
      !ZYAN_SUCCESS(
          ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &instruction, operands.data()))) {
    return std::nullopt;
  }
  for (const ZydisDecodedOperand& operand : std::span(operands).first(instruction.operand_count)) {
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM)
      continue;
    const ZydisDecodedOperandMem& memory = operand.mem;
    if (memory.segment == ZYDIS_REGISTER_FS || memory.segment == ZYDIS_REGISTER_GS) return std::nullopt;
    const u64 next_rip = frame.rip + instruction.length;
    const auto base = register_value(frame, memory.base, next_rip);
    const auto index = register_value(frame, memory.index, next_rip);
    if (!base || !index) return std::nullopt;
    const u64 displacement = memory.disp.has_displacement ? static_cast<u64>(memory.disp.value) : 0;
    return Operand{*base + *index * memory.scale + displacement, u64{instruction.operand_width} / 8};
  }
  return std::nullopt;
}

}  // namespace

void describe_protection_fault(const host::TrapFrame& frame, OopsEvent& event) {
  const auto operand = memory_operand(frame);
  if (!operand || operand->address == ~u64{0}) {
    event.hint = OopsEvent::Hint::kNone;
    return;
  }
  event.address = operand->address;
  const u64 last = operand->address + (operand->size_bytes == 0 ? 0 : operand->size_bytes - 1);
  const bool below_kernel_half = operand->address < ~kVirtualMask;
  event.hint =
      below_kernel_half && last > kVirtualMask ? OopsEvent::Hint::kNonCanonical : OopsEvent::Hint::kCanonical;
}

}  // namespace koi::runtime
