// SPDX-License-Identifier: GPL-2.0-only
// The journal: every noteworthy thing that happened in a run, in order. The verdict, the exit code and the bug bundle are
// made from it; nothing is printed past it.
#pragma once

#include <algorithm>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong.h"
#include "base/types.h"

namespace koi::observe {

enum class EventKind : u8 {
  kModuleLoaded,
  kModuleUnloaded,
  kModuleRefused,  // a load error, or init returned -errno
  kModuleStuck,    // an oops in init or exit: it can never be unloaded
  kWarning,        // WARN
  kOops,           // a task was killed: bad access, BUG, division by zero, stack overflow ...
  kOomKill,        // the OOM killer took a task
  kPanic,
  kLockup,            // soft lockup, RCU stall, hung task
  kUnsupported,       // the module used something that koi lacks; the text names it
  kForcedPreemption,  // the last-resort timer fired: this run does not replay byte for byte
  kTimeout,           // --timeout ended the run
  kDeadlock,          // every task waits and no timer is pending
  kLeak,
  kMemory,  // --guard: an access out of bounds or after the free, a free of what is none
  kLock,  // the lock validator: an order that can deadlock, a lock held where none may be, a sleep in atomic context
  kRace,          // a data race, of a module built with --sanitize=thread
  kFalseSharing,  // virtual CPUs that write different parts of a cache line
};

struct Event {
  VirtualTime time;
  VcpuId cpu;
  s32 pid = 0;
  EventKind kind = EventKind::kWarning;
  std::pmr::string text;
};

class Journal {
 public:
  explicit Journal(std::pmr::memory_resource* resource) : events_(resource) {}

  void note(VirtualTime time, VcpuId cpu, s32 pid, EventKind kind, std::string_view text) {
    events_.push_back(
        Event{time, cpu, pid, kind, std::pmr::string(text, events_.get_allocator().resource())});
  }
  [[nodiscard]] const std::pmr::vector<Event>& events() const { return events_; }
  [[nodiscard]] u64 count(EventKind kind) const {
    return static_cast<u64>(
        std::count_if(events_.begin(), events_.end(), [kind](const Event& e) { return e.kind == kind; }));
  }

 private:
  std::pmr::vector<Event> events_;
};

}  // namespace koi::observe
