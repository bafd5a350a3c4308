// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/percpu.h"

#include <bit>

#include "base/check.h"

namespace koi::mm {

Percpu::Percpu(u64 first, u64 bytes, std::pmr::memory_resource* resource)
    : first_(align_up(first, kUnit)),
      bytes_((bytes - (first_ - first)) & ~(kUnit - 1)),
      free_bytes_(bytes_),
      free_(resource),
      busy_(resource) {
  CHECK(bytes >= kUnit);
  free_[first_] = bytes_;
}

PercpuAllocation Percpu::alloc(u64 bytes, u64 align) {
  if (!is_legal(bytes, align)) return {PercpuOutcome::kIllegal, 0};
  return place(bytes, align);
}

bool Percpu::is_legal(u64 bytes, u64 align) {
  return bytes != 0 && bytes <= kPercpuMaxBytes && align <= kPageSize && std::has_single_bit(align);
}

PercpuAllocation Percpu::alloc_static(u64 bytes, u64 align) {
  if (bytes == 0 || !std::has_single_bit(align)) return {PercpuOutcome::kIllegal, 0};
  return place(bytes, align);
}

PercpuAllocation Percpu::place(u64 bytes, u64 align) {
  if (align < kUnit) align = kUnit;
  const u64 size = align_up(bytes, kUnit);
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const auto [start, length] = *it;
    const u64 at = align_up(start, align);
    if (at - start > length || length - (at - start) < size) continue;
    const u64 rest = start + length - (at + size);
    if (at == start) {
      free_.erase(it);
    } else {
      it->second = at - start;
    }
    if (rest != 0) free_[at + size] = rest;
    busy_[at] = bytes;
    free_bytes_ -= size;
    return {PercpuOutcome::kOk, at};
  }
  return {PercpuOutcome::kNoSpace, 0};
}

PercpuFreeOutcome Percpu::free(u64 offset) {
  const auto found = busy_.find(offset);
  if (found == busy_.end()) return PercpuFreeOutcome::kNotAllocated;
  const u64 size = align_up(found->second, kUnit);
  busy_.erase(found);
  free_bytes_ += size;
  const auto next = free_.lower_bound(offset);
  auto at = free_.end();
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += size;
      at = before;
    }
  }
  if (at == free_.end()) at = free_.emplace_hint(next, offset, size);
  if (next != free_.end() && next->first == offset + size) {
    at->second += next->second;
    free_.erase(next);
  }
  return PercpuFreeOutcome::kOk;
}

std::optional<u64> Percpu::size_at(u64 offset) const {
  const auto found = busy_.find(offset);
  return found == busy_.end() ? std::nullopt : std::optional<u64>(found->second);
}

std::optional<u64> Percpu::allocation_at(u64 offset) const {
  auto it = busy_.upper_bound(offset);
  if (it == busy_.begin()) return std::nullopt;
  --it;
  return offset < it->first + it->second ? std::optional<u64>(it->first) : std::nullopt;
}

std::optional<std::string> Percpu::check_invariants() const {
  u64 at = first_, free = 0;
  auto next_free = free_.begin();
  auto next_busy = busy_.begin();
  bool was_free = false;
  while (next_free != free_.end() || next_busy != busy_.end()) {
    if (next_free != free_.end() && next_free->first == at) {
      if (was_free) return fmt::format("free ranges meet at {}", at);
      at += next_free->second;
      free += next_free++->second;
      was_free = true;
    } else if (next_busy != busy_.end() && next_busy->first == at) {
      at += align_up(next_busy++->second, kUnit);
      was_free = false;
    } else {
      return fmt::format("offset {} is nobody's or two allocations'", at);
    }
  }
  if (at != first_ + bytes_ || free != free_bytes_) return "the counts are wrong";
  return std::nullopt;
}

}  // namespace koi::mm
