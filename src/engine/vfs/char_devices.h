// SPDX-License-Identifier: GPL-2.0-only
// CharDevices: ranges of (major, minor) numbers and who has them, by the rules of fs/char_dev.c.
//
// A major of 0 asks for a free one: 254 down to 234, then 511 down to 384. Which are free depends on what the booted kernel has:
// the reference machines' /proc/devices. Cost: O(ranges).
#pragma once

#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace koi::vfs {

inline constexpr u32 kMajorLimit = 512;
inline constexpr u32 kMinorLimit = 1U << 20;

struct CharRegion {
  u32 major = 0;
  u32 base_minor = 0;
  u32 count = 0;
  std::pmr::string name;
  u64 owner = 0;  // the module that took it; 0: the kernel
};

class CharDevices {
 public:
  explicit CharDevices(std::pmr::memory_resource* resource) : regions_(resource) {}

  struct Taken {
    s32 error = 0;  // EINVAL, EBUSY as negative errno
    u32 major = 0;
    std::string message;  // the kernel's words, "" when it says nothing
  };
  Taken take(u32 major, u32 base_minor, u32 count, std::string_view name, u64 owner);
  // Gives exactly that range back. False: nobody has it.
  bool release(u32 major, u32 base_minor, u32 count);
  // Nobody owns them any more: their owner is gone.
  void disown(u64 owner);
  // In the order of /proc/devices: by major, each name of a major once, one after another.
  [[nodiscard]] std::string proc_devices() const;
  [[nodiscard]] const std::pmr::vector<CharRegion>& regions() const { return regions_; }
  void check_invariants() const;

 private:
  [[nodiscard]] u32 free_major() const;
  [[nodiscard]] bool major_used(u32 major) const;
  // The kernel keeps ranges in a hash of 255 buckets; the first search for a free number looks at buckets.
  [[nodiscard]] bool bucket_used(u32 bucket) const;

  std::pmr::vector<CharRegion> regions_;  // sorted by (major, base_minor)
};

// What a booted Debian kernel of the series has taken.
struct BootRegion {
  u32 major;
  u32 base_minor;
  u32 count;
  std::string_view name;
};
[[nodiscard]] std::span<const BootRegion> boot_regions(bool is_6_12);

}  // namespace koi::vfs
