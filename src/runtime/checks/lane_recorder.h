// SPDX-License-Identifier: GPL-2.0-only
// LaneRecorder: who ran and who held what, in order, of a run whose every way out of koi is a switch point (explored or
// replayed runs). It looks at each of them, and changes nothing.
//
// Only one virtual CPU runs between two switch points, so what has changed since the last one is the doing of the task that
// ran: locks taken and given back, falling asleep, ending.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "runtime/checks/lock_sources.h"

namespace koi::sched {
struct Task;
}

namespace koi::runtime {

class Kernel;

struct LaneEvent {
  enum class Kind : u8 {
    kRuns,      // goes on, or begins, on `cpu`
    kGivesWay,  // another virtual CPU goes on here, though this one could
    kTakes,
    kGives,
    kWaits,  // asleep, or spinning at the end of the run
    kEnds,
  } kind = Kind::kRuns;
  u64 time_ns = 0;
  s32 pid = 0;
  u32 cpu = 0;
  u32 held = 0;       // locks that the task has afterwards
  std::string text;   // the lock, or what is waited for
  std::string place;  // "file:line" or "function+offset"; empty: not known
};

struct Lane {
  s32 pid = 0;
  std::string name;
};

class LaneRecorder {
 public:
  // Requires: no other recorder lives.
  explicit LaneRecorder(Kernel& kernel);
  ~LaneRecorder();
  LaneRecorder(const LaneRecorder&) = delete;
  LaneRecorder& operator=(const LaneRecorder&) = delete;

  // The run is over: notes who waits for what. Context: the boot fiber.
  void finish();
  [[nodiscard]] const std::vector<LaneEvent>& events() const { return events_; }
  [[nodiscard]] const std::vector<Lane>& lanes() const { return lanes_; }

 private:
  struct Held {
    u64 lock = 0;
    std::string name;
  };
  struct Seen {
    std::vector<Held> held;
    u64 ip = 0;  // in module text, where it last left for koi
    bool asleep = false;
    u32 cpu = 0;
  };

  void look();
  void look_at(const sched::Task& task);
  void compare_locks(const sched::Task& task, Seen& seen);
  void add(LaneEvent::Kind kind, s32 pid, std::string text, u64 ip);
  [[nodiscard]] std::string wait_of(const sched::Task& task);
  [[nodiscard]] u64 module_ip();
  [[nodiscard]] std::string place_of(u64 ip);
  [[nodiscard]] std::string name_of(s32 pid) const;

  Kernel& kernel_;
  LockSources sources_;
  std::unordered_map<s32, Seen> seen_;
  std::vector<LaneEvent> events_;
  std::vector<Lane> lanes_;
  s32 running_ = 0;  // who ran at the last look
};

}  // namespace koi::runtime
