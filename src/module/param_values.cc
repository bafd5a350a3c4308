// SPDX-License-Identifier: GPL-2.0-only
#include "module/param_values.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace koi::module {
namespace {

// The value of a digit in any base up to 16; 16 and more: no digit.
unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
  return 16;
}

unsigned take_base(std::string_view& text) {
  if (text.empty() || text[0] != '0') return 10;
  if (text.size() < 3 || (text[1] | 0x20) != 'x' || digit_value(text[2]) >= 16) return 8;
  text.remove_prefix(2);
  return 16;
}

// _kstrtoull: no sign. All digits are read before an overflow is reported, and it is reported before what
// follows them.
Parsed<u64> parse_digits(std::string_view text) {
  const unsigned base = take_base(text);
  u64 value = 0;
  bool overflow = false;
  std::size_t count = 0;
  while (count < text.size() && digit_value(text[count]) < base) {
    const unsigned digit = digit_value(text[count]);
    if (value > (~u64{0} - digit) / base) overflow = true;
    value = value * base + digit;
    ++count;
  }
  if (overflow) return {ERANGE, 0};
  if (count == 0) return {EINVAL, 0};
  text.remove_prefix(count);
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (!text.empty()) return {EINVAL, 0};
  return {0, value};
}

template <class T>
Parsed<u64> narrow_signed(std::string_view text) {
  const Parsed<s64> wide = parse_signed(text);
  if (wide.error != 0) return {wide.error, 0};
  if (static_cast<T>(wide.value) != wide.value) return {ERANGE, 0};
  return {0, static_cast<u64>(wide.value)};
}

template <class T>
Parsed<u64> narrow_unsigned(std::string_view text) {
  const Parsed<u64> wide = parse_unsigned(text);
  if (wide.error != 0) return wide;
  if (static_cast<T>(wide.value) != wide.value) return {ERANGE, 0};
  return wide;
}

Parsed<u64> parse_boolean(ParamKind kind, std::optional<std::string_view> text, u64 old_value) {
  const Parsed<bool> parsed = parse_bool(text.value_or("1"));
  if (parsed.error != 0) return {parsed.error, 0};
  if (kind == ParamKind::kInvbool) return {0, parsed.value ? u64{0} : u64{1}};
  if (kind == ParamKind::kBoolEnableOnly && !parsed.value && (old_value & 0xff) != 0) return {EROFS, 0};
  return {0, parsed.value ? u64{1} : u64{0}};
}

}  // namespace

std::optional<ParamKind> standard_param_kind(std::string_view ops_symbol) {
  static constexpr std::array<std::pair<std::string_view, ParamKind>, 16> kNames = {{
      {"param_ops_byte", ParamKind::kByte},
      {"param_ops_short", ParamKind::kShort},
      {"param_ops_ushort", ParamKind::kUshort},
      {"param_ops_int", ParamKind::kInt},
      {"param_ops_uint", ParamKind::kUint},
      {"param_ops_long", ParamKind::kLong},
      {"param_ops_ulong", ParamKind::kUlong},
      {"param_ops_ullong", ParamKind::kUllong},
      {"param_ops_hexint", ParamKind::kHexint},
      {"param_ops_bool", ParamKind::kBool},
      {"param_ops_invbool", ParamKind::kInvbool},
      {"param_ops_bint", ParamKind::kBint},
      {"param_ops_bool_enable_only", ParamKind::kBoolEnableOnly},
      {"param_ops_charp", ParamKind::kCharp},
      {"param_ops_string", ParamKind::kString},
      {"param_array_ops", ParamKind::kArray},
  }};
  for (const auto& [name, kind] : kNames) {
    if (name == ops_symbol) return kind;
  }
  return std::nullopt;
}

u64 param_width(ParamKind kind) {
  switch (kind) {
    case ParamKind::kByte:
    case ParamKind::kBool:
    case ParamKind::kInvbool:
    case ParamKind::kBoolEnableOnly:
      return 1;
    case ParamKind::kShort:
    case ParamKind::kUshort:
      return 2;
    case ParamKind::kInt:
    case ParamKind::kUint:
    case ParamKind::kHexint:
    case ParamKind::kBint:
      return 4;
    case ParamKind::kLong:
    case ParamKind::kUlong:
    case ParamKind::kUllong:
    case ParamKind::kCharp:
      return 8;
    case ParamKind::kString:
    case ParamKind::kArray:
    case ParamKind::kCustom:
      break;
  }
  return 0;
}

bool param_takes_no_value(ParamKind kind) {
  return kind == ParamKind::kBool || kind == ParamKind::kBint || kind == ParamKind::kBoolEnableOnly;
}

Parsed<u64> parse_unsigned(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return parse_digits(text);
}

Parsed<s64> parse_signed(std::string_view text) {
  if (text.starts_with('-')) {
    const Parsed<u64> magnitude = parse_digits(text.substr(1));
    if (magnitude.error != 0) return {magnitude.error, 0};
    const s64 value = static_cast<s64>(-magnitude.value);
    if (value > 0) return {ERANGE, 0};
    return {0, value};
  }
  const Parsed<u64> magnitude = parse_unsigned(text);
  if (magnitude.error != 0) return {magnitude.error, 0};
  const s64 value = static_cast<s64>(magnitude.value);
  if (value < 0) return {ERANGE, 0};
  return {0, value};
}

Parsed<bool> parse_bool(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  switch (at(0)) {
    case 'y':
    case 'Y':
    case 't':
    case 'T':
    case '1':
      return {0, true};
    case 'n':
    case 'N':
    case 'f':
    case 'F':
    case '0':
      return {0, false};
    case 'o':
    case 'O':
      if (at(1) == 'n' || at(1) == 'N') return {0, true};
      if (at(1) == 'f' || at(1) == 'F') return {0, false};
      break;
    default:
      break;
  }
  return {EINVAL, false};
}

Parsed<u64> parse_scalar(ParamKind kind, std::optional<std::string_view> text, u64 old_value) {
  const std::string_view number = text.value_or("");
  switch (kind) {
    case ParamKind::kByte:
      return narrow_unsigned<u8>(number);
    case ParamKind::kShort:
      return narrow_signed<s16>(number);
    case ParamKind::kUshort:
      return narrow_unsigned<u16>(number);
    case ParamKind::kInt:
      return narrow_signed<s32>(number);
    case ParamKind::kUint:
    case ParamKind::kHexint:
      return narrow_unsigned<u32>(number);
    case ParamKind::kLong:
      return narrow_signed<s64>(number);
    case ParamKind::kUlong:
    case ParamKind::kUllong:
      return parse_unsigned(number);
    case ParamKind::kBool:
    case ParamKind::kInvbool:
    case ParamKind::kBint:
    case ParamKind::kBoolEnableOnly:
      return parse_boolean(kind, text, old_value);
    case ParamKind::kCharp:
    case ParamKind::kString:
    case ParamKind::kArray:
    case ParamKind::kCustom:
      break;
  }
  CHECK(false, "parameter kind {} is no scalar", static_cast<int>(kind));
}

std::string format_scalar(ParamKind kind, u64 value) {
  switch (kind) {
    case ParamKind::kByte:
      return fmt::format("{}\n", static_cast<u8>(value));
    case ParamKind::kShort:
      return fmt::format("{}\n", static_cast<s16>(value));
    case ParamKind::kUshort:
      return fmt::format("{}\n", static_cast<u16>(value));
    case ParamKind::kInt:
    case ParamKind::kBint:
      return fmt::format("{}\n", static_cast<s32>(value));
    case ParamKind::kUint:
      return fmt::format("{}\n", static_cast<u32>(value));
    case ParamKind::kHexint:
      return fmt::format("0x{:06x}\n", static_cast<u32>(value));  // the kernel's %#08x
    case ParamKind::kLong:
      return fmt::format("{}\n", static_cast<s64>(value));
    case ParamKind::kUlong:
    case ParamKind::kUllong:
      return fmt::format("{}\n", value);
    case ParamKind::kBool:
    case ParamKind::kBoolEnableOnly:
      return (value & 0xff) != 0 ? "Y\n" : "N\n";
    case ParamKind::kInvbool:
      return (value & 0xff) != 0 ? "N\n" : "Y\n";
    case ParamKind::kCharp:
    case ParamKind::kString:
    case ParamKind::kArray:
    case ParamKind::kCustom:
      break;
  }
  CHECK(false, "parameter kind {} is no scalar", static_cast<int>(kind));
}

}  // namespace koi::module
