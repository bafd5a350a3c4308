// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/race_checks.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/crossing.h"
#include "runtime/checks/race_reports.h"
#include "runtime/checks/sharing_reports.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using race::ContextId;
using race::kNoContext;
using race::TraceId;

constexpr u32 kSoft = 1;
constexpr u32 kHard = 2;
constexpr u32 kMostLines = 16384;
constexpr u32 kMostTraces = 1 << 16;
constexpr u64 kMostFrames = 32;
constexpr u32 kSwitchOneIn = 16;
constexpr u32 kMostBorders = 4;
constexpr u64 kSharingThreshold = 64;  // writes of each CPU to a line
constexpr u64 kPercpuEnd = host::kUserMemory;

// Memory of the world that instrumented code shares with others.
bool is_shared_memory(u64 address) {
  return host::in_window(address) || (address >= host::kDirectMap && address < host::kVmemmap) ||
         (address >= host::kVmalloc && address < kPercpuEnd);
}

u64 mixed(u64 a, u64 b) {
  u64 x = (a ^ b) * 0x9e3779b97f4a7c15ULL;
  return x ^ x >> 29;
}

}  // namespace

RaceChecks::RaceChecks(Kernel& kernel)
    : kernel_(kernel),
      tasks_(kernel.world().heap()),
      cpus_(kernel.world().heap()),
      traces_(kernel.world().heap()),
      trace_ids_(kernel.world().heap()),
      reported_(kernel.world().heap()) {}

RaceChecks::~RaceChecks() = default;

void RaceChecks::enable() {
  if (std::exchange(enabled_, true)) return;
  std::pmr::memory_resource* const heap = kernel_.world().heap();
  detector_.emplace(race::Detector::Config{}, *this, heap);
  lines_.emplace(kMostLines, heap);
  traces_.push_back(AccessTrace{0, false, std::pmr::vector<u64>(heap)});
  random_ = mixed(kernel_.config().seed, 0x7261636573ULL);
  boot_ = detector_->begin(kNoContext);
  for (u32 n = 0; n < kernel_.config().cpus; ++n) {
    Cpu& cpu = cpus_.emplace_back(heap);
    for (u32 level = 0; level < kLevels; ++level) {
      cpu.sections.emplace_back(detector_->make_clock());
      cpu.interrupts[level] = level == 0 ? nullptr : make_context(boot_, level);
    }
  }
  for (const sched::Task* const task : kernel_.sched().tasks()) tasks_.emplace(task, make_context(boot_, 0));
  const u32 on = 1;
  std::memcpy(reinterpret_cast<void*>(kernel_.core().address_of("koi_racing")), &on, sizeof(on));
}

// ---- contexts ----

RaceChecks::Context* RaceChecks::make_context(ContextId parent, u32 level) {
  auto* const heap = kernel_.world().heap();
  auto* const context = ::new (heap->allocate(sizeof(Context), alignof(Context))) Context(heap);
  context->id = detector_->begin(parent);
  context->level = level;
  return context;
}

RaceChecks::Context* RaceChecks::of_task(const sched::Task& task) {
  const auto it = tasks_.find(&task);
  if (it != tasks_.end()) return it->second;
  // An idle task, or one from before.
  return tasks_.emplace(&task, make_context(boot_, 0)).first->second;
}

RaceChecks::Cpu& RaceChecks::this_cpu() { return cpus_[kernel_.sched().running_vcpu().value]; }

RaceChecks::Context& RaceChecks::running() {
  const auto count = static_cast<u32>(kernel_.preempt_count());
  if ((count & preempt_count::kHardirqOrNmi) != 0) return *this_cpu().interrupts[kHard];
  if ((count & preempt_count::kSoftirqServing) != 0) return *this_cpu().interrupts[kSoft];
  return *of_task(*kernel_.sched().current());
}

void RaceChecks::task_created(const sched::Task& task) {
  if (!enabled_) return;
  memory_changes_hands(task.kernel_stack, host::kThreadSize);
  const bool by_task = task.kind == sched::TaskKind::kKthread && kernel_.sched().current() != nullptr;
  tasks_[&task] = make_context(by_task ? running().id : boot_, 0);
}

void RaceChecks::task_switched_in(const sched::Task& task) {
  if (!enabled_) return;
  Context* const now = of_task(task);
  Cpu& cpu = cpus_[task.cpu.value];
  // A task leaves its CPU with nothing masked.
  if (cpu.last != nullptr && cpu.last != now) {
    for (u32 level = kSoft; level < kLevels; ++level) end_section(*cpu.last, level);
  }
  cpu.last = now;
}

void RaceChecks::task_released(const sched::Task& task) {
  if (!enabled_) return;
  const auto it = tasks_.find(&task);
  if (it == tasks_.end()) return;
  Context* const context = it->second;
  for (Cpu& cpu : cpus_) {
    if (cpu.last != context) continue;
    for (u32 level = kSoft; level < kLevels; ++level) end_section(*context, level);
    cpu.last = nullptr;
  }
  // Processes that begin later begin because this one is over: their parent has waited for it.
  if (task.kind == sched::TaskKind::kUser) detector_->join(boot_, context->id);
  detector_->end(context->id);
  tasks_.erase(it);
  context->~Context();
  kernel_.world().heap()->deallocate(context, sizeof(Context), alignof(Context));
}

void RaceChecks::task_woken(const sched::Task& task) {
  if (enabled_ && !detector_->full()) detector_->join(of_task(task)->id, running().id);
}

// ---- interrupts ----

void RaceChecks::end_section(Context& context, u32 level) {
  if (!std::exchange(context.masked[level], false)) return;
  Section& section = cpus_[context.masked_on].sections[level];
  detector_->snapshot(context.id, section.clock);
  ++section.version;
}

void RaceChecks::order_with_interrupts(Context& context) {
  const auto count = static_cast<u32>(kernel_.preempt_count());
  const bool hard_masked = host::gs_area()->interrupt_flag == 0;
  const bool soft_masked = hard_masked || (count & preempt_count::kSoftirqMask) != 0;
  const u32 number = kernel_.sched().running_vcpu().value;
  Cpu& cpu = cpus_[number];
  for (u32 level = context.level + 1; level < kLevels; ++level) {
    if (level == kSoft ? soft_masked : hard_masked) {
      const Context& other = *cpu.interrupts[level];
      if (other.accessed_in != 0 && !detector_->knows(context.id, other.id, other.accessed_in))
        detector_->join(context.id, other.id);
      context.masked[level] = true;
      context.masked_on = number;
    } else {
      end_section(context, level);
    }
  }
  if (context.level == 0) return;
  // What it interrupted has ended its sections.
  end_section(*of_task(*kernel_.sched().current()), context.level);
  if (context.level == kHard) end_section(*cpu.interrupts[kSoft], kHard);
  const Section& section = cpu.sections[context.level];
  if (section.version != context.sections_seen) {
    context.sections_seen = section.version;
    detector_->join_clock(context.id, section.clock);
  }
}

// ---- accesses ----

void RaceChecks::access(u64 address, u64 bytes, u8 flags, u64 ip) {
  if (!enabled_ || !is_shared_memory(address)) return;
  switch_point();
  Context& context = running();
  if (context.atomic_next != 0) --context.atomic_next;
  if (context.off > 0 || detector_->full()) return;
  order_with_interrupts(context);
  const TraceId trace = trace_of(context, ip);
  const auto cpu = static_cast<u8>(kernel_.sched().running_vcpu().value);
  const bool in_section = context.atomic_depth > 0 || context.atomic_next != 0;
  const auto seen_flags = static_cast<u8>((in_section ? flags | race::kMarked : flags) & ~race::kHandsOn);
  context.accessed_in = detector_->epoch(context.id);
  for (u64 done = 0; done < bytes; done += host::kPageSize) {
    const auto part = static_cast<u32>(std::min(bytes - done, host::kPageSize));
    detector_->access(context.id, {address + done, part, seen_flags, cpu, trace});
  }
  if ((flags & race::kMarked) != 0) detector_->marked(context.id, address, bytes, flags);
  if ((flags & race::kWrite) != 0) {
    lines_->write(address, static_cast<u32>(std::min(bytes, host::kPageSize)), cpu,
                  kernel_.sched().now().value, trace);
  } else {
    lines_->read(address, static_cast<u32>(std::min(bytes, host::kPageSize)), cpu);
  }
  check_full();
}

// Other virtual CPUs are at their instructions at the same time. They get their turn here, and interrupts come here, but not
// on the way back from this call: the access itself follows it at once, and what was seen of it holds.
void RaceChecks::switch_point() {
  random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
  // A strategy (--strategy) decides at each of them; the stock order has them at random.
  if (kernel_.sched().interleaver().explores()) {
    kernel_.sched().switch_point();
  } else if ((random_ >> 33) % kSwitchOneIn == 0) {
    kernel_.sched().yield_vcpu();
  }
  const host::VcpuClock& clock = *host::gs_area()->clock;
  for (u32 i = 0; clock.now_ns >= clock.deadline_ns && i < kMostBorders; ++i) kernel_.traps().border();
}

void RaceChecks::check_full() {
  if (!detector_->full() || std::exchange(full_said_, true)) return;
  kernel_.note(observe::EventKind::kUnsupported,
               "the data-race detector has stopped: more synchronisation objects than it can hold");
}

void RaceChecks::function_entered(u64 caller) {
  if (!enabled_) return;
  Context& context = running();
  context.callers.push_back(context.chain);
  context.chain = mixed(context.chain, caller);
}

void RaceChecks::function_left() {
  if (!enabled_) return;
  Context& context = running();
  if (context.callers.empty()) return;
  context.chain = context.callers.back();
  context.callers.pop_back();
}

void RaceChecks::fence() {
  if (enabled_) detector_->fence(running().id);
}

void RaceChecks::atomic_section(s32 change) {
  if (enabled_) running().atomic_depth += change;
}

void RaceChecks::atomic_next(u32 count) {
  if (enabled_) running().atomic_next = count;
}

void RaceChecks::switch_off(s32 change) {
  if (enabled_) running().off += change;
}

// ---- order ----

void RaceChecks::acquire(u64 object) {
  if (enabled_) detector_->acquire(running().id, object);
}

void RaceChecks::release(u64 object) {
  if (enabled_) detector_->release(running().id, object);
}

void RaceChecks::atomic(u64 word) {
  if (!enabled_) return;
  const ContextId id = running().id;
  detector_->fence(id);
  detector_->marked(id, word, sizeof(u32), race::kWrite | race::kCompound | race::kMarked);
}

void RaceChecks::grace_period() {
  if (enabled_) detector_->join_all(running().id);
}

// ---- memory ----

void RaceChecks::memory_changes_hands(u64 begin, u64 bytes) {
  if (!enabled_) return;
  report_shared_lines(begin, bytes, nullptr);
  detector_->forget(begin, bytes);
}

void RaceChecks::freed(const observe::AllocationEvent& object) {
  if (!enabled_) return;
  report_shared_lines(object.address, object.actual, &object);
  Context& context = running();
  if (context.off > 0 || detector_->full() || object.actual > ~u32{0}) {
    detector_->forget(object.address, object.actual);
    return;
  }
  order_with_interrupts(context);
  const auto cpu = static_cast<u8>(kernel_.sched().running_vcpu().value);
  constexpr u8 kFlags = race::kWrite | race::kFree;
  // The trace is looked for when there is something to report.
  detector_->free(context.id, {object.address, static_cast<u32>(object.actual), kFlags, cpu, 0});
}

void RaceChecks::report_sharing() {
  if (enabled_) report_shared_lines(0, ~0ULL, nullptr);
}

void RaceChecks::report_shared_lines(u64 begin, u64 bytes, const observe::AllocationEvent* object) {
  for (const race::SharedLine& line : lines_->take(begin, bytes, kSharingThreshold))
    SharingReports(*this, kernel_).print(line, object);
  if (lines_->full() && !std::exchange(lines_full_said_, true))
    kernel_.note(observe::EventKind::kUnsupported,
                 "false sharing is not looked for everywhere: more cache lines than can be watched");
}

// ---- traces ----

std::pmr::vector<u64> RaceChecks::frames_from(u64 ip) const {
  std::pmr::vector<u64> frames(kernel_.world().heap());
  bool found = false;
  for (const TraceItem& item : kernel_.traps().lock_trace()) {
    // What an interrupt interrupted is another context's.
    if (item.kind == TraceItem::Kind::kStackEnd && found) break;
    if (item.kind != TraceItem::Kind::kAddress || !item.reliable) continue;
    found = found || item.address == ip;
    if (found && frames.size() < kMostFrames) frames.push_back(item.address);
  }
  if (frames.empty()) frames.push_back(ip);
  return frames;
}

// From the function that frees; what it calls in koi has no frames.
TraceId RaceChecks::trace_of_free(const Context& context) {
  for (const TraceItem& item : kernel_.traps().lock_trace()) {
    if (item.kind == TraceItem::Kind::kAddress && item.reliable) return trace_of(context, item.address);
  }
  return 0;
}

TraceId RaceChecks::trace_of(const Context& context, u64 ip) {
  const u64 key = mixed(mixed(context.chain, context.id), ip);
  if (const auto it = trace_ids_.find(key); it != trace_ids_.end()) {
    const AccessTrace& known = traces_[it->second];
    const s32 pid = context.level != 0 ? 0 : kernel_.sched().current()->pid;
    if (!known.frames.empty() && known.frames.front() == ip && known.pid == pid) return it->second;
  }
  if (traces_.size() >= kMostTraces) return 0;
  const auto id = static_cast<TraceId>(traces_.size());
  traces_.push_back(AccessTrace{context.level != 0 ? 0 : kernel_.sched().current()->pid, context.level != 0,
                                frames_from(ip)});
  trace_ids_[key] = id;
  return id;
}

// ---- reports ----

void RaceChecks::race(const race::Race& found) {
  race::Race race = found;
  if ((race.current.flags & race::kFree) != 0) race.current.trace = trace_of_free(running());
  const auto first_frame = [&](const race::Access& access) {
    const AccessTrace& trace = traces_[access.trace];
    return trace.frames.empty() ? 0 : trace.frames.front();
  };
  const auto function = [&](u64 address) -> u64 {
    const auto symbol = kernel_.traps().symbols().lookup(address - 1);
    return symbol ? address - 1 - symbol->offset : address;
  };
  u64 first = first_frame(race.previous);
  u64 second = first_frame(race.current);
  if (first > second) std::swap(first, second);
  // Once for each pair of sites, and once for each pair of functions and word: `x++` is two accesses.
  const bool new_sites = reported_.insert(mixed(mixed(first, second), 1)).second;
  u64 one = function(first);
  u64 other = function(second);
  if (one > other) std::swap(one, other);
  const u64 word = race.current.address & ~(race::kWordBytes - 1);
  const bool new_word = reported_.insert(mixed(mixed(mixed(one, other), word), 2)).second;
  if (new_sites && new_word) RaceReports(*this, kernel_).print(race);
}

}  // namespace koi::runtime
