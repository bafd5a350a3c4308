// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/address_checks.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "engine/sched/scheduler.h"
#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using host::AddressShadow;
using host::kShadowGranule;
using observe::AllocationEvent;
using observe::AllocationKind;

constexpr size_t kMostFrames = 24;

// struct kasan_global, which compilers emit (ABI version 8 of gcc 12).
struct Global {
  u64 begin;
  u64 size;
  u64 size_with_redzone;
  u64 name, module_name, has_dynamic_init, location, odr_indicator;
};
static_assert(sizeof(Global) == 64);

u64 round_up(u64 value) { return (value + kShadowGranule - 1) & ~(kShadowGranule - 1); }

}  // namespace

Status AddressChecks::enable() {
  if (enabled_) return Ok{};
  shadow_.emplace();
  const auto& config = kernel_.world().config();
  TRY(shadow_->map(host::kWindow, host::kWindowSize));
  TRY(shadow_->map(host::kDirectMap, config.ram_bytes));
  TRY(shadow_->map(host::kVmalloc, kernel_.world().vmalloc_size()));
  TRY(shadow_->map(host::kPercpuAreas, u64{config.vcpus} * host::kPercpuAreaSize));
  enabled_ = true;
  return Ok{};
}

// ---- the shadow ----

void AddressChecks::poison(u64 begin, u64 bytes, u8 code) {
  if (bytes == 0 || !shadow_->covers(begin, bytes)) return;
  std::memset(&AddressShadow::at(begin), code, round_up(bytes) / kShadowGranule);
}

void AddressChecks::unpoison(u64 begin, u64 bytes) {
  if (bytes == 0 || !shadow_->covers(begin, bytes)) return;
  std::memset(&AddressShadow::at(begin), 0, bytes / kShadowGranule);
  if (bytes % kShadowGranule != 0) AddressShadow::at(begin + bytes) = static_cast<u8>(bytes % kShadowGranule);
}

void AddressChecks::set_shadow(u64 shadow, u64 bytes, u8 code) {
  const u64 begin = (shadow - host::kShadowOffset) << 3;
  if (enabled_) poison(begin, bytes * kShadowGranule, code);
}

void AddressChecks::forget(u64 begin, u64 bytes) {
  if (!enabled_) return;
  unpoison(begin, bytes);
  objects_.erase(objects_.lower_bound(begin), objects_.lower_bound(begin + bytes));
}

std::optional<u64> AddressChecks::first_bad(u64 address, u64 bytes) const {
  const u64 end = address + bytes;
  for (u64 granule = address & ~(kShadowGranule - 1); granule < end; granule += kShadowGranule) {
    const u8 code = AddressShadow::at(granule);
    if (code == 0) continue;
    const u64 allowed = code < kShadowGranule ? granule + code : granule;
    const u64 first = std::max(address, allowed);
    if (first < std::min(end, granule + kShadowGranule)) return first;
  }
  return std::nullopt;
}

// ---- memory ----

ObjectEvent AddressChecks::event_now() {
  ObjectEvent event;
  const sched::Task* const task = kernel_.sched().current();
  event.pid = task == nullptr ? 0 : task->pid;
  event.frames = kernel_.traps().call_chain();
  if (event.frames.size() > kMostFrames) event.frames.resize(kMostFrames);
  return event;
}

void AddressChecks::allocated(const AllocationEvent& event) {
  if (!enabled_ || event.kind == AllocationKind::kPercpu) return;
  const bool slab = event.kind == AllocationKind::kSlab;
  // Pages are given as they are; what was asked for is known of objects only.
  const u64 requested =
      event.kind == AllocationKind::kPages ? event.actual : std::min(event.origin.requested, event.actual);
  unpoison(event.address, requested);
  const u64 rest = round_up(event.address + requested);
  if (event.kind != AllocationKind::kVmalloc && rest < event.address + event.actual)
    poison(rest, event.address + event.actual - rest, slab ? kShadowSlabRedzone : kShadowPageRedzone);
  objects_[event.address] = {std::string(event.cache), requested, event.actual, event_now(), {}};
  if (!slab) return;
  // The slot behind it, if it is nobody's yet, is no place for anybody.
  const u64 next = event.address + event.actual;
  const void* const object = reinterpret_cast<const void*>(event.address);
  const void* const neighbour = reinterpret_cast<const void*>(next);
  mm::Slab* const here = kernel_.memory().slabs().slab_of(object);
  if (here != nullptr && kernel_.memory().slabs().slab_of(neighbour) == here && !objects_.contains(next) &&
      !mm::SlabAllocator::is_allocated(here, neighbour))
    poison(next, std::min<u64>(event.actual, host::kPageSize), kShadowSlabRedzone);
}

void AddressChecks::freed(const AllocationEvent& event) {
  if (!enabled_ || event.kind == AllocationKind::kPercpu) return;
  const auto it = objects_.find(event.address);
  if (it != objects_.end() && it->second.freed) return;  // in quarantine
  if (event.kind == AllocationKind::kSlab) {
    poison(event.address, event.actual, kShadowSlabFree);
    if (it != objects_.end()) it->second.freed = event_now();
    return;
  }
  poison(event.address, event.actual,
         event.kind == AllocationKind::kVmalloc ? kShadowVmallocInvalid : kShadowPageFree);
  if (it != objects_.end()) it->second.freed = event_now();
}

void AddressChecks::resized(const AllocationEvent& event, u64 requested) {
  if (!enabled_) return;
  const auto it = objects_.find(event.address);
  if (it == objects_.end()) return;
  it->second.requested = requested;
  unpoison(event.address, requested);
  const u64 rest = round_up(event.address + requested);
  if (event.kind == AllocationKind::kSlab && rest < event.address + event.actual)
    poison(rest, event.address + event.actual - rest, kShadowSlabRedzone);
}

AddressChecks::Held AddressChecks::hold_back(u64 address, const char* function) {
  if (!enabled_) return Held::kNo;
  const auto it = objects_.find(address);
  if (it == objects_.end() || !it->second.cache.starts_with("kmalloc")) return Held::kNo;
  WatchedObject& object = it->second;
  if (object.freed) {
    // Freed before: still in quarantine, or nobody's.
    const u64 ip = kernel_.name_address(function) + 5;
    print(fmt::format("double-free in {}", symbol_text(kernel_.traps().symbols(), ip)),
          fmt::format("Free of addr {:016x} by task {}/{}", address, kernel_.sched().current()->name(),
                      kernel_.sched().current()->pid),
          address, ip);
    return Held::kReported;
  }
  object.freed = event_now();
  poison(address, object.actual, kShadowSlabFree);
  quarantine_.push_back(address);
  quarantined_bytes_ += object.actual;
  return Held::kInQuarantine;
}

u64 AddressChecks::take_released() {
  if (quarantined_bytes_ <= kQuarantineBytes || quarantine_.empty()) return 0;
  const u64 address = quarantine_.front();
  quarantine_.pop_front();
  const auto it = objects_.find(address);
  if (it != objects_.end()) quarantined_bytes_ -= std::min(quarantined_bytes_, it->second.actual);
  return address;
}

AddressChecks::Objects::const_iterator AddressChecks::object_at(u64 address) const {
  // The object that it lies in, else the one that it lies behind.
  auto it = objects_.upper_bound(address);
  if (it == objects_.begin()) return objects_.end();
  --it;
  const u64 reach = it->first + 2 * std::max(it->second.actual, u64{64});
  return address < reach ? it : objects_.end();
}

// ---- from instrumented code ----

void AddressChecks::check(u64 address, u64 bytes, AccessKind kind, u64 ip) {
  if (!enabled_ || bytes == 0 || !shadow_->covers(address, bytes)) return;
  if (first_bad(address, bytes)) report(address, bytes, kind, ip);
}

void AddressChecks::register_globals(u64 globals, u64 count, bool alive) {
  if (!enabled_) return;
  for (u64 i = 0; i < count; ++i) {
    const auto global = guest::load<Global>(globals + i * sizeof(Global));
    if (!global) return;
    unpoison(global->begin, alive ? global->size : global->size_with_redzone);
    const u64 behind = round_up(global->begin + global->size);
    if (alive && behind < global->begin + global->size_with_redzone)
      poison(behind, global->begin + global->size_with_redzone - behind, kShadowGlobalRedzone);
  }
}

// 32 bytes before and behind an array of variable size are its redzones (gcc's asan.c).
void AddressChecks::poison_alloca(u64 address, u64 bytes) {
  constexpr u64 kAllocaRedzone = 32;
  if (!enabled_) return;
  const u64 behind = round_up(address + bytes);
  const u64 padded = (address + bytes + kAllocaRedzone - 1) & ~(kAllocaRedzone - 1);
  poison(address - kAllocaRedzone, kAllocaRedzone, kShadowAllocaLeft);
  unpoison(address, bytes);
  poison(behind, padded + kAllocaRedzone - behind, kShadowAllocaRight);
}

void AddressChecks::unpoison_allocas(u64 top, u64 bottom) {
  if (enabled_ && top != 0 && top < bottom) unpoison(top, bottom - top);
}

}  // namespace koi::runtime
