// SPDX-License-Identifier: GPL-2.0-only
// lock_stat: how often the locks of each class were taken and waited for, and how long, in virtual time.
//
// The text is that of /proc/lock_stat (version 0.4; Documentation/locking/lockstat.rst): times in microseconds, the contention
// points of a class (who waited), then what held the lock at that time. Bounces are counted by class, not by lock.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/types.h"
#include "engine/lockdep/held_locks.h"

namespace koi::runtime {

class Kernel;

// LOCKSTAT_POINTS of the kernel.
inline constexpr size_t kLockPoints = 4;

struct LockPoint {
  u64 ip = 0;
  u64 count = 0;
};
using LockPointList = std::array<LockPoint, kLockPoints>;
struct LockPoints {
  LockPointList waiters;  // who wanted the lock
  LockPointList holders;  // where who had it took it
};
// One more at `ip`; the first four places of a class are kept.
void count_point(LockPointList& points, u64 ip);

struct LockStatPlace {
  u64 ip = 0;
  u64 count = 0;
  std::string text;  // symbol+0xOFFSET/0xSIZE [module]
};

struct LockStatRow {
  std::string name;
  lockdep::LockStat exclusive;
  lockdep::LockStat shared;
  std::vector<LockStatPlace> waiters;
  std::vector<LockStatPlace> holders;
  [[nodiscard]] u64 contentions() const { return exclusive.contentions + shared.contentions; }
  [[nodiscard]] bool empty() const {
    return exclusive.acquisitions + shared.acquisitions + contentions() == 0;
  }
};

[[nodiscard]] std::string lock_stat_text(const std::vector<LockStatRow>& rows);
// /proc/lock_stat
[[nodiscard]] std::string proc_lock_stat(Kernel& kernel);

}  // namespace koi::runtime
