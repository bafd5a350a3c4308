// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/run_queue.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace koi::sched {
namespace {

constexpr u64 kNice0Weight = 1024;
constexpr u64 kIdlePolicyWeight = 3;
constexpr u64 kCfsLatencyNs = 6'000'000;
constexpr u64 kGranularityNs = 750'000;
constexpr u64 kWakeupGranularityNs = 1'000'000;
constexpr u32 kCfsLatencyTasks = 8;  // more of them stretch the period
constexpr u64 kRoundRobinNs = 100'000'000;
constexpr u32 kMostScalingCpus = 8;

// sched_prio_to_weight[], nice -20 to 19: each step is a tenth of the CPU between two tasks.
constexpr u32 kWeights[] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};
static_assert(std::size(kWeights) == kMaxNice - kMinNice + 1);

// kernel.sched_tunable_scaling = 1: by the logarithm of the number of CPUs.
u64 scaled(u64 ns, u32 vcpus) { return ns * std::bit_width(std::min(std::max(vcpus, 1U), kMostScalingCpus)); }

u64 to_virtual(u64 ns, const Entity& entity) { return ns * kNice0Weight / entity.priority.weight(); }

s64 distance(u64 from, u64 to) { return static_cast<s64>(to - from); }

bool joined_before(const Task* a, const Task* b) {
  return distance(b->entity.sequence, a->entity.sequence) < 0;
}

}  // namespace

u64 Priority::weight() const { return is_idle() ? kIdlePolicyWeight : kWeights[nice - kMinNice]; }

RunQueue::RunQueue(const RunQueueConfig& config, std::pmr::memory_resource* resource)
    : config_(config),
      latency_ns_(scaled(kCfsLatencyNs, config.vcpus)),
      granularity_ns_(scaled(kGranularityNs, config.vcpus)),
      wakeup_granularity_ns_(scaled(kWakeupGranularityNs, config.vcpus)),
      tasks_(resource) {}

// ---- sums over the fair tasks, the current one included ----

bool RunQueue::has_current_fair() const { return current_ != nullptr && !current_->entity.priority.is_rt(); }

u64 RunQueue::load() const {
  u64 sum = has_current_fair() ? current_->entity.priority.weight() : 0;
  for (const Task* task : tasks_) {
    if (!task->entity.priority.is_rt()) sum += task->entity.priority.weight();
  }
  return sum;
}

u32 RunQueue::fair_count() const {
  const auto waiting = std::count_if(tasks_.begin(), tasks_.end(),
                                     [](const Task* task) { return !task->entity.priority.is_rt(); });
  return static_cast<u32>(waiting) + (has_current_fair() ? 1 : 0);
}

bool RunQueue::has_rt() const {
  if (current_ != nullptr && current_->entity.priority.is_rt()) return true;
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const Task* task) { return task->entity.priority.is_rt(); });
}

bool RunQueue::empty() const {
  if (!rt_barred_) return tasks_.empty();
  return std::all_of(tasks_.begin(), tasks_.end(),
                     [](const Task* task) { return task->entity.priority.is_rt(); });
}

RunQueue::Average RunQueue::average() const {
  Average sum;
  const auto add = [&](const Entity& entity) {
    const auto weight = static_cast<s64>(entity.priority.weight());
    sum.weighted += weight * distance(min_vruntime_, entity.vruntime);
    sum.weight += weight;
  };
  if (has_current_fair()) add(current_->entity);
  for (const Task* task : tasks_) {
    if (!task->entity.priority.is_rt()) add(task->entity);
  }
  return sum;
}

u64 RunQueue::average_vruntime() const {
  const Average sum = average();
  if (sum.weight == 0) return min_vruntime_;
  // Rounds down, also below zero.
  const s64 weighted = sum.weighted < 0 ? sum.weighted - (sum.weight - 1) : sum.weighted;
  return min_vruntime_ + static_cast<u64>(weighted / sum.weight);
}

// Not ahead of the average: it is owed time, or is even.
bool RunQueue::is_eligible(const Entity& entity, const Average& average) const {
  return average.weighted >= distance(min_vruntime_, entity.vruntime) * average.weight;
}

void RunQueue::update_min_vruntime() {
  const Task* const least = least_vruntime();
  u64 first = 0;
  if (has_current_fair()) {
    first = current_->entity.vruntime;
    if (least != nullptr && distance(first, least->entity.vruntime) < 0) first = least->entity.vruntime;
  } else if (least != nullptr) {
    first = least->entity.vruntime;
  } else {
    return;
  }
  if (distance(min_vruntime_, first) > 0) min_vruntime_ = first;
}

// CFS: the part of a period that is the entity's. EEVDF: the same for all.
u64 RunQueue::slice_ns(const Entity& entity) const {
  if (config_.fair == FairPolicy::kEevdf) return granularity_ns_;
  const u32 count = fair_count() + (entity.sequence == 0 ? 1 : 0);
  const u64 period = count > kCfsLatencyTasks ? count * granularity_ns_ : latency_ns_;
  const u64 total = std::max(load(), entity.priority.weight());
  return std::max(period * entity.priority.weight() / total, granularity_ns_);
}

// ---- joining ----

void RunQueue::place_cfs(Entity& entity, Join how) {
  u64 at = min_vruntime_;
  if (how == Join::kNew) {
    at += to_virtual(slice_ns(entity), entity);
  } else {
    // Half a period of credit to who slept; all of it to the idle policy, which is to lose anyway.
    at -= entity.priority.is_idle() ? granularity_ns_ : latency_ns_ / 2;
  }
  if (how == Join::kNew || distance(entity.vruntime, at) > 0) entity.vruntime = at;
}

void RunQueue::place_eevdf(Entity& entity, Join how) {
  const u64 average = average_vruntime();
  u64 slice = to_virtual(granularity_ns_, entity);
  if (how == Join::kWake && entity.lag < 0) {
    // It blocked while ahead of the others and kept its place meanwhile: what is left of that counts.
    if (distance(average, entity.vruntime) > 0 && load() != 0) return;
    entity.lag = 0;
  }
  s64 lag = entity.lag;
  const auto others = static_cast<s64>(load());
  if (lag != 0 && others != 0) {
    // Joining moves the average: the lag is stretched, so that it is the same afterwards.
    lag = lag * (others + static_cast<s64>(entity.priority.weight())) / others;
  } else {
    lag = 0;
  }
  entity.vruntime = average - static_cast<u64>(lag);
  if (how == Join::kNew) slice /= 2;
  entity.deadline = entity.vruntime + slice;
}

void RunQueue::place(Entity& entity, Join how) {
  if (config_.fair == FairPolicy::kCfs) {
    place_cfs(entity, how);
  } else {
    place_eevdf(entity, how);
  }
}

void RunQueue::join(Task& task, Join how) {
  Entity& entity = task.entity;
  CHECK(&task != current_, "{} joins the queue of the CPU that it has", task.name());
  const bool stays = how == Join::kPreempted || how == Join::kYielded;
  if (!entity.priority.is_rt() && !stays && how != Join::kMoved) place(entity, how);
  if (how == Join::kYielded) {
    if (config_.fair == FairPolicy::kCfs) {
      skip_ = &task;
    } else {
      entity.deadline += to_virtual(granularity_ns_, entity);
    }
  }
  // A real-time task that lost its CPU to a higher one goes on before its equals.
  const bool first = how == Join::kPreempted && entity.priority.is_rt() && entity.slice_left_ns != 0;
  entity.sequence = first ? static_cast<u64>(--before_others_) : next_sequence_++;
  if (entity.priority.is_rt() && entity.slice_left_ns == 0) entity.slice_left_ns = kRoundRobinNs;
  tasks_.push_back(&task);
  update_min_vruntime();
}

// ---- picking ----

Task* RunQueue::first_rt() const {
  Task* best = nullptr;
  if (rt_barred_) return nullptr;
  for (Task* task : tasks_) {
    const u32 priority = task->entity.priority.rt_priority;
    if (priority == 0) continue;
    const u32 best_priority = best == nullptr ? 0 : best->entity.priority.rt_priority;
    if (priority > best_priority || (priority == best_priority && joined_before(task, best))) best = task;
  }
  return best;
}

Task* RunQueue::least_vruntime() const {
  Task* best = nullptr;
  for (Task* task : tasks_) {
    if (task->entity.priority.is_rt()) continue;
    const s64 ahead = best == nullptr ? -1 : distance(best->entity.vruntime, task->entity.vruntime);
    if (ahead < 0 || (ahead == 0 && joined_before(task, best))) best = task;
  }
  return best;
}

Task* RunQueue::earliest_deadline(bool with_current) const {
  const Average sum = average();
  Task* const mine =
      with_current && has_current_fair() && is_eligible(current_->entity, sum) ? current_ : nullptr;
  if (mine != nullptr && mine->entity.is_protected) return mine;
  Task* best = nullptr;
  for (Task* task : tasks_) {
    if (task->entity.priority.is_rt() || !is_eligible(task->entity, sum)) continue;
    const s64 later = best == nullptr ? -1 : distance(best->entity.deadline, task->entity.deadline);
    if (later < 0 || (later == 0 && joined_before(task, best))) best = task;
  }
  if (mine != nullptr && (best == nullptr || distance(best->entity.deadline, mine->entity.deadline) < 0)) {
    best = mine;
  }
  // Rounding may leave nobody eligible: then who is furthest behind.
  return best != nullptr ? best : least_vruntime();
}

void RunQueue::remove(const Task* task) { tasks_.erase(std::find(tasks_.begin(), tasks_.end(), task)); }

Task* RunQueue::pick() {
  CHECK(current_ == nullptr, "the CPU is taken");
  Task* best = first_rt();
  if (best == nullptr && config_.fair == FairPolicy::kEevdf) best = earliest_deadline(false);
  if (best == nullptr) {
    best = least_vruntime();
    if (best != nullptr && best == skip_) {
      // Who yielded goes last, unless the next one is far behind in its own right.
      std::swap(*std::find(tasks_.begin(), tasks_.end(), best), tasks_.back());
      tasks_.pop_back();
      Task* const second = least_vruntime();
      tasks_.push_back(best);
      const s64 gap = second == nullptr ? 0 : distance(best->entity.vruntime, second->entity.vruntime);
      if (second != nullptr && gap <= static_cast<s64>(to_virtual(wakeup_granularity_ns_, second->entity))) {
        best = second;
      }
    }
  }
  skip_ = nullptr;
  if (best == nullptr) return nullptr;
  remove(best);
  current_ = best;
  best->entity.ran_at_pick_ns = best->entity.ran_ns;
  best->entity.is_protected = true;
  return best;
}

// ---- running ----

bool RunQueue::ran(u64 ns) {
  if (current_ == nullptr) return false;
  Entity& entity = current_->entity;
  entity.ran_ns += ns;
  if (entity.priority.is_rt()) {
    if (entity.priority.policy == Policy::kRoundRobin)
      entity.slice_left_ns -= std::min(entity.slice_left_ns, ns);
    return false;
  }
  entity.vruntime += to_virtual(ns, entity);
  bool used_up = false;
  if (config_.fair == FairPolicy::kEevdf && distance(entity.vruntime, entity.deadline) <= 0) {
    entity.deadline = entity.vruntime + to_virtual(granularity_ns_, entity);
    entity.is_protected = false;
    used_up = fair_count() > 1;
  }
  update_min_vruntime();
  return used_up;
}

void RunQueue::stop(Stop how) {
  CHECK(current_ != nullptr, "nobody has the CPU");
  Entity& entity = current_->entity;
  if (how == Stop::kBlocks && config_.fair == FairPolicy::kEevdf && !entity.priority.is_rt()) {
    const s64 owed = distance(entity.vruntime, average_vruntime());
    const auto most = static_cast<s64>(to_virtual(std::max(2 * granularity_ns_, config_.tick_ns), entity));
    entity.lag = std::clamp(owed, -most, most);
  }
  entity.is_protected = false;
  current_ = nullptr;
  update_min_vruntime();
}

bool RunQueue::tick() {
  if (current_is_barred()) return true;
  if (current_ == nullptr || tasks_.empty()) return false;
  Entity& entity = current_->entity;
  if (entity.priority.is_rt()) {
    if (entity.priority.policy != Policy::kRoundRobin || entity.slice_left_ns != 0) return false;
    const Task* const next = first_rt();
    return next != nullptr && next->entity.priority.rt_priority >= entity.priority.rt_priority;
  }
  if (config_.fair == FairPolicy::kEevdf) return false;  // ran() said it when the slice was used up
  const Task* const least = least_vruntime();
  if (least == nullptr) return false;
  const u64 slice = slice_ns(entity);
  const u64 since_pick = entity.ran_ns - entity.ran_at_pick_ns;
  if (since_pick > slice) return true;
  if (since_pick < granularity_ns_) return false;
  const s64 ahead = distance(least->entity.vruntime, entity.vruntime);
  return ahead > static_cast<s64>(slice);
}

bool RunQueue::preempts(const Task& joined) const {
  if (current_ == nullptr) return true;
  const Priority& mine = current_->entity.priority;
  const Priority& other = joined.entity.priority;
  if (rt_barred_ && mine.is_rt() != other.is_rt()) return mine.is_rt();
  if (mine.is_rt() || other.is_rt()) return other.rt_priority > mine.rt_priority;
  if (mine.is_idle() != other.is_idle()) return mine.is_idle();
  if (other.policy != Policy::kNormal) return false;
  if (config_.fair == FairPolicy::kEevdf) return earliest_deadline(true) == &joined;
  const s64 ahead = distance(joined.entity.vruntime, current_->entity.vruntime);
  return ahead > static_cast<s64>(to_virtual(wakeup_granularity_ns_, joined.entity));
}

// ---- moving and changing ----

template <typename May>
Task* RunQueue::take_longest_waiting(const May& may) {
  Task* longest = nullptr;
  for (Task* task : tasks_) {
    if (!may(*task)) continue;
    if (longest == nullptr || joined_before(task, longest)) longest = task;
  }
  if (longest != nullptr) remove(longest);
  return longest;
}

Task* RunQueue::take_for(u64 vcpus) {
  return take_longest_waiting([&](const Task& task) {
    return (task.allowed_vcpus & vcpus) != 0 && !(rt_barred_ && task.entity.priority.is_rt());
  });
}

Task* RunQueue::take_fair_for(u64 vcpus, u64 most) {
  return take_longest_waiting([&](const Task& task) {
    const Priority& priority = task.entity.priority;
    return (task.allowed_vcpus & vcpus) != 0 && !priority.is_rt() && priority.weight() < most;
  });
}

void RunQueue::adopt(Task& task, const RunQueue& from) const {
  if (&from == this) return;
  Entity& entity = task.entity;
  const u64 base = config_.fair == FairPolicy::kEevdf ? average_vruntime() : min_vruntime_;
  const u64 old = config_.fair == FairPolicy::kEevdf ? from.average_vruntime() : from.min_vruntime_;
  entity.vruntime += base - old;
  entity.deadline += base - old;
}

void RunQueue::change(Task& task, const Priority& priority) {
  Entity& entity = task.entity;
  const bool was_rt = entity.priority.is_rt();
  const u64 old_weight = entity.priority.weight();
  const u64 average = average_vruntime();
  entity.priority = priority;
  if (priority.is_rt()) {
    if (!was_rt) entity.slice_left_ns = kRoundRobinNs;
    return;
  }
  const bool waits = std::find(tasks_.begin(), tasks_.end(), &task) != tasks_.end();
  if (was_rt) {
    // It did not run as a fair task meanwhile: it is placed as one that slept.
    if (waits || &task == current_) place(entity, Join::kWake);
    return;
  }
  if (config_.fair != FairPolicy::kEevdf || (!waits && &task != current_)) return;
  // Its lag and what is left of its slice keep their worth in CPU time.
  const auto rescale = [&](s64 virtual_ns) {
    return virtual_ns * static_cast<s64>(old_weight) / static_cast<s64>(priority.weight());
  };
  const s64 lag = rescale(distance(entity.vruntime, average));
  const s64 left = rescale(distance(entity.vruntime, entity.deadline));
  entity.vruntime = average - static_cast<u64>(lag);
  entity.deadline = entity.vruntime + static_cast<u64>(left);
}

}  // namespace koi::sched
