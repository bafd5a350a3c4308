// SPDX-License-Identifier: GPL-2.0-only
// GuestText: a NUL-terminated string of the guest, read piece by piece as far as it is looked at.
//
// A piece never crosses a page, so that a string which ends just before an unmapped page reads well, and a fault
// is reported only if the bytes before it held no NUL.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "host/guest_memory.h"

namespace koi::printk {

class GuestText {
 public:
  // A string of the guest, of which at most `limit` bytes are ever read.
  explicit GuestText(guest::Address address, u64 limit = ~u64{0}) : address_(address), limit_(limit) {
    inline_[0] = '\0';
  }
  GuestText(const GuestText&) = delete;
  GuestText& operator=(const GuestText&) = delete;

  // Byte `index`; 0 at the string's end, past `limit` and where reading fails (then `fault()` is set).
  // Requires: no byte before `index` was 0.
  [[nodiscard]] char at(u64 index) {
    while (index >= size_ && !ended_) read_piece();
    return index < size_ ? data()[index] : '\0';
  }

  // The whole string; what was read before the fault if `fault()` is set afterwards.
  [[nodiscard]] std::string_view all() {
    while (!ended_) read_piece();
    return {data(), size_};
  }
  // NUL-terminated. Requires: all() was called.
  [[nodiscard]] const char* c_str() const { return data(); }
  [[nodiscard]] const std::optional<guest::Fault>& fault() const { return fault_; }

 private:
  static constexpr u64 kPageSize = 4096;

  [[nodiscard]] const char* data() const { return spilled_.empty() ? inline_.data() : spilled_.data(); }

  void read_piece() {
    char piece[512];
    const u64 from = address_ + size_;
    const u64 wanted = size_ == 0 ? 64 : sizeof(piece);
    const u64 count = std::min({wanted, kPageSize - from % kPageSize, limit_ - size_});
    const u64 missing = count == 0 ? 0 : guest::copy_in(piece, from, count);
    const u64 got = count - missing;
    const void* nul = std::memchr(piece, 0, got);
    const u64 length = nul == nullptr ? got : static_cast<u64>(static_cast<const char*>(nul) - piece);
    append(piece, length);
    if (nul != nullptr || size_ == limit_) {
      ended_ = true;
    } else if (missing != 0) {
      ended_ = true;
      fault_ = guest::last_fault();
    }
  }

  void append(const char* piece, u64 length) {
    if (spilled_.empty() && size_ + length < inline_.size()) {
      std::memcpy(inline_.data() + size_, piece, length);
      inline_[size_ + length] = '\0';
    } else {
      if (spilled_.empty()) spilled_.assign(inline_.data(), size_);
      spilled_.append(piece, length);
    }
    size_ += length;
  }

  guest::Address address_;
  u64 limit_;
  u64 size_ = 0;
  bool ended_ = false;
  std::optional<guest::Fault> fault_;
  std::array<char, 192> inline_;
  std::string spilled_;
};

}  // namespace koi::printk
