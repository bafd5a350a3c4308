// SPDX-License-Identifier: GPL-2.0-only
// LineSharing: cache lines of which different virtual CPUs write different bytes at about the same time. Every such write
// takes the line from the other CPU's cache, though the two share no datum.
//
// What is counted: for each line the spots (bytes that one CPU accesses together), with reads, writes and when. The bytes that a CPU
// writes often, a sixteenth of its writes to the line at least, are its own: what initialises a structure does not hide who uses it.
// Two CPUs share a line falsely when their own bytes are disjoint and their times overlap. Reads are counted once a line was
// written. A bounded number of lines and of spots in a line; what comes later is not looked at (`full()`).
#pragma once

#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "engine/race/shadow.h"

namespace koi::race {

inline constexpr u64 kLineBytes = 64;

struct LineSpot {
  u8 offset = 0;
  u8 bytes = 0;
  u8 cpu = 0;
  u64 reads = 0, writes = 0;
  u64 first_ns = 0, last_ns = 0;  // of the writes
  TraceId trace = 0;              // of the latest write

  [[nodiscard]] u64 mask() const { return (~0ULL << offset) & (~0ULL >> (kLineBytes - offset - bytes)); }
};

// A CPU and the bytes that it writes often.
struct LineWriter {
  u8 cpu = 0;
  u64 bytes = 0;  // bit n: byte n of the line
  u64 writes = 0;
  u64 first_ns = 0, last_ns = 0;
};

struct SharedLine {
  u64 address = 0;
  std::vector<LineWriter> writers;  // those that share it falsely, by CPU
  std::vector<LineSpot> spots;      // of all CPUs, by offset and CPU
};

class LineSharing {
 public:
  LineSharing(u32 most_lines, std::pmr::memory_resource* resource)
      : most_lines_(most_lines), lines_(resource) {}

  void write(u64 address, u32 bytes, u8 cpu, u64 now_ns, TraceId trace);
  void read(u64 address, u32 bytes, u8 cpu);
  // Lines that reach into [begin, begin + bytes) and that at least two CPUs wrote `threshold` times each, by address. Forgets
  // those, and of the others what lies in the range.
  [[nodiscard]] std::vector<SharedLine> take(u64 begin, u64 bytes, u64 threshold);
  // Something was not looked at.
  [[nodiscard]] bool full() const { return full_; }

 private:
  static constexpr size_t kMostSpots = 64;  // of a line
  using Line = std::pmr::vector<LineSpot>;
  LineSpot* spot(Line& line, u64 from, u64 to, u8 cpu);
  // Takes one; true: nothing of it is left.
  bool take_line(u64 address, Line& line, u64 begin, u64 bytes, u64 threshold,
                 std::vector<SharedLine>& found);

  const u32 most_lines_;
  bool full_ = false;
  std::pmr::unordered_map<u64, Line> lines_;
};

}  // namespace koi::race
