// SPDX-License-Identifier: GPL-2.0-only
#include "host/address_shadow.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "host/address_map.h"

namespace koi::host {
namespace {

constexpr u64 first_byte(u64 begin) { return shadow_address(begin) & ~(kPageSize - 1); }
constexpr u64 byte_count(u64 begin, u64 end) {
  return ((shadow_address(end) + kPageSize - 1) & ~(kPageSize - 1)) - first_byte(begin);
}

}  // namespace

AddressShadow::~AddressShadow() {
  for (const Range& range : ranges_)
    munmap(reinterpret_cast<void*>(first_byte(range.begin)), byte_count(range.begin, range.end));
}

Status AddressShadow::map(u64 begin, u64 bytes) {
  const u64 size = byte_count(begin, begin + bytes);
  void* const wanted = reinterpret_cast<void*>(first_byte(begin));
  void* const got = mmap(wanted, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != wanted) {
    const int error = errno;
    if (got != MAP_FAILED) munmap(got, size);
    return make_errno(error, "cannot map the shadow of {:#x} at its fixed address {:#x} ({} MiB): {}", begin,
                      first_byte(begin), size >> 20, std::strerror(error));
  }
  ranges_.push_back({begin, begin + bytes});
  return Ok{};
}

bool AddressShadow::covers(u64 address, u64 bytes) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return address >= range.begin && address < range.end && bytes <= range.end - address;
  });
}

}  // namespace koi::host
