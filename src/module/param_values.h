// SPDX-License-Identifier: GPL-2.0-only
// The values of module parameters as text: the kernel's kstrto* family with base 0, and what the standard
// param_ops accept and show (kernel/params.c, lib/kstrtox.c). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace koi::module {

// The standard operations, by what they are exported as; kCustom: the module's own.
enum class ParamKind : u8 {
  kByte,  // param_ops_byte
  kShort,
  kUshort,
  kInt,
  kUint,
  kLong,
  kUlong,
  kUllong,
  kHexint,
  kBool,
  kInvbool,
  kBint,
  kBoolEnableOnly,
  kCharp,
  kString,  // param_ops_string, set by param_set_copystring
  kArray,   // param_array_ops
  kCustom,
};

// "param_ops_int" gives kInt, "param_array_ops" gives kArray; nullopt: not the name of standard operations.
[[nodiscard]] std::optional<ParamKind> standard_param_kind(std::string_view ops_symbol);
// Bytes of one value in memory; 0 for kString, kArray and kCustom.
[[nodiscard]] u64 param_width(ParamKind kind);
// May the parameter stand without "=value" (KERNEL_PARAM_OPS_FL_NOARG)?
[[nodiscard]] bool param_takes_no_value(ParamKind kind);

// A result of parsing: 0 or a positive errno.
template <class T>
struct Parsed {
  int error = 0;  // EINVAL: not a number; ERANGE: does not fit
  T value{};
};

// kstrtoull, kstrtoll (base 0: 0x.. is hexadecimal, 0.. octal; one leading '+', one trailing newline).
[[nodiscard]] Parsed<u64> parse_unsigned(std::string_view text);
[[nodiscard]] Parsed<s64> parse_signed(std::string_view text);
// kstrtobool: y t 1 on ..., n f 0 off ...; only the first one or two characters count.
[[nodiscard]] Parsed<bool> parse_bool(std::string_view text);

// The value that a scalar kind stores for `text`, as its bytes in a u64. `text` nullopt: no "=value" was
// given.
// Requires: a kind with a width, not kCharp. `old_value` matters to kBoolEnableOnly only.
// Errors: EINVAL, ERANGE; EROFS (bool_enable_only may not be cleared).
[[nodiscard]] Parsed<u64> parse_scalar(ParamKind kind, std::optional<std::string_view> text, u64 old_value);

// What reading /sys/module/x/parameters/y gives for a scalar, with its newline.
[[nodiscard]] std::string format_scalar(ParamKind kind, u64 value);

}  // namespace koi::module
