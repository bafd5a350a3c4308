// SPDX-License-Identifier: GPL-2.0-only
// Trap sites: instructions in module text that must come to koi instead of running on the host (architecture,
// decision 4): `pause` as a scheduling point, the time-stamp counter, random numbers, system calls, and
// privileged instructions.
//
// The text is decoded with a disassembler from every function symbol on; bytes that only look like an
// instruction (immediates, displacements) are never reported. After bytes that do not decode, decoding
// resumes at the next symbol. What alternatives would put in place (.altinstr_replacement) never runs and is
// not searched.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "module/linked_image.h"

namespace koi::module {

enum class TrapKind : u8 {
  kPause,
  kRdtsc,
  kRdtscp,
  kRdrand,
  kRdseed,
  kCpuid,
  kSyscall,  // syscall, sysenter, int n (not int3)
  kHlt,
  kCli,
  kSti,
  // Other instructions that fault outside ring 0: in/out, rdmsr/wrmsr, mov cr, invlpg, swapgs, iret ...
  kPrivileged,
};
[[nodiscard]] std::string_view trap_kind_name(TrapKind kind);

struct TrapSite {
  u64 address = 0;
  u8 length = 0;  // bytes of the instruction: what stands in for it must have the same length
  TrapKind kind = TrapKind::kPause;
};

struct TrapScan {
  std::vector<TrapSite> sites;  // by address
  u64 instructions = 0;         // decoded
  u64 undecoded_bytes = 0;      // skipped after a byte sequence that is no instruction
};

// Scans all executable sections. `values` are the resolved symbols.
[[nodiscard]] TrapScan scan_trap_sites(const ElfImage& image, const LinkedImage& linked,
                                       std::span<const u64> values);

}  // namespace koi::module
