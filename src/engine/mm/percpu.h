// SPDX-License-Identifier: GPL-2.0-only
// Dynamic per-CPU memory: offsets within one area that every CPU has a copy of.
//
// First fit by offset, in units of 4 bytes; the offsets start behind what the modules' static per-CPU data took.
// The caller clears the copies. Follows the limits of mm/percpu.c; O(free ranges) to allocate, O(log n) to free.
#pragma once

#include <map>
#include <memory_resource>
#include <optional>
#include <string>

#include "engine/mm/types.h"

namespace koi::mm {

inline constexpr u64 kPercpuMaxBytes = 32 * 1024;  // PCPU_MIN_UNIT_SIZE: larger requests are illegal

enum class PercpuOutcome : u8 {
  kOk,
  kIllegal,  // "illegal size (%zu) or align (%zu) for percpu allocation": the kernel WARNs
  kNoSpace,
};

struct PercpuAllocation {
  PercpuOutcome outcome = PercpuOutcome::kOk;
  u64 offset = 0;
};

enum class PercpuFreeOutcome : u8 { kOk, kNotAllocated };

class Percpu {
 public:
  // Serves [first, first + bytes) of each CPU's area.
  Percpu(u64 first, u64 bytes, std::pmr::memory_resource* resource);

  [[nodiscard]] PercpuAllocation alloc(u64 bytes, u64 align);
  // What alloc() does not call illegal.
  [[nodiscard]] static bool is_legal(u64 bytes, u64 align);
  // Static per-CPU data of a module being loaded: like alloc, larger sizes allowed.
  [[nodiscard]] PercpuAllocation alloc_static(u64 bytes, u64 align);
  PercpuFreeOutcome free(u64 offset);

  // Bytes asked for at exactly this offset; nullopt: nothing was.
  [[nodiscard]] std::optional<u64> size_at(u64 offset) const;
  // Start of the allocation an offset lies in.
  [[nodiscard]] std::optional<u64> allocation_at(u64 offset) const;
  [[nodiscard]] u64 free_bytes() const { return free_bytes_; }
  [[nodiscard]] u64 used_bytes() const { return bytes_ - free_bytes_; }
  [[nodiscard]] u64 allocations() const { return busy_.size(); }
  [[nodiscard]] std::optional<std::string> check_invariants() const;

 private:
  static constexpr u64 kUnit = 4;
  [[nodiscard]] PercpuAllocation place(u64 bytes, u64 align);

  u64 first_, bytes_;
  u64 free_bytes_;
  std::pmr::map<u64, u64> free_;  // offset -> size
  std::pmr::map<u64, u64> busy_;  // offset -> bytes asked for
};

}  // namespace koi::mm
