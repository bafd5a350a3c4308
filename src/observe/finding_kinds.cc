// SPDX-License-Identifier: GPL-2.0-only
#include "observe/finding_kinds.h"

namespace koi::observe {

const char* finding_name(EventKind kind) {
  switch (kind) {
    case EventKind::kModuleLoaded:
    case EventKind::kModuleUnloaded:
    case EventKind::kModuleRefused:
    case EventKind::kModuleStuck:
      return nullptr;
    case EventKind::kWarning:
      return "warning";
    case EventKind::kOops:
      return "oops";
    case EventKind::kOomKill:
      return "oom-kill";
    case EventKind::kPanic:
      return "panic";
    case EventKind::kLockup:
      return "lockup";
    case EventKind::kUnsupported:
      return "unsupported";
    case EventKind::kForcedPreemption:
      return "forced-preemption";
    case EventKind::kTimeout:
      return "timeout";
    case EventKind::kDeadlock:
      return "deadlock";
    case EventKind::kLeak:
      return "leak";
    case EventKind::kMemory:
      return "memory";
    case EventKind::kLock:
      return "lock";
    case EventKind::kRace:
      return "race";
    case EventKind::kFalseSharing:
      return "false-sharing";
  }
  return nullptr;
}

}  // namespace koi::observe
