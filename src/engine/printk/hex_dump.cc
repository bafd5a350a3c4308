// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/hex_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "engine/printk/formatter.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

u64 effective_row_size(const HexLayout& layout) { return layout.row_size == 32 ? 32 : 16; }

u64 effective_group_size(const HexLayout& layout, u64 length) {
  const u64 group = static_cast<u64>(std::max(layout.group_size, 0));
  if (!std::has_single_bit(group) || group > 8 || length % group != 0) return 1;
  return group;
}

u64 ascii_column(u64 row_size, u64 group_size) { return row_size * 2 + row_size / group_size + 1; }

}  // namespace

std::string hex_dump_line(ByteSpan bytes, HexLayout layout) {
  const u64 row_size = effective_row_size(layout);
  bytes = bytes.first(std::min<u64>(bytes.size(), row_size));
  const u64 group_size = effective_group_size(layout, bytes.size());
  std::string line;
  if (bytes.empty()) return line;
  for (u64 group = 0; group < bytes.size(); group += group_size) {
    if (group != 0) line.push_back(' ');
    // Groups are little-endian numbers: the last byte comes first.
    for (u64 i = group_size; i-- > 0;) append_hex_byte(line, bytes[group + i]);
  }
  if (layout.ascii == Ascii::kNo) return line;
  line.resize(std::max<u64>(line.size(), ascii_column(row_size, group_size)), ' ');
  for (const u8 byte : bytes) {
    const char c = static_cast<char>(byte);
    line.push_back(is_ascii(c) && is_print(c) ? c : '.');
  }
  return line;
}

s32 hex_dump_to_buffer(ByteSpan bytes, HexLayout layout, std::span<char> buffer) {
  const std::string line = hex_dump_line(bytes, layout);
  if (buffer.empty()) {
    // Nothing can be stored, not even the line of no bytes; the length is then computed from the layout.
    if (!bytes.empty()) return static_cast<s32>(line.size());
    return layout.ascii == Ascii::kYes
               ? static_cast<s32>(ascii_column(effective_row_size(layout), effective_group_size(layout, 0)))
               : -1;
  }
  const u64 kept = std::min<u64>(line.size(), buffer.size() - 1);
  std::copy_n(line.data(), kept, buffer.data());
  buffer[kept] = '\0';
  return static_cast<s32>(line.size());
}

std::optional<guest::Fault> print_hex_dump(std::string_view level, std::string_view prefix,
                                           DumpPrefix prefix_type, HexLayout layout, guest::Address bytes,
                                           u64 size_bytes, FormatEnvironment& environment,
                                           const std::function<void(std::string_view)>& print) {
  const u64 row_size = effective_row_size(layout);
  for (u64 offset = 0; offset < size_bytes; offset += row_size) {
    std::array<u8, 32> row;
    const u64 count = std::min(row_size, size_bytes - offset);
    if (guest::copy_in(row.data(), bytes + offset, count) != 0) return guest::last_fault();
    std::string line = fmt::format("{}{}", level, prefix);
    if (prefix_type == DumpPrefix::kAddress) {
      Sink sink(line.append(64, ' ').data() + line.size() - 64, 64);
      Formatter formatter(sink, environment);
      format_hashed_pointer(formatter, bytes + offset, Spec{});
      line.resize(line.size() - 64 + sink.kept());
      line += ": ";
    } else if (prefix_type == DumpPrefix::kOffset) {
      line += fmt::format("{:08x}: ", static_cast<u32>(offset));
    }
    line += hex_dump_line(ByteSpan(row.data(), count), layout);
    line.push_back('\n');
    print(line);
  }
  return std::nullopt;
}

}  // namespace koi::printk
