// SPDX-License-Identifier: GPL-2.0-only
// Call traces of the lock validator's reports: the C core's lock functions appear as the kernel's would.
#include <algorithm>
#include <array>

#include "runtime/kernel.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// The core's functions that have another name in the kernel, or no frame of their own (empty).
struct Renamed {
  std::string_view core;
  std::string_view kernel;  // innermost first
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
    Renamed{"kmalloc_trace", "__kmem_cache_alloc_node kmalloc_trace"},
    Renamed{"__kmalloc", "__kmem_cache_alloc_node __kmalloc"},
    Renamed{
        "vmalloc",
        "__kmem_cache_alloc_node kmalloc_node_trace __get_vm_area_node __vmalloc_node_range __vmalloc_node"},
    Renamed{"flush_work", "__flush_work"},
    Renamed{"flush_delayed_work", "__flush_work"},
    Renamed{"cancel_work_sync", "__flush_work __cancel_work_timer"},
    Renamed{"cancel_delayed_work_sync", "__flush_work __cancel_work_timer"},
    Renamed{"timer_delete_sync", "__timer_delete_sync"},
    Renamed{"del_timer_sync", "__timer_delete_sync"},
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
    it = items.erase(it);
    std::string_view names = renamed->kernel;
    while (!names.empty()) {
      const size_t blank = names.find(' ');
      std::string_view name = names.substr(0, blank);
      if (kernel_.is_6_12() && name == "__cancel_work_timer") name = "__cancel_work_sync";
      it = items.insert(it, trace_address(kernel_.name_address(name) + kFrameOffset)) + 1;
      names = blank == std::string_view::npos ? std::string_view() : names.substr(blank + 1);
    }
    break;
  }
  return items;
}

void Traps::drop_lock_function(std::vector<TraceItem>& items) const {
  const auto first = std::find_if(items.begin(), items.end(), [](const TraceItem& item) {
    return item.kind == TraceItem::Kind::kAddress && item.reliable;
  });
  if (first == items.end()) return;
  const auto symbol = symbols_.lookup(first->address - 1);
  if (symbol && symbol->module.empty() && std::string_view(symbol->name).starts_with("mutex_lock"))
    items.erase(first);
}

bool Traps::is_sleep_report(const std::vector<TraceItem>& items) const {
  const auto first = std::find_if(items.begin(), items.end(), [](const TraceItem& item) {
    return item.kind == TraceItem::Kind::kAddress && item.reliable;
  });
  if (first == items.end()) return false;
  // dump_stack_lvl, and who called it.
  const auto caller =
      std::find_if(first + 1, items.end(), [](const TraceItem& item) { return item.reliable; });
  if (caller == items.end()) return false;
  const auto symbol = symbols_.lookup(caller->address - 1);
  return symbol && symbol->name == "__might_resched.cold";
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
