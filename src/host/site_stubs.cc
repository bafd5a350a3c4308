// SPDX-License-Identifier: GPL-2.0-only
#include "host/site_stubs.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/crossing.h"

namespace koi::host {
namespace {

constexpr std::array<u8, 8> kMovlToGs = {0x65, 0xc7, 0x04, 0x25, offsetof(GsArea, site), 0, 0, 0};
constexpr u64 kJump = kMovlToGs.size() + sizeof(u32);
constexpr u64 kJumpEnd = kJump + 1 + sizeof(s32);
constexpr u8 kJmpRel32 = 0xe9;
constexpr u8 kInt3 = 0xcc;
static_assert(kJumpEnd <= kSiteStubSize);

}  // namespace

Result<SiteStubs> SiteStubs::create(World& world, u64 size_bytes) {
  const u64 base = TRY(world.window_take(size_bytes));
  SiteStubs stubs(base, size_bytes, world.heap());
  stubs.open();
  return stubs;
}

u64 SiteStubs::add(u32 site, u64 target) {
  CHECK(in_window(target), "{:#x} is outside the window", target);
  u64 stub = next_;
  if (!free_.empty()) {
    stub = free_.back();
    free_.pop_back();
  } else {
    if (next_ + kSiteStubSize > base_ + size_bytes_) return 0;
    next_ += kSiteStubSize;
  }
  std::array<u8, kSiteStubSize> code;
  code.fill(kInt3);
  const auto distance = static_cast<s32>(static_cast<s64>(target) - static_cast<s64>(stub + kJumpEnd));
  std::memcpy(code.data(), kMovlToGs.data(), kMovlToGs.size());
  std::memcpy(code.data() + kMovlToGs.size(), &site, sizeof(site));
  code[kJump] = kJmpRel32;
  std::memcpy(code.data() + kJump + 1, &distance, sizeof(distance));
  std::memcpy(reinterpret_cast<void*>(stub), code.data(), code.size());
  return stub;
}

void SiteStubs::give_back(u64 stub) {
  CHECK(owns(stub) && (stub - base_) % kSiteStubSize == 0);
  std::memset(reinterpret_cast<void*>(stub), kInt3, kSiteStubSize);
  free_.push_back(stub);
}

u64 SiteStubs::target_of(u64 address) const {
  const u64 stub = address - (address - base_) % kSiteStubSize;
  s32 distance = 0;
  std::memcpy(&distance, reinterpret_cast<const void*>(stub + kJump + 1), sizeof(distance));
  return stub + kJumpEnd + static_cast<u64>(static_cast<s64>(distance));
}

}  // namespace koi::host
