// SPDX-License-Identifier: GPL-2.0-only
#include "report/recorder.h"

#include <algorithm>
#include <iterator>

#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::report {
namespace {

static_assert(static_cast<u32>(observe::AllocationKind::kSlab) == static_cast<u32>(AllocatorKind::kSlab) &&
              static_cast<u32>(observe::AllocationKind::kLargeKmalloc) ==
                  static_cast<u32>(AllocatorKind::kLarge) &&
              static_cast<u32>(observe::AllocationKind::kPages) == static_cast<u32>(AllocatorKind::kPages) &&
              static_cast<u32>(observe::AllocationKind::kVmalloc) ==
                  static_cast<u32>(AllocatorKind::kVmalloc) &&
              static_cast<u32>(observe::AllocationKind::kPercpu) == static_cast<u32>(AllocatorKind::kPercpu));

std::string place_text(const runtime::SourcePlace& place) {
  return fmt::format("{}:{}", place.file, place.line);
}

TraceSite trace_site(const runtime::CallSite& site) {
  TraceSite out{site.callee, site.module, site.function_text(), ""};
  const runtime::SourcePlace* const own = runtime::own_place(site.source);
  if (own == nullptr) return out;
  out.source = place_text(*own);
  if (!own->function.empty() && own->function != site.function)
    out.function = fmt::format("{} (inlined in {})", own->function, out.function);
  return out;
}

}  // namespace

Recorder::Recorder(runtime::Kernel& kernel) : kernel_(kernel) {
  const runtime::KernelConfig& config = kernel.config();
  trace_.machine = {config.release, config.cpus, config.memory_bytes, config.seed, "koi"};
  kernel_.modules().on_unload([this](runtime::ModuleInstance& module) { module_goes(module); });
  kernel_.memory().accounting().set_recorder(this);
}

Recorder::~Recorder() {
  kernel_.memory().accounting().set_recorder(nullptr);
  kernel_.modules().on_unload(nullptr);
}

// Clocks of several virtual CPUs may differ: the trace's time never goes back.
TraceEvent& Recorder::add(TraceEventType type, u64 time_ns) {
  if (trace_.events.size() >= kMostEvents) {
    trace_.truncated = true;
    return dropped_ = TraceEvent{};
  }
  last_time_ns_ = std::max(last_time_ns_, time_ns);
  TraceEvent& e = trace_.events.emplace_back();
  e.type = type;
  e.time_ns = last_time_ns_;
  e.cpu = static_cast<u16>(kernel_.sched().running_vcpu().value);
  const sched::Task* const task = kernel_.sched().current();
  e.pid = task == nullptr ? 0 : task->pid;
  return e;
}

void Recorder::allocated(const observe::AllocationEvent& event) {
  const u32 stack = event.origin.site == observe::kNoSite ? 0 : stack_now();
  TraceEvent& e = add(TraceEventType::kAlloc, event.origin.time_ns);
  e.kind = static_cast<AllocatorKind>(event.kind);
  e.address = event.address;
  e.requested = event.origin.requested;
  e.actual = event.actual;
  e.site = event.origin.site;
  e.gfp = event.origin.gfp;
  e.stack = stack;
  e.cache = event.cache.empty() ? 0 : cache_number(event.cache);
}

void Recorder::freed(const observe::AllocationEvent& event, u64 now_ns) {
  TraceEvent& e = add(TraceEventType::kFree, now_ns);
  e.address = event.address;
  e.actual = event.actual;
}

void Recorder::failed(observe::SiteNumber site, u64 now_ns) {
  TraceEvent& e = add(TraceEventType::kFail, now_ns);
  e.site = site;
}

void Recorder::failure_retracted(observe::SiteNumber site) {
  for (auto it = trace_.events.rbegin(); it != trace_.events.rend(); ++it) {
    if (it->type != TraceEventType::kFail || it->site != site) continue;
    trace_.events.erase(std::next(it).base());
    return;
  }
}

void Recorder::resized(const observe::AllocationEvent& event, u64 requested, u64 now_ns) {
  TraceEvent& e = add(TraceEventType::kResize, now_ns);
  e.address = event.address;
  e.requested = requested;
}

// The pages are freed one by one: their frees say how much goes.
void Recorder::split(const observe::AllocationEvent& /*event*/, u64 /*now_ns*/) {}

// Named at once: the text of init functions is gone when init has returned, and another module may come to lie there.
u32 Recorder::stack_now() {
  if (const size_t modules = kernel_.modules().all().size(); modules != modules_) {
    modules_ = modules;
    stacks_.clear();
    frames_.clear();
  }
  const auto [at, fresh] =
      stacks_.emplace(kernel_.traps().module_frames(), static_cast<u32>(trace_.stacks.size()));
  if (fresh) {
    std::vector<std::string>& frames = trace_.stacks.emplace_back();
    for (const u64 address : at->first) {
      const std::vector<std::string>& lines = frames_at(address);
      frames.insert(frames.end(), lines.begin(), lines.end());
    }
  }
  return at->second;
}

u32 Recorder::cache_number(std::string_view name) {
  const auto [at, fresh] = caches_.emplace(name, static_cast<u32>(trace_.caches.size()));
  if (fresh) trace_.caches.emplace_back(name);
  return at->second;
}

u32 Recorder::module_number(const std::string& name) {
  const auto known = std::find(trace_.modules.begin() + 1, trace_.modules.end(), name);
  if (known != trace_.modules.end()) return static_cast<u32>(known - trace_.modules.begin());
  trace_.modules.push_back(name);
  return static_cast<u32>(trace_.modules.size() - 1);
}

// What one return address stands for: the function, and before it those that were inlined into it.
const std::vector<std::string>& Recorder::frames_at(u64 address) {
  const auto [at, fresh] = frames_.emplace(address, std::vector<std::string>());
  if (!fresh) return at->second;
  std::vector<std::string>& lines = at->second;
  runtime::ModuleInstance* const module = kernel_.modules().find_by_address(address - 1);
  std::vector<runtime::SourcePlace> places;
  if (module != nullptr) places = module->source_places(address - 1);
  for (size_t i = 0; i + 1 < places.size(); ++i) {
    if (runtime::is_kernel_header(places[i])) continue;
    lines.push_back(
        fmt::format("{} [{}] ({}), inlined", places[i].function, module->name(), place_text(places[i])));
  }
  std::string text = runtime::backtrace_text(kernel_.traps().symbols(), address);
  if (!places.empty()) text += fmt::format(" ({})", place_text(places.back()));
  lines.push_back(std::move(text));
  return lines;
}

void Recorder::module_goes(runtime::ModuleInstance& module) {
  stacks_.clear();  // the addresses will be another module's
  frames_.clear();
  kernel_.call_sites().find_lines(module);
  const u32 number = module_number(module.name());
  add(TraceEventType::kUnload, kernel_.sched().now().value).module = number;
}

Trace Recorder::take() {
  for (const auto& module : kernel_.modules().all()) {
    kernel_.call_sites().find_lines(*module);
    static_cast<void>(module_number(module->name()));
  }
  Trace trace = trace_;
  const runtime::CallSites& sites = kernel_.call_sites();
  for (observe::SiteNumber n = 1; n < sites.end(); ++n) trace.sites.push_back(trace_site(sites.at(n)));
  return trace;
}

}  // namespace koi::report
