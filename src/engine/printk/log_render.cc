// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/log_render.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>

namespace koi::printk {
namespace {

// Adds to `out` no more than `size` bytes, one of them for a NUL, as scnprintf into a fixed buffer does.
class Bounded {
 public:
  Bounded(std::string& out, u64 size) : out_(out), start_(out.size()), size_(size) {}
  void put(char c) {
    if (out_.size() - start_ < size_) out_.push_back(c);
  }
  // As scnprintf: cut to what leaves room for a NUL.
  void print(std::string_view text) {
    const u64 room = size_ - (out_.size() - start_);
    if (room != 0) out_.append(text.substr(0, room - 1));
  }
  void escaped(std::string_view text, char end) {
    for (const char c : text) {
      const u8 byte = static_cast<u8>(c);
      if (byte < ' ' || byte >= 127 || c == '\\') {
        print(fmt::format("\\x{:02x}", byte));
      } else {
        put(c);
      }
    }
    put(end);
  }
  void dictionary(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    put(' ');
    escaped(key, '=');
    escaped(value, '\n');
  }

 private:
  std::string& out_;
  u64 start_;
  u64 size_;
};

std::string_view field(const char* text, u64 size) { return {text, strnlen(text, size)}; }

}  // namespace

void append_text(std::string& out, const Record& record, Release release, LevelPrefix level, Stamp stamp) {
  const u64 buffer_size = release == Release::k6_1 ? 1024 : 2048;
  const RecordInfo& info = record.info;
  char prefix[64];
  char* end = prefix;
  if (level == LevelPrefix::kYes) end = fmt::format_to(end, "<{}>", info.facility << 3 | info.level);
  if (stamp == Stamp::kYes) {
    end = fmt::format_to(end, "[{:5}.{:06}] ", info.ts_nsec / 1'000'000'000,
                         info.ts_nsec % 1'000'000'000 / 1000);
  }
  const std::string_view line_prefix(prefix, static_cast<u64>(end - prefix));

  std::string_view text = record.text;
  bool cut = false;
  for (u64 used = 0;;) {
    const u64 newline = text.find('\n');
    if (newline == std::string_view::npos && cut) return;  // a line that was cut is not shown
    const std::string_view line = text.substr(0, newline);
    // Room for this prefix, the rest of the text, a newline and a NUL.
    if (used + line_prefix.size() + text.size() + 2 > buffer_size) {
      if (used + line_prefix.size() + line.size() + 2 > buffer_size) return;
      text = text.substr(0, buffer_size - used - line_prefix.size() - 2);
      cut = true;
    }
    out.append(line_prefix).append(line).push_back('\n');
    used += line_prefix.size() + line.size() + 1;
    if (text.size() == line.size()) return;
    text.remove_prefix(line.size() + 1);
  }
}

void append_kmsg(std::string& out, const Record& record, Release release) {
  const RecordInfo& info = record.info;
  Bounded bounded(out, release == Release::k6_1 ? 8192 : 2048);
  bounded.print(fmt::format("{},{},{},{};", info.facility << 3 | info.level, info.seq, info.ts_nsec / 1000,
                            info.flags & kRecordCont ? 'c' : '-'));
  bounded.escaped(record.text, '\n');
  bounded.dictionary("SUBSYSTEM", field(info.device.subsystem, sizeof(info.device.subsystem)));
  bounded.dictionary("DEVICE", field(info.device.device, sizeof(info.device.device)));
}

std::string dmesg(const Log& log, LevelPrefix level, Stamp stamp) {
  std::string out;
  for (auto record = log.read(0); record; record = log.read(record->info.seq + 1)) {
    append_text(out, *record, log.options().release, level, stamp);
  }
  return out;
}

std::string dev_kmsg(const Log& log) {
  std::string out;
  for (auto record = log.read(0); record; record = log.read(record->info.seq + 1)) {
    append_kmsg(out, *record, log.options().release);
  }
  return out;
}

}  // namespace koi::printk
