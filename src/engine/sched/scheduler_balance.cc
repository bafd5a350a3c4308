// SPDX-License-Identifier: GPL-2.0-only
// Which virtual CPU a task belongs to, and what real-time tasks leave to the others.
//
// Balancing is that of a domain whose groups are single CPUs: a CPU that goes idle takes a waiting task at once; a busy one looks
// every 16 ms for each CPU of the machine, and takes a task from the busiest queue that is light enough to make both more even, or
// as heavy as that after failing a few times. (Documentation/scheduler/sched-domains.rst; how often hogs change CPUs was measured.)
#include <algorithm>

#include "engine/sched/scheduler.h"

namespace koi::sched {
namespace {

constexpr u64 kBalanceNs = 16'000'000;
constexpr u64 kImbalancePercent = 117;
constexpr u32 kMostFailures = 16;

}  // namespace

VcpuId Scheduler::idlest(u64 allowed_vcpus) const {
  u32 best = running_.value;
  size_t best_load = ~size_t{0};
  for (u32 cpu = 0; cpu < vcpus_.size(); ++cpu) {
    if ((allowed_vcpus >> cpu & 1) == 0) continue;
    const Vcpu& vcpu = vcpus_[cpu];
    const size_t load = vcpu.queue.size() + (vcpu.current != vcpu.idle_task ? 1 : 0);
    if (load < best_load) {
      best = cpu;
      best_load = load;
    }
  }
  return VcpuId{best};
}

void Scheduler::move(Task& task, VcpuId cpu) {
  if (task.cpu != cpu) ++task.moves;
  Vcpu& old = vcpus_[task.cpu.value];
  vcpus_[cpu.value].queue.adopt(task, old.queue);
  task.cpu = cpu;
  fair_left(old);
}

void Scheduler::place(Task& task, VcpuId cpu) { move(task, cpu); }

// A virtual CPU that is idle takes the task that has waited longest on a busy one.
void Scheduler::pull(Vcpu& vcpu) {
  const VcpuId cpu = id_of(vcpu);
  for (Vcpu& other : vcpus_) {
    if (&other == &vcpu || other.current == other.idle_task) continue;
    Task* const task = other.queue.take_for(u64{1} << cpu.value);
    if (task == nullptr) continue;
    vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, now().value);
    move(*task, cpu);
    if (!task->entity.priority.is_rt()) rt_limits_.fair_started(cpu.value, vcpu.clock.now_ns);
    vcpu.queue.join(*task, RunQueue::Join::kMoved);
    return;
  }
}

// At ticks. Context: `vcpu` runs a task.
void Scheduler::balance(Vcpu& vcpu) {
  if (vcpus_.size() == 1) return;
  if (!vcpu.queue.empty()) {
    for (Vcpu& other : vcpus_) {
      if (!busy(other)) pull(other);
    }
  }
  if (vcpu.clock.now_ns < vcpu.next_balance_ns) return;
  vcpu.next_balance_ns = vcpu.clock.now_ns + kBalanceNs * vcpus_.size();
  const u64 mine = vcpu.queue.load();
  u64 total = 0;
  u64 most = 0;
  Vcpu* busiest = nullptr;
  for (Vcpu& other : vcpus_) {
    const u64 load = other.queue.load();
    total += load;
    if (other.queue.fair_count() < 2 || load <= most) continue;
    most = load;
    busiest = &other;
  }
  const u64 average = total / vcpus_.size();
  if (busiest == nullptr || mine >= average || most * 100 <= mine * kImbalancePercent) {
    vcpu.failed_balances = 0;
    return;
  }
  const u64 imbalance = std::min(most - average, average - mine);
  Task* const task =
      busiest->queue.take_fair_for(u64{1} << id_of(vcpu).value, imbalance << vcpu.failed_balances);
  if (task == nullptr) {
    vcpu.failed_balances = std::min(vcpu.failed_balances + 1, kMostFailures);
    return;
  }
  vcpu.failed_balances = 0;
  move(*task, id_of(vcpu));
  enqueue(*task, RunQueue::Join::kMoved);
}

// ---- what real-time tasks leave to others ----

bool Scheduler::has_rt() const {
  return std::any_of(vcpus_.begin(), vcpus_.end(), [](const Vcpu& vcpu) { return vcpu.queue.has_rt(); });
}

void Scheduler::bar_rt(Vcpu& vcpu, bool barred) {
  vcpu.queue.bar_rt(barred);
  if (vcpu.current != vcpu.idle_task && !vcpu.switching) host_.set_need_resched(*vcpu.current);
}

// The current task of `vcpu` ran for `ran_ns`.
void Scheduler::limit(Vcpu& vcpu, bool was_rt, u64 ran_ns) {
  const u32 cpu = id_of(vcpu).value;
  const u64 now_ns = vcpu.clock.now_ns;
  const bool changed = was_rt ? rt_limits_.rt_ran(cpu, ran_ns, now_ns, vcpu.queue.fair_count() != 0)
                              : rt_limits_.fair_ran(cpu, ran_ns, now_ns);
  if (!changed) return;
  bar_rt(vcpu, rt_limits_.bars(cpu));
  await_next_period();
}

// Somebody may wait for the period's end while his CPU idles.
void Scheduler::await_next_period() {
  const u64 next_ns = rt_limits_.next_period_ns();
  if (next_ns == kNever || next_period_timer_ != 0) return;
  if (!rt_throttled_) {
    rt_throttled_ = true;
    host_.rt_throttled();
  }
  next_period_timer_ = add_timer(
      VirtualTime{next_ns}, running_, [](void* opaque) { static_cast<Scheduler*>(opaque)->begin_period(); },
      this);
}

void Scheduler::begin_period() {
  next_period_timer_ = 0;
  rt_limits_.catch_up(now().value, has_rt());
  bool still_barred = false;
  for (Vcpu& vcpu : vcpus_) {
    const bool barred = rt_limits_.bars(id_of(vcpu).value);
    still_barred |= barred;
    if (barred || !vcpu.queue.bars_rt()) continue;
    if (!busy(vcpu)) vcpu.clock.now_ns = std::max(vcpu.clock.now_ns, now().value);
    bar_rt(vcpu, false);
  }
  if (still_barred) await_next_period();
}

// A fair task has left the queue: if it was the last one, nobody needs to be served.
void Scheduler::fair_left(Vcpu& vcpu) {
  if (vcpu.queue.fair_count() != 0) return;
  rt_limits_.fair_stopped(id_of(vcpu).value);
  if (vcpu.queue.bars_rt() && !rt_limits_.bars(id_of(vcpu).value)) bar_rt(vcpu, false);
}

}  // namespace koi::sched
