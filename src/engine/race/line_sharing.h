// SPDX-License-Identifier: GPL-2.0-only
// LineSharing: cache lines of which different virtual CPUs write different bytes at about the same time. Every such write
// takes the line from the other CPU's cache, though the two share no datum.
//
// What is counted: for each line and CPU the writes, the bytes they went to and when. Two CPUs share a line falsely when their
// bytes are disjoint and their times overlap. A bounded number of lines; those that come later are not looked at.
#pragma once

#include <array>
#include <map>
#include <memory_resource>
#include <vector>

#include "engine/race/shadow.h"

namespace koi::race {

inline constexpr u64 kLineBytes = 64;

struct LineWriter {
  u64 bytes = 0;  // bit n: byte n of the line
  u64 writes = 0;
  u64 first_ns = 0, last_ns = 0;
  TraceId trace = 0;  // of the first write
  u8 cpu = 0;
};

struct SharedLine {
  u64 address = 0;
  std::vector<LineWriter> writers;  // those that share it falsely, by CPU
};

class LineSharing {
 public:
  LineSharing(u32 most_lines, std::pmr::memory_resource* resource)
      : most_lines_(most_lines), lines_(resource) {}

  void write(u64 address, u32 bytes, u8 cpu, u64 now_ns, TraceId trace);
  // Lines in [begin, begin + bytes) that at least two CPUs wrote `threshold` times each; forgets them.
  [[nodiscard]] std::vector<SharedLine> take(u64 begin, u64 bytes, u64 threshold);

 private:
  static constexpr size_t kWriters = 4;  // CPUs looked at for each line
  struct Line {
    std::array<LineWriter, kWriters> writers{};
    u32 count = 0;
  };
  void write_in_line(u64 line, u64 mask, u8 cpu, u64 now_ns, TraceId trace);

  const u32 most_lines_;
  std::pmr::map<u64, Line> lines_;
};

}  // namespace koi::race
