// SPDX-License-Identifier: GPL-2.0-only
// The relocation types of the x86-64 psABI that kernel modules contain.
#pragma once

#include <string_view>

#include "base/types.h"

namespace koi::module {

// S: the symbol's address, A: the addend, P: the address of the place.
inline constexpr u32 kRelocNone = 0;
inline constexpr u32 kReloc64 = 1;     // S + A, 8 bytes
inline constexpr u32 kRelocPc32 = 2;   // S + A - P, 4 bytes, signed
inline constexpr u32 kRelocPlt32 = 4;  // as PC32: the kernel has no PLT
inline constexpr u32 kReloc32 = 10;    // S + A, 4 bytes, zero-extended
inline constexpr u32 kReloc32S = 11;   // S + A, 4 bytes, sign-extended
inline constexpr u32 kRelocPc64 = 24;  // S + A - P, 8 bytes

// Bytes that a relocation changes; 0 for R_X86_64_NONE and for types that koi does not know.
[[nodiscard]] constexpr u64 relocation_width(u32 type) {
  switch (type) {
    case kReloc64:
    case kRelocPc64:
      return 8;
    case kRelocPc32:
    case kRelocPlt32:
    case kReloc32:
    case kReloc32S:
      return 4;
    default:
      return 0;
  }
}

[[nodiscard]] constexpr std::string_view relocation_name(u32 type) {
  switch (type) {
    case kRelocNone:
      return "R_X86_64_NONE";
    case kReloc64:
      return "R_X86_64_64";
    case kRelocPc32:
      return "R_X86_64_PC32";
    case kRelocPlt32:
      return "R_X86_64_PLT32";
    case kReloc32:
      return "R_X86_64_32";
    case kReloc32S:
      return "R_X86_64_32S";
    case kRelocPc64:
      return "R_X86_64_PC64";
    default:
      return "unknown";
  }
}

}  // namespace koi::module
