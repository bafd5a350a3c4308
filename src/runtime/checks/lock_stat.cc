// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/lock_stat.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/checks/lock_checks.h"
#include "runtime/kernel.h"
#include "runtime/splat/splat.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using lockdep::ClassId;
using lockdep::HeldLock;
using lockdep::HeldStack;
using lockdep::LockStat;

constexpr u64 kNameColumn = 40;
constexpr u64 kLine = kNameColumn + 1 + 12 * (14 + 1);
constexpr u64 kLongestClassName = 37;

std::string ruled(char c, u64 offset, u64 length) {
  return std::string(offset, ' ') + std::string(length, c) + "\n";
}

// Microseconds with two places, rounded.
std::string time_cell(u64 ns) {
  const u64 rounded = ns + 5;
  return fmt::format(" {:>14}", fmt::format("{}.{:02}", rounded / 1000, rounded % 1000 / 10));
}

std::string times(u64 count, u64 min, u64 max, u64 total) {
  return fmt::format("{:>14}", count) + time_cell(min) + time_cell(max) + time_cell(total) +
         time_cell(count == 0 ? 0 : total / count);
}

std::string stat_line(const std::string& label, const LockStat& stat) {
  return label + fmt::format("{:>14} ", stat.contended_bounces) +
         times(stat.contentions, stat.wait_min_ns, stat.wait_max_ns, stat.wait_total_ns) +
         fmt::format(" {:>14} ", stat.acquired_bounces) +
         times(stat.acquisitions, stat.hold_min_ns, stat.hold_max_ns, stat.hold_total_ns) + "\n";
}

std::string points_text(const std::string& name, u64 name_length, const std::vector<LockStatPlace>& places) {
  if (places.empty()) return {};
  std::string text = ruled('-', kNameColumn - name_length, name_length);
  for (const LockStatPlace& place : places) {
    text += fmt::format("{:>40} {:>14} {:>29} {}\n", name, place.count, fmt::format("[<{:016x}>]", place.ip),
                        place.text);
  }
  return text;
}

std::string row_text(const LockStatRow& row) {
  const std::string name = row.name.substr(0, kLongestClassName);
  const bool exclusive = row.exclusive.acquisitions != 0;
  const bool shared = row.shared.acquisitions != 0;
  std::string text;
  if (exclusive)
    text += stat_line(shared ? fmt::format("{:>38}-W:", name) : fmt::format("{:>40}:", name), row.exclusive);
  if (shared) text += stat_line(fmt::format("{:>38}-R:", name), row.shared);
  if (row.contentions() == 0) return text;
  const u64 length = name.size() + (shared ? 2 : 0);
  text += points_text(name, length, row.waiters) + points_text(name, length, row.holders);
  return text + "\n" + ruled('.', 0, kLine) + "\n";
}

}  // namespace

void count_point(LockPointList& points, u64 ip) {
  for (LockPoint& point : points) {
    if (point.ip != 0 && point.ip != ip) continue;
    point.ip = ip;
    ++point.count;
    return;
  }
}

std::string lock_stat_text(const std::vector<LockStatRow>& rows) {
  std::string text = "lock_stat version 0.4\n" + ruled('-', 0, kLine);
  text += fmt::format(
      "{:>40} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14}\n",
      "class name", "con-bounces", "contentions", "waittime-min", "waittime-max", "waittime-total",
      "waittime-avg", "acq-bounces", "acquisitions", "holdtime-min", "holdtime-max", "holdtime-total",
      "holdtime-avg");
  text += ruled('-', 0, kLine) + "\n";
  for (const LockStatRow& row : rows) text += row_text(row);
  return text;
}

std::string proc_lock_stat(Kernel& kernel) { return lock_stat_text(kernel.locks().lock_stat(false)); }

// ---- what LockChecks measures ----

void LockChecks::waits(u64 lock, u64 ip) {
  const auto known = instances_.find(lock);
  if (known == instances_.end() || known->second.class_id == lockdep::kNoClass) return;
  const HeldStack& own = stack();
  bool elsewhere = false;  // on another CPU
  LockPoints& points = points_[known->second.class_id];
  count_point(points.waiters, ip);
  // Whoever has it: the waiter's own list has it on top already.
  for (const sched::Task* const task : kernel_.sched().tasks()) {
    const auto* const held = static_cast<const HeldStack*>(task->held_locks);
    if (held == nullptr || held == &own) continue;
    for (u32 i = 0; i < held->depth; ++i) {
      // One that waits for it, too, has it at the top.
      if (held->held[i].lock != lock || (held->held[i].how & lockdep::kWaits) != 0) continue;
      count_point(points.holders, held->held[i].ip);
      elsewhere = elsewhere || task->cpu != kernel_.sched().running_vcpu();
      break;
    }
  }
  if (own.depth == 0) return;
  HeldLock& wanted = stack().held[own.depth - 1];
  if (wanted.lock != lock) return;
  wanted.how |= lockdep::kWaits;
  if (elsewhere) ++stats_[lockdep::stat_index(wanted.class_id, wanted.read())].contended_bounces;
}

void LockChecks::contended(u64 lock, u64 wait_ns) {
  HeldStack& held = stack();
  for (u32 i = held.depth; i-- > 0;) {
    HeldLock& own = held.held[i];
    if (own.lock != lock) continue;
    own.how &= ~lockdep::kWaits;
    // It is held from now on.
    own.since_ns = kernel_.sched().now().value;
    stats_[lockdep::stat_index(own.class_id, own.read())].waited(wait_ns);
    return;
  }
}

LockStatRow LockChecks::stat_row(ClassId id) const {
  const lockdep::LockClass& c = validator_.graph().at(id);
  LockStatRow row;
  row.name = c.version > 1 ? fmt::format("{}#{}", std::string_view(c.name), c.version) : std::string(c.name);
  if (lockdep::stat_index(id, 1) < stats_.size()) {
    row.exclusive = stats_[lockdep::stat_index(id, 0)];
    row.shared = stats_[lockdep::stat_index(id, 1)];
  }
  const auto known = points_.find(id);
  if (known == points_.end()) return row;
  const auto list = [&](const LockPointList& points) {
    std::vector<LockStatPlace> places;
    for (const LockPoint& point : points) {
      if (point.ip == 0) break;
      places.push_back({point.ip, point.count, symbol_text(kernel_.traps().symbols(), point.ip)});
    }
    return places;
  };
  row.waiters = list(known->second.waiters);
  row.holders = list(known->second.holders);
  return row;
}

void LockChecks::remove_class(ClassId id) {
  LockStatRow row = stat_row(id);
  if (!row.empty()) gone_.push_back(std::move(row));
  points_.erase(id);
  if (lockdep::stat_index(id, 1) < stats_.size())
    stats_[lockdep::stat_index(id, 0)] = stats_[lockdep::stat_index(id, 1)] = LockStat{};
  validator_.remove(id);
}

std::vector<LockStatRow> LockChecks::lock_stat(bool gone) const {
  std::vector<LockStatRow> rows;
  if (gone) rows = gone_;
  const lockdep::DependencyGraph& graph = validator_.graph();
  for (ClassId id = 1; id < graph.end(); ++id) {
    if (!graph.at(id).alive) continue;
    LockStatRow row = stat_row(id);
    if (!row.empty()) rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const LockStatRow& a, const LockStatRow& b) {
    return a.contentions() > b.contentions();
  });
  return rows;
}

}  // namespace koi::runtime
