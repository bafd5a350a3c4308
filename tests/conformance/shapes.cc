// SPDX-License-Identifier: GPL-2.0-only
#include "shapes.h"

#include <algorithm>
#include <array>

#include "text.h"

namespace koi::conformance {
namespace {

std::size_t take_stamp(std::string_view text) {
  const LogLine parts = parse_log_line(text);
  return parts.stamp.empty() ? std::string_view::npos : parts.stamp.size();
}

std::size_t take_code(std::string_view text) {
  if (text.starts_with("Unable to access opcode bytes at ")) return text.size();
  if (text == "Bad RIP value.") return text.size();
  const std::vector<std::string_view> bytes = split(text, ' ');
  for (std::string_view byte : bytes) {
    if (byte.size() == 4 && byte.front() == '<' && byte.back() == '>') byte = byte.substr(1, 2);
    if (byte.size() != 2 || !is_hex(byte[0]) || !is_hex(byte[1])) return std::string_view::npos;
  }
  return text.size();
}

std::size_t take_page_table(std::string_view text) {
  for (std::string_view word : split(text, ' ')) {
    static constexpr std::array<std::string_view, 4> kLevels = {"P4D", "PUD", "PMD", "PTE"};
    const bool level = std::find(kLevels.begin(), kLevels.end(), word) != kLevels.end();
    if (!level && run_length(word, is_hex) != word.size()) return std::string_view::npos;
  }
  return text.size();
}

std::size_t take_hashed(std::string_view text, std::string_view reference) {
  if (text.starts_with(kUnreadyHash)) return kUnreadyHash.size();
  std::size_t n = run_length(text, [](char c) { return c == ' '; });
  if (text.substr(n).starts_with("0x")) n += 2;
  const std::size_t digits = run_length(text.substr(n), is_hex);
  if (digits == 0 || digits > 16) return std::string_view::npos;
  n += digits;
  // "%-20p|": the blanks that fill the width belong to the field.
  const std::size_t blanks = run_length(text.substr(n), [](char c) { return c == ' '; });
  if (text.substr(n + blanks).starts_with("|")) n += blanks;
  // Only where blanks fill a width a hash stands without its leading zeros.
  const bool column = n == kHashColumn;
  if (reference.size() == kHashColumn && (!column || text.starts_with(' ') != reference.starts_with(' ')))
    return std::string_view::npos;
  return digits >= 8 || column ? n : std::string_view::npos;
}

std::size_t take_padded_address(std::string_view text, std::string_view reference) {
  const std::size_t blanks = run_length(text, [](char c) { return c == ' '; });
  const std::size_t digits = run_length(text.substr(blanks), is_hex);
  if (digits == 0 || digits > 16) return std::string_view::npos;
  if (reference.starts_with(' ') && blanks + digits != reference.size()) return std::string_view::npos;
  return blanks + digits;
}

std::size_t take_program(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kPrograms = {"insmod", "orcmod", "rmmod", "init",
                                                                "koi-shell"};
  for (std::string_view program : kPrograms) {
    if (text.starts_with(program) && (text.size() == program.size() || !is_name(text[program.size()]))) {
      return program.size();
    }
  }
  return std::string_view::npos;
}

std::size_t take_kernel_offset(std::string_view text) {
  if (text == "disabled") return text.size();
  if (!text.starts_with("0x")) return std::string_view::npos;
  constexpr std::string_view kAfter =
      " from 0xffffffff81000000 (relocation range: 0xffffffff80000000-0xffffffffbfffffff)";
  return text.substr(2 + run_length(text.substr(2), is_hex)) == kAfter ? text.size() : std::string_view::npos;
}

// Columns are aligned at the right or at the left: as wide as the reference's, or as many blanks before it; or the
// number fills its column: one blank.
std::size_t take_count(std::string_view text, std::string_view reference) {
  const std::size_t blanks = run_length(text, [](char c) { return c == ' '; });
  const std::size_t digits = run_length(text.substr(blanks), is_digit);
  if (digits == 0 || (blanks == 0) != !reference.starts_with(' ')) return std::string_view::npos;
  // The last: VmallocTotal, whose number in the reference is wider than its column.
  const std::size_t wanted = std::min(reference.find_first_not_of(' '), reference.size());
  const bool same = blanks + digits == reference.size() || blanks == wanted || blanks <= 1 ||
                    reference.size() - wanted > 10;
  return same ? blanks + digits : std::string_view::npos;
}

std::size_t take_place(std::string_view text) {
  if (text == "0x0") return text.size();
  const std::size_t name = run_length(text, [](char c) { return is_name(c) || c == '.'; });
  return name > 0 && text.substr(name).starts_with("+0x") ? text.size() : std::string_view::npos;
}

std::size_t nonzero(std::size_t n) { return n == 0 ? std::string_view::npos : n; }

}  // namespace

std::size_t take_directory(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(" :!"), text.size());
  const std::size_t slash = text.substr(0, end).rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

std::size_t take(Kind kind, std::string_view text, std::string_view reference) {
  switch (kind) {
    case Kind::literal:
      return std::string_view::npos;
    case Kind::stamp:
      return take_stamp(text);
    case Kind::decimal: {
      const std::size_t sign = text.starts_with('-') ? 1 : 0;
      const std::size_t digits = run_length(text.substr(sign), is_digit);
      return digits == 0 ? std::string_view::npos : sign + digits;
    }
    case Kind::padded_decimal: {
      const std::size_t digits = run_length(text, is_digit);
      if (digits == 0) return std::string_view::npos;
      return digits + run_length(text.substr(digits), [](char c) { return c == ' '; });
    }
    case Kind::hex:
      return nonzero(run_length(text, is_hex));
    case Kind::address: {
      if (text.starts_with(kUnreadyHash)) return kUnreadyHash.size();
      return run_length(text, is_hex) == reference.size() ? reference.size() : std::string_view::npos;
    }
    case Kind::hashed_pointer:
      return take_hashed(text, reference);
    case Kind::code_bytes:
      return take_code(text);
    case Kind::register_value:
      return nonzero(run_length(text, [](char c) { return is_hex(c) || c == ':' || c == '(' || c == ')'; }));
    case Kind::page_table:
      return take_page_table(text);
    case Kind::directory:
      return take_directory(text);
    case Kind::program:
      return take_program(text);
    case Kind::padded_address:
      return take_padded_address(text, reference);
    case Kind::migrate_types: {
      if (!text.starts_with(" (")) return 0;
      const std::size_t types = run_length(text.substr(2), [](char c) { return c >= 'A' && c <= 'Z'; });
      return text.substr(2 + types).starts_with(")") ? types + 3 : 0;
    }
    case Kind::build_id:
      return nonzero(text.size());
    case Kind::kernel_offset:
      return take_kernel_offset(text);
    case Kind::machine:
      return nonzero(text.size());
    case Kind::count:
      return take_count(text, reference);
    case Kind::unnamed_lock: {
      const std::size_t name = run_length(text, [](char c) { return is_name(c) || c == ':'; });
      return text.starts_with(reference) ? reference.size() : nonzero(name);
    }
    case Kind::place:
      return take_place(text);
  }
  return std::string_view::npos;
}

}  // namespace koi::conformance
