// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/address_map.h"
#include "host/world.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// Two mappings an object, of the 65,530 that a process may have.
constexpr u64 kMostObjects = 12'000;
constexpr u64 kSampleEvery = 16;
constexpr u64 kMostQuarantinedBytes = 16ULL << 20;
constexpr u64 kShare = 4;             // of RAM
constexpr u64 kQuarantineShare = 32;  // of RAM
constexpr u64 kMinimumAlignment = 8;

constexpr u64 page_up(u64 bytes) { return (bytes + host::kPageSize - 1) & ~(host::kPageSize - 1); }

// KFENCE's pattern.
constexpr u8 canary_at(u64 address) { return static_cast<u8>(0xaa ^ (address & 7)); }
u8* bytes_at(u64 address) { return reinterpret_cast<u8*>(address); }

// kmalloc() promises the largest power of two that divides the size, and a word.
u64 kmalloc_alignment(u64 size) { return std::clamp(size & (~size + 1), kMinimumAlignment, host::kPageSize); }

}  // namespace

Guard::Guard(Kernel& kernel, GuardObjects which, std::pmr::memory_resource* resource)
    : kernel_(kernel),
      which_(which),
      most_bytes_(kernel.config().memory_bytes / kShare),
      most_quarantined_bytes_(
          std::min(kMostQuarantinedBytes, kernel.config().memory_bytes / kQuarantineShare)),
      objects_(resource),
      quarantine_(resource),
      reported_(resource) {}

const Guard::Object* Guard::find(u64 address) const {
  auto after = objects_.upper_bound(address);
  if (after == objects_.begin()) return nullptr;
  const Object& object = std::prev(after)->second;
  return address < object.block + object.bytes ? &object : nullptr;
}

std::optional<u64> Guard::size_of(u64 address) const {
  const Object* const object = find(address);
  if (object == nullptr || !object->live || object->address != address) return std::nullopt;
  return object->size;
}

u64 Guard::live_objects(const mm::Cache* cache) const {
  return static_cast<u64>(std::count_if(objects_.begin(), objects_.end(), [&](const auto& entry) {
    return entry.second.live && entry.second.cache == cache;
  }));
}

// ---- allocation ------------------------------------------------------------------------------------------------

bool Guard::has_room(u64 size) const {
  return objects_.size() < kMostObjects && bytes_ + page_up(size) * 2 <= most_bytes_;
}

bool Guard::wants(const mm::Cache& cache, u64 size, mm::Gfp gfp) {
  if (which_ == GuardObjects::kSample && asked_++ % kSampleEvery != 0) return false;
  const mm::GfpBits& bits = kernel_.memory().pages().gfp();
  const bool suits = size != 0 && cache.constructor() == 0 && !cache.is_debug() &&
                     (cache.flags() & mm::slab_flag::kTypesafeByRcu) == 0 &&
                     (gfp & (bits.dma | bits.dma32)) == 0 &&
                     (cache.flags() & (mm::slab_flag::kCacheDma | mm::slab_flag::kCacheDma32)) == 0;
  while (suits && !has_room(size) && !quarantine_.empty()) release(quarantine_.front());
  if (suits && has_room(size)) return true;
  ++unguarded_;
  return false;
}

std::optional<u64> Guard::allocate(const mm::Cache& cache, u64 size, mm::Gfp gfp, Alignment alignment) {
  if (!wants(cache, size, gfp)) return std::nullopt;
  Memory& memory = kernel_.memory();
  const mm::GfpBits& bits = memory.pages().gfp();
  const u64 data_bytes = page_up(size);
  const mm::Gfp plain = gfp & ~(bits.account | bits.direct_reclaim);
  void* const block = memory.kmalloc().alloc_large(data_bytes * 2, plain | bits.nowarn,
                                                   kernel_.sched().running_vcpu(), nullptr);
  if (block == nullptr) {
    ++unguarded_;
    return std::nullopt;
  }
  const u64 start = reinterpret_cast<u64>(block);
  const u64 align = alignment == Alignment::kCache ? std::max<u64>(cache.geometry().align, kMinimumAlignment)
                                                   : kmalloc_alignment(size);
  auto [entry, fresh] = objects_.try_emplace(start, objects_.get_allocator().resource());
  CHECK(fresh);
  Object& object = entry->second;
  object.block = start;
  object.data_bytes = data_bytes;
  object.bytes = data_bytes * 2;
  bytes_ += object.bytes;
  object.address = (start + data_bytes - size) & ~(align - 1);
  object.size = size;
  object.number = last_number_++;
  object.cache = &cache;
  object.cache_name = cache.name();
  keep_track(object.allocated, callers());
  for (u64 at = start; at < start + data_bytes; ++at) {
    if (at < object.address || at >= object.address + size) *bytes_at(at) = canary_at(at);
  }
  host::protect(start + data_bytes, data_bytes, host::Protection::kNone);
  const Pfn pfn{(start - host::kDirectMap) / host::kPageSize};
  memory.accounting().pages_allocated(observe::AllocationKind::kLargeKmalloc, pfn,
                                      memory.pages().desc(pfn).order, size, gfp);
  return object.address;
}

// ---- free ------------------------------------------------------------------------------------------------------

void Guard::free(u64 address) {
  const Object* const found = find(address);
  CHECK(found != nullptr);
  if (!found->live || found->address != address) {
    const std::vector<u64> trace = callers();
    if (!begin_report("invalid free", trace)) return;
    line(fmt::format("Invalid free of 0x{} (in kfence-#{}):", pointer(address), found->number));
    end_report(*found, trace, "invalid free");
    return;
  }
  check_canary(*found);
  Object& object = objects_.at(found->block);
  Memory& memory = kernel_.memory();
  const Pfn pfn{(object.block - host::kDirectMap) / host::kPageSize};
  memory.accounting().freed(memory.accounting().pages_at(pfn));
  memory.pages().desc(pfn).tag = 0;
  object.live = false;
  keep_track(object.freed, callers());
  host::protect(object.block, object.bytes, host::Protection::kNone);
  quarantine_.push_back(object.block);
  quarantined_bytes_ += object.bytes;
  while (quarantined_bytes_ > most_quarantined_bytes_) release(quarantine_.front());
}

void Guard::release(u64 block) {
  const auto at = std::find(quarantine_.begin(), quarantine_.end(), block);
  CHECK(at != quarantine_.end());
  quarantine_.erase(at);
  const u64 bytes = objects_.at(block).bytes;
  quarantined_bytes_ -= bytes;
  bytes_ -= bytes;
  objects_.erase(block);
  host::protect(block, bytes, host::Protection::kReadWrite);
  static_cast<void>(kernel_.memory().kmalloc().free(bytes_at(block), kernel_.sched().running_vcpu()));
}

void Guard::flush(const mm::Cache* cache) {
  const std::vector<u64> blocks(quarantine_.begin(), quarantine_.end());
  for (const u64 block : blocks) {
    if (cache == nullptr || objects_.at(block).cache == cache) release(block);
  }
}

void Guard::check_canary(const Object& object) {
  const u64 end = object.block + object.data_bytes;
  for (u64 at = object.block; at < end; ++at) {
    if (at == object.address) at += object.size;
    if (at >= end) return;
    if (*bytes_at(at) == canary_at(at)) continue;
    const std::vector<u64> trace = callers();
    if (!begin_report("memory corruption", trace)) return;
    // Up to 16 bytes from there on that are not the object's: "." where the canary is whole.
    std::string bytes;
    const u64 stop = std::min({at + 16, end, at < object.address ? object.address : end});
    for (u64 i = at; i < stop; ++i)
      bytes += *bytes_at(i) == canary_at(i) ? " ." : fmt::format(" 0x{:02x}", *bytes_at(i));
    line(fmt::format("Corrupted memory at 0x{} [{} ] (in kfence-#{}):", pointer(at), bytes, object.number));
    end_report(object, trace, "memory corruption");
    return;
  }
}

// ---- access ----------------------------------------------------------------------------------------------------

const Guard::Object& Guard::nearest(const Object& left, u64 address) const {
  const auto right = objects_.find(left.block + left.bytes);
  if (right == objects_.end()) return left;
  return right->second.address - address < address - (left.address + left.size) ? right->second : left;
}

bool Guard::faulted(u64 address, bool write, const std::vector<u64>& trace) {
  const Object* const found = find(address);
  if (found == nullptr) return false;
  const std::string_view access = write ? "write" : "read";
  const bool beyond = address >= found->block + found->data_bytes;
  const Object& object = beyond ? nearest(*found, address) : *found;
  const bool left = address < object.address;
  if (!object.live) {
    if (begin_report(fmt::format("use-after-free {}", access), trace)) {
      line(
          fmt::format("Use-after-free {} at 0x{} (in kfence-#{}):", access, pointer(address), object.number));
      end_report(object, trace, "use after free");
    }
  } else if (begin_report(fmt::format("out-of-bounds {}", access), trace)) {
    line(fmt::format("Out-of-bounds {} at 0x{} ({}B {} of kfence-#{}):", access, pointer(address),
                     left ? object.address - address : address - object.address, left ? "left" : "right",
                     object.number));
    end_report(object, trace, "out of bounds");
  }
  host::protect(address & ~(host::kPageSize - 1), host::kPageSize, host::Protection::kReadWrite);
  return true;
}

// ---- who did it ------------------------------------------------------------------------------------------------

std::vector<u64> Guard::callers() const {
  std::vector<u64> chain = kernel_.traps().call_chain();
  if (!chain.empty() && !kernel_.traps().border_export().empty()) chain.erase(chain.begin());
  return chain;
}

void Guard::keep_track(Track& track, const std::vector<u64>& trace) const {
  track.pid = kernel_.sched().current()->pid;
  track.cpu = kernel_.sched().running_vcpu().value;
  track.time_ns = kernel_.sched().now().value;
  track.trace.assign(trace.begin(), trace.end());
}

}  // namespace koi::runtime
