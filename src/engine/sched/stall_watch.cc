// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/stall_watch.h"

namespace koi::sched {
namespace {

constexpr u64 kSecondNs = 1'000'000'000;
constexpr u64 kSoftPeriodNs = 4 * kSecondNs;
constexpr u64 kSoftThreshold = 20;  // of seconds that are 2^30 ns long
constexpr u32 kSoftSecondShift = 30;
constexpr u64 kHardPeriodNs = 10 * kSecondNs;
constexpr u64 kRcuStallNs = 21 * kSecondNs;
constexpr u64 kRcuAgainNs = 3 * kRcuStallNs;

}  // namespace

void StallWatch::touch(u64 now_ns) {
  touched_ns_ = now_ns / kSoftPeriodNs * kSoftPeriodNs;
  reported_ns_ = touched_ns_;
  soft_look_ns_ = touched_ns_ + kSoftPeriodNs;
  delay_report_ = false;
  quiescent_ns_ = now_ns;
  rcu_report_ns_ = now_ns + kRcuStallNs;
  interrupt_ns_ = now_ns;
  hard_look_ns_ = now_ns / kHardPeriodNs * kHardPeriodNs + kHardPeriodNs;
  hard_reported_ = false;
}

std::optional<Stall> StallWatch::look(u64 now_ns, Interrupts interrupts, Reader reader) {
  if (interrupts == Interrupts::kOff) return look_hard(now_ns);
  interrupt_ns_ = now_ns;
  hard_reported_ = false;
  hard_look_ns_ = now_ns / kHardPeriodNs * kHardPeriodNs + kHardPeriodNs;
  if (reader == Reader::kNo) {
    quiescent_ns_ = now_ns;
    rcu_report_ns_ = now_ns + kRcuStallNs;
  } else if (now_ns >= rcu_report_ns_) {
    rcu_report_ns_ = now_ns + kRcuAgainNs;
    // Printing it touches the other watchdog.
    delay_report_ = true;
    Stall stall;
    stall.kind = StallKind::kRcuStall;
    stall.age_ns = now_ns - quiescent_ns_;
    return stall;
  }
  return look_soft(now_ns);
}

std::optional<Stall> StallWatch::look_soft(u64 now_ns) {
  if (!soft_watch_due(now_ns)) return std::nullopt;
  const u64 look_ns = now_ns / kSoftPeriodNs * kSoftPeriodNs;
  soft_look_ns_ = look_ns + kSoftPeriodNs;
  if (delay_report_) {
    delay_report_ = false;
    reported_ns_ = look_ns;
    return std::nullopt;
  }
  const u64 second = look_ns >> kSoftSecondShift;
  if (second <= (reported_ns_ >> kSoftSecondShift) + kSoftThreshold) return std::nullopt;
  reported_ns_ = look_ns;
  Stall stall;
  stall.seconds = second - (touched_ns_ >> kSoftSecondShift);
  return stall;
}

// Once, until interrupts come again.
std::optional<Stall> StallWatch::look_hard(u64 now_ns) {
  if (now_ns < hard_look_ns_ || hard_reported_) return std::nullopt;
  const u64 look_ns = now_ns / kHardPeriodNs * kHardPeriodNs;
  hard_look_ns_ = look_ns + kHardPeriodNs;
  // The other timer runs every 4 s: it ran since the last look if interrupts were on at any time since.
  if (look_ns < interrupt_ns_ + kHardPeriodNs) return std::nullopt;
  hard_reported_ = true;
  Stall stall;
  stall.kind = StallKind::kHardLockup;
  return stall;
}

}  // namespace koi::sched
