// SPDX-License-Identifier: GPL-2.0-only
// Records a running machine's allocations as a Trace, with the call trace of each that a module asked for.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "observe/allocation_events.h"
#include "report/trace.h"
#include "runtime/kernel.h"

namespace koi::runtime {
struct ModuleInstance;
}

namespace koi::report {

// Events that one recording keeps: about 6 GiB.
inline constexpr size_t kMostEvents = 64ULL << 20;

class Recorder final : public observe::AllocationRecorder {
 public:
  // Records from now on, until destroyed.
  explicit Recorder(runtime::Kernel& kernel);
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void allocated(const observe::AllocationEvent& event) override;
  void freed(const observe::AllocationEvent& event, u64 now_ns) override;
  void failed(observe::SiteNumber site, u64 now_ns) override;
  void failure_retracted(observe::SiteNumber site) override;
  void resized(const observe::AllocationEvent& event, u64 requested, u64 now_ns) override;
  void split(const observe::AllocationEvent& event, u64 now_ns) override;

  // The trace so far, with the names of its sites.
  [[nodiscard]] Trace take();

 private:
  // Before a module's memory goes: its sites are named while that can be done.
  void module_goes(runtime::ModuleInstance& module);
  [[nodiscard]] u32 stack_now();
  [[nodiscard]] u32 cache_number(std::string_view name);
  [[nodiscard]] u32 module_number(const std::string& name);
  [[nodiscard]] const std::vector<std::string>& frames_at(u64 address);
  TraceEvent& add(TraceEventType type, u64 time_ns);

  runtime::Kernel& kernel_;
  Trace trace_;
  std::map<std::vector<u64>, u32> stacks_;                    // of modules that are loaded
  std::unordered_map<u64, std::vector<std::string>> frames_;  // by return address, likewise
  std::unordered_map<std::string, u32> caches_;
  size_t modules_ = 0;  // loaded when stacks_ and frames_ were begun
  u64 last_time_ns_ = 0;
  TraceEvent dropped_;
};

}  // namespace koi::report
