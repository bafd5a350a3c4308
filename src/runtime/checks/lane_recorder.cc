// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/lane_recorder.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/border_hook.h"
#include "runtime/checks/hung_tasks.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

LaneRecorder* g_recorder = nullptr;
host::BorderSlowPath g_slow_path = nullptr;
void (*g_look)() = nullptr;

}  // namespace

LaneRecorder::LaneRecorder(Kernel& kernel) : kernel_(kernel), sources_(kernel) {
  g_recorder = this;
  g_slow_path = host::border_slow_path();
  g_look = [] { g_recorder->look(); };
  host::set_border_slow_path([] {
    g_look();
    g_slow_path();
  });
}

LaneRecorder::~LaneRecorder() {
  host::set_border_slow_path(g_slow_path);
  g_recorder = nullptr;
}

std::string LaneRecorder::name_of(s32 pid) const {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [pid](const Lane& l) { return l.pid == pid; });
  return lane == lanes_.end() ? fmt::format("task {}", pid) : lane->name;
}

u64 LaneRecorder::module_ip() {
  for (const TraceItem& item : kernel_.traps().lock_trace()) {
    if (item.kind == TraceItem::Kind::kAddress && kernel_.modules().find_by_address(item.address) != nullptr)
      return item.address;
  }
  return 0;
}

std::string LaneRecorder::place_of(u64 ip) {
  if (ip == 0) return {};
  std::string place = sources_.place_of(ip);
  if (!place.empty()) return place.substr(place.rfind('/') + 1);
  const auto symbol = kernel_.traps().symbols().lookup(ip);
  return symbol ? fmt::format("{}+{:#x}", symbol->name, symbol->offset) : std::string();
}

void LaneRecorder::add(LaneEvent::Kind kind, s32 pid, std::string text, u64 ip) {
  const Seen& seen = seen_[pid];
  events_.push_back({kind, kernel_.sched().now().value, pid, seen.cpu, static_cast<u32>(seen.held.size()),
                     std::move(text), place_of(ip)});
}

void LaneRecorder::compare_locks(const sched::Task& task, Seen& seen) {
  const auto* const stack = static_cast<const lockdep::HeldStack*>(task.held_locks);
  const auto holds = [&](u64 lock) {
    return std::any_of(stack->held, stack->held + stack->depth,
                       [lock](const lockdep::HeldLock& held) { return held.lock == lock; });
  };
  for (auto it = seen.held.begin(); it != seen.held.end();) {
    if (holds(it->lock)) {
      ++it;
      continue;
    }
    const std::string name = it->name;
    it = seen.held.erase(it);
    add(LaneEvent::Kind::kGives, task.pid, name, seen.ip);
  }
  for (u32 i = 0; i < stack->depth; ++i) {
    const lockdep::HeldLock& held = stack->held[i];
    const bool known =
        std::any_of(seen.held.begin(), seen.held.end(), [&](const Held& h) { return h.lock == held.lock; });
    if (known) continue;
    seen.held.push_back({held.lock, std::string(kernel_.locks().name_of(held))});
    add(LaneEvent::Kind::kTakes, task.pid, seen.held.back().name, held.ip);
  }
}

// "savings, which spender has"; empty: for no lock.
std::string LaneRecorder::wait_of(const sched::Task& task) {
  const Seen& seen = seen_[task.pid];
  if (seen.held.empty()) return {};
  const Held& wanted = seen.held.back();
  for (const auto& [pid, other] : seen_) {
    if (pid == task.pid) continue;
    for (const Held& held : other.held) {
      if (held.lock == wanted.lock) return fmt::format("{}, which {} has", wanted.name, name_of(pid));
    }
  }
  return {};
}

void LaneRecorder::look_at(const sched::Task& task) {
  Seen& seen = seen_[task.pid];
  compare_locks(task, seen);
  const bool asleep = task.state == sched::RunState::kBlocked;
  if (asleep && !seen.asleep && task.switches != 0)
    add(LaneEvent::Kind::kWaits, task.pid, wait_of(task), seen.ip);
  seen.asleep = asleep;
}

void LaneRecorder::look() {
  sched::Scheduler& scheduler = kernel_.sched();
  const sched::Task& current = *scheduler.current();
  // The one that ran last first: what has changed is its doing.
  for (const bool of_last : {true, false}) {
    for (const sched::Task* const task : scheduler.tasks()) {
      if ((task->pid == running_) == of_last && seen_.contains(task->pid)) look_at(*task);
    }
  }
  if (current.kind == sched::TaskKind::kIdle || current.name() == "khungtaskd") return;
  if (!seen_.contains(current.pid)) {
    lanes_.push_back({current.pid, fmt::format("{}/{}", current.name(), current.pid)});
    static_cast<void>(seen_[current.pid]);
  }
  seen_[current.pid].cpu = scheduler.running_vcpu().value;
  if (current.pid != running_) {
    const sched::Task* const last = scheduler.find(running_);
    if (running_ != 0 && last == nullptr) add(LaneEvent::Kind::kEnds, running_, {}, 0);
    if (last != nullptr && last->state == sched::RunState::kRunnable)
      add(LaneEvent::Kind::kGivesWay, running_, {}, seen_[running_].ip);
    seen_[current.pid].asleep = false;
    add(LaneEvent::Kind::kRuns, current.pid, {}, 0);
    running_ = current.pid;
    look_at(current);
  }
  if (const u64 ip = module_ip(); ip != 0) seen_[current.pid].ip = ip;
}

void LaneRecorder::finish() {
  for (const sched::Task* const task : kernel_.sched().tasks()) {
    if (!seen_.contains(task->pid)) continue;
    compare_locks(*task, seen_[task->pid]);
  }
  for (const sched::Task* const task : kernel_.sched().tasks()) {
    if (!seen_.contains(task->pid)) continue;
    add(LaneEvent::Kind::kWaits, task->pid, wait_of(*task), seen_[task->pid].ip);
  }
}

}  // namespace koi::runtime
