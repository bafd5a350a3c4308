// SPDX-License-Identifier: GPL-2.0-only
// ByteHash: a 64-bit multiply-and-rotate hash, eight bytes a step, of what koi caches and reads back at every start. It
// tells changed or damaged bytes from the ones meant; it does not withstand someone who looks for collisions.
#pragma once

#include <cstring>
#include <string_view>

#include "base/types.h"

namespace koi {

class ByteHash {
 public:
  void add(std::string_view bytes) {
    while (bytes.size() >= 8) {
      u64 word;
      std::memcpy(&word, bytes.data(), 8);
      mix(word);
      bytes.remove_prefix(8);
    }
    u64 tail = bytes.size();
    for (const char c : bytes) tail = tail << 8 | static_cast<u8>(c);
    mix(tail);
  }
  void add(u64 word) { mix(word); }
  [[nodiscard]] u64 value() const { return state_ ^ state_ >> 29; }

 private:
  void mix(u64 word) {
    state_ = (state_ ^ word) * 0x9e3779b97f4a7c15ULL;
    state_ = state_ << 27 | state_ >> 37;
  }
  u64 state_ = 0x6b6f692d636f7265ULL;
};

}  // namespace koi
