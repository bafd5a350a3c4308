// SPDX-License-Identifier: GPL-2.0-only
#include "engine/race/line_sharing.h"

#include <algorithm>
#include <tuple>

namespace koi::race {
namespace {

constexpr u64 kOwnShare = 16;  // one in so many of a CPU's writes to a line makes bytes its own

bool shares_falsely(const LineWriter& a, const LineWriter& b) {
  return a.cpu != b.cpu && (a.bytes & b.bytes) == 0 && a.first_ns <= b.last_ns && b.first_ns <= a.last_ns;
}

// Each CPU that writes, with what is its own.
std::vector<LineWriter> writers_of(const std::pmr::vector<LineSpot>& spots) {
  std::vector<LineWriter> writers;
  const auto of_cpu = [&](u8 cpu) {
    return std::find_if(writers.begin(), writers.end(), [&](const LineWriter& w) { return w.cpu == cpu; });
  };
  for (const LineSpot& spot : spots) {
    if (spot.writes == 0) continue;
    if (of_cpu(spot.cpu) == writers.end()) writers.push_back({spot.cpu, 0, 0, ~0ULL, 0});
    of_cpu(spot.cpu)->writes += spot.writes;
  }
  for (const LineSpot& spot : spots) {
    if (spot.writes == 0) continue;
    LineWriter& writer = *of_cpu(spot.cpu);
    if (spot.writes * kOwnShare < writer.writes) continue;
    writer.bytes |= spot.mask();
    writer.first_ns = std::min(writer.first_ns, spot.first_ns);
    writer.last_ns = std::max(writer.last_ns, spot.last_ns);
  }
  std::sort(writers.begin(), writers.end(),
            [](const LineWriter& a, const LineWriter& b) { return a.cpu < b.cpu; });
  return writers;
}

// The part of [address, address + bytes) in each of its lines.
template <class Visit>
void for_each_part(u64 address, u64 bytes, const Visit& visit) {
  const u64 end = address + bytes;
  for (u64 line = address & ~(kLineBytes - 1); line < end; line += kLineBytes)
    visit(line, std::max(line, address) - line, std::min(line + kLineBytes, end) - line);
}

}  // namespace

LineSpot* LineSharing::spot(Line& line, u64 from, u64 to, u8 cpu) {
  for (LineSpot& known : line) {
    if (known.cpu == cpu && known.offset == from && known.bytes == to - from) return &known;
  }
  if (line.size() >= kMostSpots) {
    full_ = true;
    return nullptr;
  }
  LineSpot& added = line.emplace_back();
  added.offset = static_cast<u8>(from);
  added.bytes = static_cast<u8>(to - from);
  added.cpu = cpu;
  return &added;
}

void LineSharing::write(u64 address, u32 bytes, u8 cpu, u64 now_ns, TraceId trace) {
  for_each_part(address, bytes, [&](u64 at, u64 from, u64 to) {
    auto it = lines_.find(at);
    if (it == lines_.end()) {
      full_ = full_ || lines_.size() >= most_lines_;
      if (lines_.size() >= most_lines_) return;
      it = lines_.try_emplace(at).first;
    }
    LineSpot* const written = spot(it->second, from, to, cpu);
    if (written == nullptr) return;
    if (written->writes++ == 0) written->first_ns = now_ns;
    written->last_ns = now_ns;
    written->trace = trace;
  });
}

void LineSharing::read(u64 address, u32 bytes, u8 cpu) {
  for_each_part(address, bytes, [&](u64 at, u64 from, u64 to) {
    const auto it = lines_.find(at);
    LineSpot* const seen = it == lines_.end() ? nullptr : spot(it->second, from, to, cpu);
    if (seen != nullptr) ++seen->reads;
  });
}

bool LineSharing::take_line(u64 address, Line& line, u64 begin, u64 bytes, u64 threshold,
                            std::vector<SharedLine>& found) {
  SharedLine shared{address, {}, {}};
  const std::vector<LineWriter> writers = writers_of(line);
  for (const LineWriter& writer : writers) {
    const bool shares = std::any_of(writers.begin(), writers.end(), [&](const LineWriter& other) {
      return other.writes >= threshold && shares_falsely(writer, other);
    });
    if (shares && writer.writes >= threshold) shared.writers.push_back(writer);
  }
  if (shared.writers.size() >= 2) {
    shared.spots.assign(line.begin(), line.end());
    std::sort(shared.spots.begin(), shared.spots.end(), [](const LineSpot& a, const LineSpot& b) {
      return std::tuple(a.offset, a.bytes, a.cpu) < std::tuple(b.offset, b.bytes, b.cpu);
    });
    found.push_back(std::move(shared));
    return true;
  }
  std::erase_if(line, [&](const LineSpot& spot) {
    const u64 at = address + spot.offset;
    return at + spot.bytes > begin && at - begin < bytes;
  });
  return line.empty();
}

std::vector<SharedLine> LineSharing::take(u64 begin, u64 bytes, u64 threshold) {
  std::vector<SharedLine> found;
  const u64 first = begin & ~(kLineBytes - 1);
  const u64 span = begin - first + bytes;
  if (bytes != ~0ULL && span / kLineBytes < lines_.size()) {
    for (u64 at = first; at - first < span; at += kLineBytes) {
      const auto it = lines_.find(at);
      if (it != lines_.end() && take_line(at, it->second, begin, bytes, threshold, found)) lines_.erase(it);
    }
  } else {
    for (auto it = lines_.begin(); it != lines_.end();) {
      const bool in_range = bytes == ~0ULL || it->first - first < span;
      const bool gone = in_range && take_line(it->first, it->second, begin, bytes, threshold, found);
      it = gone ? lines_.erase(it) : std::next(it);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const SharedLine& a, const SharedLine& b) { return a.address < b.address; });
  return found;
}

}  // namespace koi::race
