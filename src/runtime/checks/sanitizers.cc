// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/sanitizers.h"

#include <algorithm>
#include <array>

#include "module/resolve.h"
#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/memory.h"

namespace koi::runtime {
namespace {

using observe::AllocationEvent;
using observe::AllocationKind;

constexpr std::array<std::string_view, 2> kThreadCallbacks = {"__tsan_", "__kcsan_"};
constexpr std::array<std::string_view, 3> kAddressCallbacks = {"__asan_", "__hwasan_mem", "__kasan_check_"};

bool starts_with_any(std::string_view name, std::span<const std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view p) { return name.starts_with(p); });
}

}  // namespace

bool is_instrumentation_callback(std::string_view name) {
  return starts_with_any(name, kThreadCallbacks) || starts_with_any(name, kAddressCallbacks) ||
         name.starts_with("__sanitizer_cov_");
}

Status Sanitizers::module_loaded(const module::LoadedModule& module) {
  bool thread = false;
  bool address = false;
  for (const module::Import& import : module::imports(module.image)) {
    thread = thread || starts_with_any(import.name, kThreadCallbacks);
    address = address || starts_with_any(import.name, kAddressCallbacks);
  }
  if (!thread && !address) return Ok{};
  if (!kernel_.memory().accounting().enabled()) {
    return make_error("{}: an instrumented module needs to know who owns memory: leave out --accounting=off",
                      module.name());
  }
  if (!races_.enabled() && !addresses_.enabled()) kernel_.memory().accounting().set_watcher(this);
  if (thread) races_.enable();
  if (address) TRY(addresses_.enable());
  return Ok{};
}

bool Sanitizers::needs_constructors(const module::LoadedModule& module) {
  const auto imports = module::imports(module.image);
  return std::any_of(imports.begin(), imports.end(),
                     [](const module::Import& import) { return import.name == "__asan_register_globals"; });
}

void Sanitizers::allocated(const AllocationEvent& event) {
  addresses_.allocated(event);
  if (event.kind != AllocationKind::kPercpu) races_.memory_changes_hands(event.address, event.actual);
}

void Sanitizers::freed(const AllocationEvent& event, u64 /*now_ns*/) {
  addresses_.freed(event);
  if (event.kind != AllocationKind::kPercpu) races_.freed(event);
}

void Sanitizers::failed(observe::SiteNumber /*site*/, u64 /*now_ns*/) {}
void Sanitizers::failure_retracted(observe::SiteNumber /*site*/) {}
void Sanitizers::resized(const AllocationEvent& event, u64 requested, u64 /*now_ns*/) {
  addresses_.resized(event, requested);
}
void Sanitizers::split(const AllocationEvent& /*event*/, u64 /*now_ns*/) {}

}  // namespace koi::runtime
