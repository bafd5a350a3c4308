// SPDX-License-Identifier: GPL-2.0-only
#include "host/pace.h"

#include <cerrno>
#include <ctime>

namespace koi::host {
namespace {

constexpr u64 kStepNs = 1'000'000;
constexpr u64 kSecondNs = 1'000'000'000;

bool g_paces = false;
u64 g_offset_ns = 0;  // host time less virtual time
u64 g_paced_ns = 0;   // virtual

u64 host_now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<u64>(now.tv_sec) * kSecondNs + static_cast<u64>(now.tv_nsec);
}

}  // namespace

void start_pacing(u64 virtual_ns) {
  g_paces = true;
  g_paced_ns = virtual_ns;
  g_offset_ns = host_now_ns() - virtual_ns;
}

void pace(u64 virtual_ns) {
  if (!g_paces || virtual_ns < g_paced_ns + kStepNs) return;
  g_paced_ns = virtual_ns;
  const u64 until_ns = virtual_ns + g_offset_ns;
  timespec until{};
  until.tv_sec = static_cast<time_t>(until_ns / kSecondNs);
  until.tv_nsec = static_cast<long>(until_ns % kSecondNs);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace koi::host
