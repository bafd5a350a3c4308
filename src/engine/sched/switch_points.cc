// SPDX-License-Identifier: GPL-2.0-only
// Switch points: which virtual CPU goes on where a task could be interrupted.
#include <algorithm>
#include <utility>

#include "engine/sched/event_time.h"
#include "engine/sched/scheduler.h"

namespace koi::sched {

// The virtual CPUs that have something to do and are not too far ahead, with who would run there.
void Scheduler::find_runners() {
  runners_.clear();
  u64 first = kNever;
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) first = std::min(first, next_event_ns(cpu));
  if (first == kNever) return;
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) {
    Vcpu& vcpu = vcpus_[cpu];
    const u64 event = next_event_ns(cpu);
    if (event == kNever || event > first + Interleaver::kMostHeldBackNs) continue;
    if (vcpu.current == vcpu.idle_task && !vcpu.idle_interrupted && !vcpu.queue.empty()) {
      vcpu.current = vcpu.queue.pick();
      vcpu.switching = true;
    }
    runners_.push_back({cpu, vcpu.current});
  }
}

// Its place in runners_.
u32 Scheduler::furthest_behind() const {
  u32 best = 0;
  for (u32 i = 1; i < runners_.size(); ++i) {
    if (next_event_ns(runners_[i].cpu) < next_event_ns(runners_[best].cpu)) best = i;
  }
  return best;
}

// The running virtual CPU at a switch point. kNo: it spins; another one goes on, if there is any.
void Scheduler::explore(MayStay stay) {
  find_runners();
  const auto own = std::find_if(runners_.begin(), runners_.end(),
                                [this](const Runner& runner) { return runner.cpu == running_.value; });
  if (own == runners_.end()) {
    leave();
    return;
  }
  auto stays = static_cast<u32>(own - runners_.begin());
  if (stay == MayStay::kNo && runners_.size() > 1) {
    runners_.erase(own);
    stays = furthest_behind();
  }
  const u32 cpu = runners_[interleaver_.choose(*current(), runners_, stays)].cpu;
  if (cpu == running_.value) return;
  chosen_ = cpu;
  leave();
}

// The running one has left its CPU, or is too far ahead.
std::optional<u32> Scheduler::next_explored() {
  if (const auto chosen = std::exchange(chosen_, std::nullopt); chosen && next_event_ns(*chosen) != kNever)
    return chosen;
  find_runners();
  if (runners_.empty()) return std::nullopt;
  Task& from = last_ran_ != nullptr ? *last_ran_ : *vcpus_[0].idle_task;
  return runners_[interleaver_.choose(from, runners_, furthest_behind())].cpu;
}

}  // namespace koi::sched
