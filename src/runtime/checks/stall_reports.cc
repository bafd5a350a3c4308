// SPDX-License-Identifier: GPL-2.0-only
// Traps: what the watchdogs have found, as splats.
#include <algorithm>
#include <csignal>

#include "host/guest_memory.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/frames_table.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// Time has shown what it had to: from a lockup on a spinner's steps are short, so that the log does not fill.
constexpr u64 kLongestYieldAfterLockupNs = 16'000;
// RCU numbers grace periods from -300, in steps of four.
constexpr s64 kFirstGracePeriod = -1200;

}  // namespace

// The running task spins inside koi: in a lock's slow path, in a delay, or on the way out of a core function.
SplatInput Traps::input_at_spin() {
  const bool in_lock = border_export() == "koi_spin_wait";
  SplatInput input = input_at_border(in_lock ? FrameEvent::kSpinDeadlock : FrameEvent::kNone);
  if (in_lock || !border_export().starts_with("koi_")) return input;
  // A function of koi's own says nothing: the core function that called it is the place.
  const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
  if (!record) return input;
  input.registers.rip = record->return_rip;
  std::erase_if(input.trace, [&](const TraceItem& item) {
    return item.kind == TraceItem::Kind::kAddress && item.address == record->return_rip;
  });
  return input;
}

// A lock function of the core waits in its one frame, where the kernel's has a slow path.
std::vector<TraceItem> Traps::with_slow_path(std::vector<TraceItem> items) const {
  const auto waiter = std::find_if(items.begin(), items.end(), [this](const TraceItem& item) {
    if (item.kind != TraceItem::Kind::kAddress || !item.reliable) return false;
    const auto symbol = symbols_.lookup(item.address - 1);
    return !symbol || (symbol->name != "__schedule" && symbol->name != "schedule");
  });
  if (waiter == items.end()) return items;
  const auto symbol = symbols_.lookup(waiter->address - 1);
  if (!symbol || !symbol->module.empty()) return items;
  for (const frames_table::SleepRow& row : frames_table::sleep_rows(kernel_.series())) {
    if (row.exported != symbol->name || row.callers == row.exported) continue;
    auto at = items.erase(waiter);
    std::string_view names = row.callers;
    while (!names.empty()) {
      const size_t blank = names.find(' ');
      at = items.insert(at, trace_address(kernel_.name_address(names.substr(0, blank)) + kFrameOffset)) + 1;
      names = blank == std::string_view::npos ? std::string_view() : names.substr(blank + 1);
    }
    break;
  }
  return items;
}

SplatInput Traps::input_of_blocked(const sched::Task& task) {
  SplatInput input;
  input.context = context();
  input.trace = with_slow_path(trace_of(task, task.fiber.border(), nullptr, FrameEvent::kBlocked));
  for (const TraceItem& item : input.trace) {
    if (item.kind != TraceItem::Kind::kAddress || !item.reliable) continue;
    input.source = source_of(item.address - 1);
    if (!input.source.empty()) break;
  }
  return input;
}

void Traps::check_stalls(const host::TrapFrame* frame) {
  const auto stall = kernel_.sched().take_stall();
  if (!stall) return;
  const SplatInput input = frame != nullptr ? input_for(registers_from_trap(*frame), frame) : input_at_spin();
  SplatText text;
  switch (stall->kind) {
    case sched::StallKind::kSoftLockup:
      text = soft_lockup_splat(input, stall->seconds, symbols_);
      kernel_.modules().taint().mask |= module::taint_bit(module::Taint::kSoftLockup);
      longest_yield_ns_ = kLongestYieldAfterLockupNs;
      lockup_seen_ = true;
      break;
    case sched::StallKind::kHardLockup:
      text = hard_lockup_splat(input, symbols_);
      longest_yield_ns_ = kLongestYieldAfterLockupNs;
      lockup_seen_ = true;
      break;
    case sched::StallKind::kRcuStall: {
      RcuStall rcu;
      rcu.jiffies = stall->age_ns / kernel_.tick_ns();
      rcu.ticks = rcu.jiffies;
      rcu.scans = rcu.jiffies / 2;  // its thread looks every other jiffy
      rcu.idle_count = kernel_.sched().current()->switches * 8 + 4;
      rcu.grace_period = kFirstGracePeriod + 5;
      rcu.cpus = kernel_.config().cpus;
      text = rcu_stall_splat(input, rcu, symbols_);
      break;
    }
  }
  kernel_.console().print(text);
  kernel_.note(observe::EventKind::kLockup, text.front().text);
}

void Traps::end_deadlocked() {
  kernel_.note(observe::EventKind::kDeadlock, "a task spins for a lock that nobody is left to give up");
  kernel_.note_never_ends();
  kill_current(SIGKILL);
}

}  // namespace koi::runtime
