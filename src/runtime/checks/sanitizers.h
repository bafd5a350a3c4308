// SPDX-License-Identifier: GPL-2.0-only
// Sanitizers: the checks that only instrumented modules bring (koi build --sanitize=...). A module that imports callbacks of
// a compiler's instrumentation gets them, and with them the checks; nothing else pays for them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "module/load.h"
#include "observe/allocation_events.h"
#include "runtime/checks/address_checks.h"
#include "runtime/checks/coverage.h"
#include "runtime/checks/race_checks.h"

namespace koi::runtime {

// Is `name` a function that a compiler's instrumentation calls? No kernel without that instrumentation exports it.
[[nodiscard]] bool is_instrumentation_callback(std::string_view name);

class Sanitizers final : public observe::AllocationRecorder {
 public:
  explicit Sanitizers(Kernel& kernel)
      : kernel_(kernel), races_(kernel), coverage_(kernel), addresses_(kernel) {}

  // Switches on what the module was instrumented for, before any of its code runs.
  // Errors: allocations are not accounted.
  Status module_loaded(const module::LoadedModule& module);
  // Does the module tell of its globals in constructors?
  [[nodiscard]] static bool needs_constructors(const module::LoadedModule& module);
  [[nodiscard]] RaceChecks& races() { return races_; }
  [[nodiscard]] Coverage& coverage() { return coverage_; }
  [[nodiscard]] AddressChecks& addresses() { return addresses_; }
  // A range of module text and data, or a task's stack, is nobody's any more, or not yet anybody's.
  void memory_is_fresh(u64 begin, u64 bytes) {
    races_.memory_changes_hands(begin, bytes);
    addresses_.forget(begin, bytes);
  }

  // observe::AllocationRecorder
  void allocated(const observe::AllocationEvent& event) override;
  void freed(const observe::AllocationEvent& event, u64 now_ns) override;
  void failed(observe::SiteNumber site, u64 now_ns) override;
  void failure_retracted(observe::SiteNumber site) override;
  void resized(const observe::AllocationEvent& event, u64 requested, u64 now_ns) override;
  void split(const observe::AllocationEvent& event, u64 now_ns) override;

 private:
  Kernel& kernel_;
  RaceChecks races_;
  Coverage coverage_;
  AddressChecks addresses_;
};

}  // namespace koi::runtime
