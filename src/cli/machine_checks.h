// SPDX-License-Identifier: GPL-2.0-only
// The checks of koi doctor.
#pragma once

#include <string>
#include <vector>

namespace koi::cli {

enum class CheckState {
  kGood,
  kPoor,     // koi runs, with less
  kMissing,  // koi cannot run modules without it
};

struct MachineCheck {
  std::string name;
  CheckState state = CheckState::kGood;
  std::string detail;
  std::string mend;  // a command or a setting; empty: nothing to mend
};

[[nodiscard]] std::vector<MachineCheck> check_machine();

}  // namespace koi::cli
