// SPDX-License-Identifier: GPL-2.0-only
// Which tasks the OOM killer has killed, by pid.
#pragma once

#include <algorithm>
#include <memory_resource>
#include <vector>

#include "base/types.h"

namespace koi::runtime {

class OomVictims {
 public:
  explicit OomVictims(std::pmr::memory_resource* resource) : victims_(resource) {}

  void add(s32 pid) {
    if (find(pid) == nullptr) victims_.push_back({pid, false});
  }
  // Nothing more is to be had of it, whether it has died by now or not.
  void set_reaped(s32 pid) {
    for (Victim& victim : victims_) {
      if (victim.pid == pid) victim.reaped = true;
    }
  }
  [[nodiscard]] bool is_victim(s32 pid) const { return !victims_.empty() && find(pid) != nullptr; }
  [[nodiscard]] bool is_reaped(s32 pid) const {
    const Victim* const victim = find(pid);
    return victim != nullptr && victim->reaped;
  }

 private:
  struct Victim {
    s32 pid;
    bool reaped;
  };
  [[nodiscard]] const Victim* find(s32 pid) const {
    const auto at =
        std::find_if(victims_.begin(), victims_.end(), [pid](const Victim& v) { return v.pid == pid; });
    return at == victims_.end() ? nullptr : &*at;
  }

  std::pmr::vector<Victim> victims_;
};

}  // namespace koi::runtime
