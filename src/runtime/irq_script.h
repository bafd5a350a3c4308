// SPDX-License-Identifier: GPL-2.0-only
// Interrupts that no device raises: at times of the command line (--irq), or at once (`irq LINE` of a session).
//
// An interrupt comes on the CPU that the line's affinity says, as soon as that CPU has interrupts on: the same seed, the same place.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::runtime {

class Kernel;

inline constexpr u32 kIrqLines = 16;

struct ScriptedIrq {
  u32 line = 0;
  u64 at_ns = 0;
  u64 every_ns = 0;  // 0: once
  u64 count = 1;
  std::string text;  // as it was given
  [[nodiscard]] u64 last_ns() const { return at_ns + every_ns * (count - 1); }
};

// "5@10ms", "5@10ms,every=100us,count=20". Units: ns, us, ms, s.
[[nodiscard]] Result<ScriptedIrq> parse_scripted_irq(const std::string& text);
// The virtual machine is up.
void schedule_irqs(Kernel& kernel, const std::vector<ScriptedIrq>& irqs);
// Runs the machine until the last of them has come.
void wait_for_irqs(Kernel& kernel, const std::vector<ScriptedIrq>& irqs);

}  // namespace koi::runtime
