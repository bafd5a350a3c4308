// SPDX-License-Identifier: GPL-2.0-only
// Sink: where formatted text goes. It counts every byte and keeps those that fit, which is the whole of
// vsnprintf's contract about sizes. O(1) a byte; text that is wider than its room costs nothing to skip.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "base/types.h"

namespace koi::printk {

class Sink {
 public:
  // Keeps at most `capacity` bytes at `buffer`; the caller keeps room for a NUL beside it.
  Sink(char* buffer, u64 capacity) : buffer_(buffer), capacity_(capacity), limit_(capacity) {}
  // Keeps at most `limit` bytes in `grows`, which it enlarges as needed.
  Sink(std::string& grows, u64 limit) : limit_(limit), grows_(&grows) { reserve(std::min<u64>(limit, 256)); }

  void put(char c) {
    if (position_ >= capacity_) [[unlikely]]
      make_room(1);
    if (position_ < capacity_) buffer_[position_] = c;
    ++position_;
  }
  void put(std::string_view text) {
    make_room(text.size());
    if (position_ < capacity_) {
      std::memcpy(buffer_ + position_, text.data(), std::min<u64>(text.size(), capacity_ - position_));
    }
    position_ += text.size();
  }
  void fill(char c, s64 count) {
    if (count <= 0) return;
    const u64 n = static_cast<u64>(count);
    make_room(n);
    if (position_ < capacity_) std::memset(buffer_ + position_, c, std::min(n, capacity_ - position_));
    position_ += n;
  }
  // Moves what was put since `start` to the right by `count` bytes and puts spaces before it.
  void indent(u64 start, u64 count) {
    const u64 length = position_ - start;
    make_room(count);
    position_ += count;
    if (start >= capacity_) return;
    const u64 room = capacity_ - start;
    if (room > count) std::memmove(buffer_ + start + count, buffer_ + start, std::min(length, room - count));
    std::memset(buffer_ + start, ' ', std::min(count, room));
  }

  // Bytes put so far, kept or not.
  [[nodiscard]] u64 position() const { return position_; }
  // Bytes kept.
  [[nodiscard]] u64 kept() const { return std::min(position_, capacity_); }

 private:
  void make_room(u64 count) {
    if (grows_ == nullptr || position_ + count <= capacity_ || capacity_ >= limit_) return;
    reserve(std::min(limit_, std::max(position_ + count, capacity_ * 2)));
  }
  void reserve(u64 capacity) {
    grows_->resize(capacity);
    buffer_ = grows_->data();
    capacity_ = capacity;
  }

  char* buffer_ = nullptr;
  u64 position_ = 0;
  u64 capacity_ = 0;
  u64 limit_;
  std::string* grows_ = nullptr;
};

}  // namespace koi::printk
