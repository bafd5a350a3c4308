// SPDX-License-Identifier: GPL-2.0-only
#include "engine/race/line_sharing.h"

#include <algorithm>

namespace koi::race {
namespace {

bool shares_falsely(const LineWriter& a, const LineWriter& b) {
  return (a.bytes & b.bytes) == 0 && a.first_ns <= b.last_ns && b.first_ns <= a.last_ns;
}

}  // namespace

void LineSharing::write(u64 address, u32 bytes, u8 cpu, u64 now_ns, TraceId trace) {
  const u64 end = address + bytes;
  for (u64 line = address & ~(kLineBytes - 1); line < end; line += kLineBytes) {
    const u64 from = std::max(line, address) - line;
    const u64 to = std::min(line + kLineBytes, end) - line;
    write_in_line(line, (~0ULL << from) & (~0ULL >> (kLineBytes - to)), cpu, now_ns, trace);
  }
}

void LineSharing::write_in_line(u64 address, u64 mask, u8 cpu, u64 now_ns, TraceId trace) {
  auto it = lines_.find(address);
  if (it == lines_.end()) {
    if (lines_.size() >= most_lines_) return;
    it = lines_.emplace(address, Line{}).first;
  }
  Line& line = it->second;
  for (u32 i = 0; i < line.count; ++i) {
    LineWriter& writer = line.writers[i];
    if (writer.cpu != cpu) continue;
    writer.bytes |= mask;
    ++writer.writes;
    writer.last_ns = now_ns;
    return;
  }
  if (line.count < kWriters) line.writers[line.count++] = {mask, 1, now_ns, now_ns, trace, cpu};
}

std::vector<SharedLine> LineSharing::take(u64 begin, u64 bytes, u64 threshold) {
  std::vector<SharedLine> found;
  const auto first = lines_.lower_bound(begin & ~(kLineBytes - 1));
  const auto last = lines_.lower_bound(begin + bytes);
  for (auto it = first; it != last; ++it) {
    SharedLine shared{it->first, {}};
    const Line& line = it->second;
    for (u32 i = 0; i < line.count; ++i) {
      const bool shares =
          std::any_of(line.writers.begin(), line.writers.begin() + line.count, [&](const LineWriter& other) {
            return &other != &line.writers[i] && other.writes >= threshold &&
                   shares_falsely(line.writers[i], other);
          });
      if (shares && line.writers[i].writes >= threshold) shared.writers.push_back(line.writers[i]);
    }
    std::sort(shared.writers.begin(), shared.writers.end(),
              [](const LineWriter& a, const LineWriter& b) { return a.cpu < b.cpu; });
    if (shared.writers.size() >= 2) found.push_back(std::move(shared));
  }
  lines_.erase(first, last);
  return found;
}

}  // namespace koi::race
