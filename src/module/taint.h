// SPDX-License-Identifier: GPL-2.0-only
// Taint: the bits, letters and once-only messages that loading a module adds to the kernel's state
// (Documentation/admin-guide/tainted-kernels.rst).
#pragma once

#include <string>

#include "base/types.h"
#include "module/kernel_log.h"

namespace koi::module {

// Bit numbers of /proc/sys/kernel/tainted.
enum class Taint : u8 {
  kProprietaryModule = 0,
  kForcedModule = 1,
  kForcedRmmod = 3,
  kBadPage = 5,
  kUser = 6,
  kDie = 7,
  kWarn = 9,
  kCrap = 10,
  kOutOfTreeModule = 12,
  kUnsignedModule = 13,
  kSoftLockup = 14,
  kLivepatch = 15,
  kTest = 18,
};

[[nodiscard]] constexpr u64 taint_bit(Taint taint) { return u64{1} << static_cast<u8>(taint); }

// Does this taint end lock debugging (and say so, once)?
enum class LockDebugging : u8 { kStillReliable, kNowUnreliable };

// The kernel-wide part of the loader's state. It lives as long as the virtual machine.
struct KernelTaint {
  u64 mask = 0;
  bool lock_debugging_disabled = false;
  bool said_signature_missing = false;
  bool said_livepatch = false;
  bool said_no_symbol_version = false;

  [[nodiscard]] bool has(Taint taint) const { return (mask & taint_bit(taint)) != 0; }
  // Sets the bit, and prints the kernel's line when lock debugging ends.
  void add(Taint taint, LockDebugging locks, KernelLog& log);
};

// A module's own taint letters as /proc/modules and sysfs show them: "OE", "POE", "" when clean.
[[nodiscard]] std::string module_taint_letters(u64 mask);

}  // namespace koi::module
