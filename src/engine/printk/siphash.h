// SPDX-License-Identifier: GPL-2.0-only
// SipHash-2-4 of one 64-bit word (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
#pragma once

#include <array>
#include <bit>

#include "base/types.h"

namespace koi::printk {

[[nodiscard]] constexpr u64 siphash_u64(u64 word, const std::array<u64, 2>& key) {
  u64 v0 = key[0] ^ 0x736f6d6570736575;
  u64 v1 = key[1] ^ 0x646f72616e646f6d;
  u64 v2 = key[0] ^ 0x6c7967656e657261;
  u64 v3 = key[1] ^ 0x7465646279746573;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v2 += v3;
      v1 = std::rotl(v1, 13) ^ v0;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 = std::rotl(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = std::rotl(v1, 17) ^ v2;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto absorb = [&](u64 block) {
    v3 ^= block;
    rounds(2);
    v0 ^= block;
  };
  absorb(word);
  absorb(u64{8} << 56);  // the last block: no bytes left, and the length
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace koi::printk
