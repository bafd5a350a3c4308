// SPDX-License-Identifier: GPL-2.0-only
// RaceChecks: data races of modules that were built with `koi build --sanitize=thread`, whose compiler has put a call before
// every access. Who is a context for the detector (engine/race), what orders them, and which call trace an access has.
//
// Contexts: each task, and on each virtual CPU the hard and the soft interrupts. An interrupt is ordered after what the CPU
// did with it masked, and what the CPU does with it masked is ordered after the interrupt; otherwise it may come anywhere,
// and what it shares with the task that it interrupts must be marked.
//
// The C core tells what its functions order (kernel/locking/race.c), once koi_racing is set there. Every access is also a point
// where another virtual CPU may go on, so that interleavings between two instructions of a statement happen.
// Context: a task's host stack.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/race/detector.h"
#include "engine/race/line_sharing.h"
#include "engine/sched/task.h"
#include "observe/allocation_events.h"

namespace koi::runtime {

class Kernel;

// Where an access was made: what a report shows of it.
struct AccessTrace {
  s32 pid = 0;
  bool interrupt = false;
  std::pmr::vector<u64> frames;  // return addresses, innermost first
};

class RaceChecks final : public race::RaceSink {
 public:
  explicit RaceChecks(Kernel& kernel);
  ~RaceChecks() override;

  // An instrumented module is about to be loaded.
  void enable();
  [[nodiscard]] bool enabled() const { return enabled_; }

  // ---- from the scheduler ----
  void task_created(const sched::Task& task);
  void task_switched_in(const sched::Task& task);
  void task_released(const sched::Task& task);
  // The running context wakes it.
  void task_woken(const sched::Task& task);

  // ---- from instrumented code ----
  // `ip`: the access. A range may have any size.
  void access(u64 address, u64 bytes, u8 flags, u64 ip);
  void function_entered(u64 caller);
  void function_left();
  void fence();
  // Until end, the context's accesses count as marked (seqlock writers); next: that many.
  void atomic_section(s32 change);
  void atomic_next(u32 count);
  // data_race(): the context's accesses are not looked at until switched on again.
  void switch_off(s32 change);

  // ---- from the C core ----
  void acquire(u64 object);
  void release(u64 object);
  void atomic(u64 word);
  void grace_period();

  // ---- memory ----
  // It begins its life as an object, or is somebody else's from here on.
  void memory_changes_hands(u64 begin, u64 bytes);
  // The running context frees it, which is a write of all of it.
  void freed(const observe::AllocationEvent& object);
  // A module goes, or the run is over: lines that are shared falsely are reported while it is known what lies there.
  void report_sharing();

  // race::RaceSink
  void race(const race::Race& race) override;

 private:
  friend class RaceReports;
  friend class SharingReports;
  // 0: tasks; 1: soft interrupts; 2: hard ones.
  static constexpr u32 kLevels = 3;
  struct Context {
    explicit Context(std::pmr::memory_resource* resource) : callers(resource) {}
    race::ContextId id = race::kNoContext;
    u32 level = 0;
    u64 chain = 0;                  // hash of `callers`
    std::pmr::vector<u64> callers;  // chain before each function on its stack
    u32 sections_seen = 0;          // interrupts: of its CPU's sections
    bool masked[kLevels] = {};      // it has done something with interrupts of that level masked
    u32 masked_on = 0;              // the CPU
    s32 atomic_depth = 0;
    u32 atomic_next = 0;
    s32 off = 0;
    u32 accessed_in = 0;  // its epoch at the latest access
  };
  // What happened on a CPU with interrupts of a level masked.
  struct Section {
    explicit Section(race::VectorClock&& empty) : clock(std::move(empty)) {}
    race::VectorClock clock;
    u32 version = 0;
  };
  struct Cpu {
    Context* interrupts[kLevels] = {};
    std::pmr::vector<Section> sections;
    Context* last = nullptr;  // the task that ran here last
    explicit Cpu(std::pmr::memory_resource* resource) : sections(resource) {}
  };

  [[nodiscard]] Context* make_context(race::ContextId parent, u32 level);
  [[nodiscard]] Context* of_task(const sched::Task& task);
  [[nodiscard]] Context& running();
  [[nodiscard]] Cpu& this_cpu();
  void order_with_interrupts(Context& context);
  void end_section(Context& context, u32 level);
  [[nodiscard]] race::TraceId trace_of(const Context& context, u64 ip);
  [[nodiscard]] std::pmr::vector<u64> frames_from(u64 ip) const;
  [[nodiscard]] race::TraceId trace_of_free(const Context& context);
  void switch_point();
  void check_full();
  void report_shared_lines(u64 begin, u64 bytes, const observe::AllocationEvent* object);

  Kernel& kernel_;
  bool enabled_ = false;
  bool full_said_ = false;
  bool lines_full_said_ = false;
  std::optional<race::Detector> detector_;
  std::optional<race::LineSharing> lines_;
  std::pmr::unordered_map<const sched::Task*, Context*> tasks_;
  std::pmr::vector<Cpu> cpus_;
  race::ContextId boot_ = race::kNoContext;
  std::pmr::vector<AccessTrace> traces_;  // by TraceId; 0: unknown
  std::pmr::unordered_map<u64, race::TraceId> trace_ids_;
  std::pmr::unordered_set<u64> reported_;
  u64 random_ = 0;
};

}  // namespace koi::runtime
