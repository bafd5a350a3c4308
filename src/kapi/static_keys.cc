// SPDX-License-Identifier: GPL-2.0-only
// <linux/jump_label.h>: static keys. The count is the key's first word; the sites follow it.
#include <climits>

#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/modules/jump_labels.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using runtime::JumpLabels;
using runtime::Traps;

// kernel/jump_label.c: its WARN_ON_ONCEs.
constexpr Traps::KernelPlace kEnabledTwice{"kernel/jump_label.c", 200, 203};
constexpr Traps::KernelPlace kDisabledCounted{"kernel/jump_label.c", 231, 234};
constexpr Traps::KernelPlace kNegativeCount{"kernel/jump_label.c", 279, 282};

void warn_once(const Traps::KernelPlace& place) {
  if (!current().modules().jump_labels().first_warning(place.line_6_12)) return;
  current().traps().warn(runtime::FrameEvent::kNone, place);
}

// The key's count; nullopt: it cannot be read, and the oops is raised.
std::optional<s32> load_count(Address key) {
  const auto count = JumpLabels::enabled(key);
  if (!count) raise(guest::last_fault());
  return count;
}

void set_count(Address key, s32 count) {
  if (!current().modules().jump_labels().set_enabled(key, count)) raise(guest::last_fault());
}

s32 static_key_count(Address key) {
  const s32 count = load_count(key).value_or(0);
  return count >= 0 ? count : 1;
}

void static_key_enable(Address key) {
  const auto count = load_count(key);
  if (!count) return;
  if (*count > 1) warn_once(kEnabledTwice);
  if (*count == 0) set_count(key, 1);
}

void static_key_disable(Address key) {
  const auto count = load_count(key);
  if (!count) return;
  if (*count == 1) return set_count(key, 0);
  if (*count != 0) warn_once(kDisabledCounted);
}

bool fast_inc_not_disabled(Address key) {
  const auto count = load_count(key);
  if (!count || *count <= 0 || *count == INT_MAX) return false;
  set_count(key, *count + 1);
  return true;
}

bool static_key_slow_inc(Address key) {
  const auto count = load_count(key);
  if (!count || *count == INT_MAX) return false;
  set_count(key, *count + 1);
  return true;
}

void static_key_slow_dec(Address key) {
  const auto count = load_count(key);
  if (!count) return;
  if (*count == 0) return warn_once(kNegativeCount);
  set_count(key, *count - 1);
}

// No call is inlined: each site goes through its trampoline, which jumps where the key says.
void static_call_update(Address key, Address trampoline, Address function) {
  if (!guest::store(key, function)) return raise(guest::last_fault());
  runtime::JumpLabels::set_trampoline(trampoline, function);
}

}  // namespace

runtime::ExportTable static_key_exports() {
  static const runtime::Export table[] = {
      {"__static_call_update", address(static_call_update)},
      {"static_key_count", address(static_key_count)},
      {"static_key_enable", address(static_key_enable)},
      {"static_key_enable_cpuslocked", address(static_key_enable)},
      {"static_key_disable", address(static_key_disable)},
      {"static_key_disable_cpuslocked", address(static_key_disable)},
      {"static_key_fast_inc_not_disabled", address(fast_inc_not_disabled)},
      {"static_key_slow_inc", address(static_key_slow_inc)},
      {"static_key_slow_dec", address(static_key_slow_dec)},
  };
  return table;
}

}  // namespace koi::kapi
