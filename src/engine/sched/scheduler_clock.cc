// SPDX-License-Identifier: GPL-2.0-only
// The scheduler's clocks: how tasks let time pass, ticks, and timers.
#include <algorithm>
#include <utility>

#include "engine/sched/event_time.h"
#include "engine/sched/scheduler.h"
#include "host/address_map.h"

namespace koi::sched {
namespace {

constexpr u64 kMaskedStepNs = 10'000;

}  // namespace

VirtualTime Scheduler::read_clock() {
  last_read_ns_ = std::max(last_read_ns_, now().value);
  return VirtualTime{last_read_ns_};
}

void Scheduler::delay(u64 ns) {
  const u64 end = now().value + ns;
  for (;;) {
    host::VcpuClock& clock = vcpus_[running_.value].clock;
    set_deadline(running_.value);
    if (clock.now_ns >= end) return;
    // What is due but masked does not hold the clock back.
    const u64 deadline = next_deadline_ns(running_.value);
    const u64 next = deadline > clock.now_ns ? deadline : clock.now_ns + kMaskedStepNs;
    clock.now_ns = std::min(end, next);
    border();
  }
}

u64 Scheduler::next_deadline_ns(u32 cpu) const {
  const Vcpu& vcpu = vcpus_[cpu];
  const u64 lead_ns = interleaver_.explores() ? Interleaver::kMostHeldBackNs : turn_ns_;
  u64 deadline = vcpu.clock.now_ns / config_.tick_ns * config_.tick_ns + config_.tick_ns;
  const u64 timer = next_timer_ns(cpu);
  // A timer that is due waits for interrupts; until then every way out looks.
  deadline = std::min(deadline, timer);
  for (u32 other = 0; other < vcpus_.size(); ++other) {
    if (other == cpu) continue;
    const u64 event = next_event_ns(other);
    if (event != kNever) deadline = std::min(deadline, event + lead_ns);
  }
  return deadline;
}

void Scheduler::set_deadline(u32 cpu) {
  vcpus_[cpu].clock.deadline_ns = interleaver_.explores() ? 0 : next_deadline_ns(cpu);
}

void Scheduler::border() {
  const u32 cpu = running_.value;
  Vcpu& vcpu = vcpus_[cpu];
  tick(vcpu);
  if (reinterpret_cast<host::GsArea*>(vcpu.gs_base)->interrupt_flag != 0) {
    run_due_timers(cpu);
    interrupt_for_tick(vcpu);
  }
  set_deadline(cpu);
  if (interleaver_.explores()) {
    explore(MayStay::kYes);
    return;
  }
  for (u32 other = 0; other < vcpus_.size(); ++other) {
    if (other == cpu) continue;
    const u64 event = next_event_ns(other);
    if (event != kNever && event + turn_ns_ <= vcpu.clock.now_ns) {
      leave();
      return;
    }
  }
}

// Cheap, and called more often than once a tick.
void Scheduler::tick(Vcpu& vcpu) {
  host_.time_passed(VirtualTime{vcpu.clock.now_ns});
  const bool on_idle = vcpu.current == vcpu.idle_task;
  if (on_idle && !vcpu.idle_interrupted) return;
  // The watchdog's own thread waits for the CPU: the next cond_resched() lets it run.
  if (!on_idle && vcpu.watch.soft_watch_due(vcpu.clock.now_ns)) host_.set_need_resched(*vcpu.current);
  const bool interrupts = reinterpret_cast<host::GsArea*>(vcpu.gs_base)->interrupt_flag != 0;
  const bool reader = host_.holds_grace_period(*vcpu.current);
  auto stall = vcpu.watch.look(vcpu.clock.now_ns, interrupts ? Interrupts::kOn : Interrupts::kOff,
                               reader ? Reader::kYes : Reader::kNo);
  if (!stall) return;
  stall->cpu = running_;
  stall_ = *stall;
}

// Ticks that came while interrupts were off, or that were slept through, are one.
void Scheduler::interrupt_for_tick(Vcpu& vcpu) {
  const u64 ticks = vcpu.clock.now_ns / config_.tick_ns;
  if (ticks == vcpu.ticks) return;
  vcpu.ticks = ticks;
  const bool on = reinterpret_cast<host::GsArea*>(vcpu.gs_base)->interrupt_flag != 0;
  if (!on || vcpu.current == vcpu.idle_task) return;
  charge(vcpu);
  if (vcpu.queue.tick()) host_.set_need_resched(*vcpu.current);
  balance(vcpu);
  host_.task_counted(*vcpu.current, now());
  host_.tick_interrupt();
}

std::optional<Stall> Scheduler::take_stall() {
  if (!stall_ || stall_->cpu != running_) return std::nullopt;
  return std::exchange(stall_, std::nullopt);
}

void Scheduler::run_due_timers(u32 cpu) {
  Vcpu& vcpu = vcpus_[cpu];
  for (;;) {
    auto due = timers_.end();
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->cpu != cpu || it->time_ns > vcpu.clock.now_ns) continue;
      const bool earlier = due == timers_.end() || it->time_ns < due->time_ns ||
                           (it->time_ns == due->time_ns && it->sequence < due->sequence);
      if (earlier) due = it;
    }
    if (due == timers_.end()) return;
    const Timer timer = *due;
    timers_.erase(due);
    timer.callback(timer.argument);
    // The callback may have switched interrupts off for good (a module's bug): they stay off.
    if (reinterpret_cast<host::GsArea*>(vcpu.gs_base)->interrupt_flag == 0) return;
  }
}

TimerId Scheduler::add_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument) {
  const u64 sequence = next_timer_sequence_++;
  timers_.push_back(Timer{time.value, sequence, cpu.value, callback, argument, false});
  host::VcpuClock& clock = vcpus_[running_.value].clock;
  const u64 look = cpu == running_ ? time.value : time.value + config_.quantum_ns;
  clock.deadline_ns = std::min(clock.deadline_ns, look);
  return sequence;
}

TimerId Scheduler::add_background_timer(VirtualTime time, VcpuId cpu, void (*callback)(void*),
                                        void* argument) {
  const TimerId id = add_timer(time, cpu, callback, argument);
  timers_.back().background = true;
  return id;
}

void Scheduler::set_clock_event(VirtualTime time, VcpuId cpu, void (*callback)(void*), void* argument) {
  clear_clock_event(cpu);
  vcpus_[cpu.value].clock_event = add_timer(time, cpu, callback, argument);
}

void Scheduler::clear_clock_event(VcpuId cpu) {
  cancel_timer(vcpus_[cpu.value].clock_event);
  vcpus_[cpu.value].clock_event = 0;
}

bool Scheduler::cancel_timer(TimerId id) {
  const auto it =
      std::find_if(timers_.begin(), timers_.end(), [id](const Timer& t) { return t.sequence == id; });
  if (it == timers_.end()) return false;
  timers_.erase(it);
  return true;
}

}  // namespace koi::sched
