// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vfs/char_devices.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/check.h"

namespace koi::vfs {
namespace {

constexpr u32 kBuckets = 255;
constexpr u32 kDynamicEnd = 234;
constexpr u32 kExtendedStart = 511;
constexpr u32 kExtendedEnd = 384;
constexpr u32 kNameBytes = 64;  // with the NUL

constexpr BootRegion kBoot61[] = {
    {1, 0, 256, "mem"},       {4, 0, 1, "/dev/vc/0"},    {4, 1, 63, "tty"},      {4, 64, 48, "ttyS"},
    {5, 0, 1, "/dev/tty"},    {5, 1, 1, "/dev/console"}, {5, 2, 1, "/dev/ptmx"}, {7, 0, 256, "vcs"},
    {10, 0, 256, "misc"},     {13, 0, 1024, "input"},    {29, 0, 256, "fb"},     {128, 0, 1 << 20, "ptm"},
    {136, 0, 1 << 20, "pts"}, {153, 0, 256, "spi"},      {247, 0, 65536, "cxl"}, {248, 0, 32768, "bsg"},
    {249, 0, 1 << 20, "ptp"}, {250, 0, 16, "pps"},       {251, 0, 16, "rtc"},    {252, 0, 1 << 20, "dax"},
    {253, 0, 65536, "tpm"},   {254, 0, 512, "gpiochip"},
};
constexpr BootRegion kBoot612[] = {
    {1, 0, 256, "mem"},       {4, 0, 1, "/dev/vc/0"},    {4, 1, 63, "tty"},         {4, 64, 48, "ttyS"},
    {5, 0, 1, "/dev/tty"},    {5, 1, 1, "/dev/console"}, {5, 2, 1, "/dev/ptmx"},    {7, 0, 256, "vcs"},
    {10, 0, 1 << 20, "misc"}, {13, 0, 1024, "input"},    {29, 0, 256, "fb"},        {128, 0, 1 << 20, "ptm"},
    {136, 0, 1 << 20, "pts"}, {153, 0, 256, "spi"},      {246, 0, 32768, "bsg"},    {247, 0, 1 << 20, "ptp"},
    {248, 0, 16, "pps"},      {249, 0, 16, "rtc"},       {250, 0, 65536, "cxl"},    {251, 0, 128, "dma_heap"},
    {252, 0, 1 << 20, "dax"}, {253, 0, 65536, "tpm"},    {254, 0, 512, "gpiochip"},
};

}  // namespace

std::span<const BootRegion> boot_regions(bool is_6_12) {
  if (is_6_12) return kBoot612;
  return kBoot61;
}

bool CharDevices::bucket_used(u32 bucket) const {
  return std::any_of(regions_.begin(), regions_.end(),
                     [bucket](const CharRegion& r) { return r.major % kBuckets == bucket; });
}

bool CharDevices::major_used(u32 major) const {
  return std::any_of(regions_.begin(), regions_.end(),
                     [major](const CharRegion& r) { return r.major == major; });
}

// 0: none is free.
u32 CharDevices::free_major() const {
  for (u32 bucket = kBuckets - 1; bucket >= kDynamicEnd; --bucket) {
    if (!bucket_used(bucket)) return bucket;
  }
  for (u32 major = kExtendedStart; major >= kExtendedEnd; --major) {
    if (!major_used(major)) return major;
  }
  return 0;
}

CharDevices::Taken CharDevices::take(u32 major, u32 base_minor, u32 count, std::string_view name, u64 owner) {
  if (major >= kMajorLimit) {
    return {-EINVAL, 0,
            fmt::format("CHRDEV \"{}\" major requested ({}) is greater than the maximum ({})", name, major,
                        kMajorLimit - 1)};
  }
  if (count > kMinorLimit - base_minor) {
    return {-EINVAL, 0,
            fmt::format(
                "CHRDEV \"{}\" minor range requested ({}-{}) is out of range of maximum range (0-{}) for a "
                "single major",
                name, base_minor, base_minor + count - 1, kMinorLimit - 1)};
  }
  if (major == 0) {
    major = free_major();
    if (major == 0) return {-EBUSY, 0, fmt::format("CHRDEV \"{}\" dynamic allocation region is full", name)};
  }
  auto at = regions_.begin();
  for (; at != regions_.end() && at->major <= major; ++at) {
    if (at->major < major || at->base_minor + at->count <= base_minor) continue;
    if (at->base_minor >= base_minor + count) break;
    return {-EBUSY, 0, {}};
  }
  std::pmr::memory_resource* const resource = regions_.get_allocator().resource();
  regions_.insert(at, CharRegion{major, base_minor, count,
                                 std::pmr::string(name.substr(0, kNameBytes - 1), resource), owner});
  return {0, major, {}};
}

bool CharDevices::release(u32 major, u32 base_minor, u32 count) {
  const auto at = std::find_if(regions_.begin(), regions_.end(), [&](const CharRegion& r) {
    return r.major == major && r.base_minor == base_minor && r.count == count;
  });
  if (at == regions_.end()) return false;
  regions_.erase(at);
  return true;
}

void CharDevices::disown(u64 owner) {
  for (CharRegion& region : regions_) {
    if (region.owner == owner) region.owner = 0;
  }
}

std::string CharDevices::proc_devices() const {
  std::string text = "Character devices:\n";
  for (const CharRegion& region : regions_)
    text += fmt::format("{:3} {}\n", region.major, std::string_view(region.name));
  return text;
}

void CharDevices::check_invariants() const {
  for (size_t i = 1; i < regions_.size(); ++i) {
    const CharRegion& before = regions_[i - 1];
    const CharRegion& here = regions_[i];
    CHECK(before.major < here.major ||
              (before.major == here.major && before.base_minor + before.count <= here.base_minor),
          "character devices {} and {} overlap", before.major, here.major);
  }
}

}  // namespace koi::vfs
