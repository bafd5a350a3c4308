// SPDX-License-Identifier: GPL-2.0-only
// What a general protection fault was about: the CPU does not tell the address, so the instruction is decoded.
#pragma once

#include "host/crossing.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

// Sets `hint` and `address` of a general protection event from the memory operand of the instruction at
// frame.rip: the rule of get_kernel_gp_address() in arch/x86/kernel/traps.c. No hint: the instruction cannot
// be read or decoded, has no operand that a ModRM byte addresses, or one that is relative to fs or gs
// (deviation: Linux adds the segment's base).
void describe_protection_fault(const host::TrapFrame& frame, OopsEvent& event);

}  // namespace koi::runtime
