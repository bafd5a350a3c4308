// SPDX-License-Identifier: GPL-2.0-only
// Call traces of the lock validator's reports: the C core's lock functions appear as the kernel's would.
#include <algorithm>
#include <array>

#include "runtime/kernel.h"
#include "runtime/traps.h"

namespace koi::runtime {
namespace {

// The core's functions that have another name in the kernel, or no frame of their own (empty).
struct Renamed {
  std::string_view core;
  std::string_view kernel;
};
constexpr std::array kRenamed = {
    Renamed{"mutex_lock", "__mutex_lock"},
    Renamed{"mutex_lock_interruptible", "__mutex_lock"},
    Renamed{"mutex_lock_killable", "__mutex_lock"},
    Renamed{"mutex_lock_io", "__mutex_lock"},
    Renamed{"mutex_unlock", "__mutex_unlock_slowpath"},
    Renamed{"wait_for_completion", "__wait_for_common"},
    Renamed{"wait_for_completion_timeout", "__wait_for_common"},
    Renamed{"wait_for_completion_interruptible", "__wait_for_common"},
    Renamed{"wait_for_completion_killable", "__wait_for_common"},
    Renamed{"__rcu_read_lock", ""},
    Renamed{"__rcu_read_unlock", ""},
    Renamed{"__cond_resched", ""},
};

}  // namespace

std::vector<TraceItem> Traps::with_kernel_names(std::vector<TraceItem> items) const {
  // Only the innermost frame is the lock function's; a module may export a function of the same name.
  for (auto it = items.begin(); it != items.end(); ++it) {
    if (it->kind == TraceItem::Kind::kStackBegin) continue;
    if (it->kind != TraceItem::Kind::kAddress) break;
    if (!it->reliable) continue;
    const auto symbol = symbols_.lookup(it->address - 1);
    if (!symbol || !symbol->module.empty()) break;
    const auto renamed = std::find_if(kRenamed.begin(), kRenamed.end(),
                                      [&](const Renamed& r) { return r.core == symbol->name; });
    if (renamed == kRenamed.end()) continue;
    if (renamed->kernel.empty()) {
      items.erase(it);
    } else {
      it->address = kernel_.name_address(renamed->kernel) + kFrameOffset;
    }
    break;
  }
  return items;
}

std::vector<TraceItem> Traps::lock_trace() { return with_kernel_names(trace(nullptr, FrameEvent::kLock)); }

SplatText Traps::lock_stack_dump(std::string_view frames, std::string_view skipped) {
  SplatInput input = input_at_border(FrameEvent::kLock);
  input.trace = with_kernel_names(std::move(input.trace));
  auto at = input.trace.begin();
  while (at != input.trace.end() && at->kind == TraceItem::Kind::kStackBegin) ++at;
  if (!skipped.empty() && at != input.trace.end() && at->kind == TraceItem::Kind::kAddress) {
    const auto symbol = symbols_.lookup(at->address - 1);
    if (symbol && symbol->name == skipped) at = input.trace.erase(at);
  }
  while (!frames.empty()) {
    const size_t blank = frames.find(' ');
    at = input.trace.insert(at, trace_address(kernel_.name_address(frames.substr(0, blank)) + kFrameOffset)) +
         1;
    frames = blank == std::string_view::npos ? std::string_view() : frames.substr(blank + 1);
  }
  return stack_dump(input, symbols_);
}

}  // namespace koi::runtime
