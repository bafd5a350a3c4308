// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/formatter.h"

namespace koi::printk {
namespace {

constexpr u64 kPageSize = 4096;
constexpr u64 kFirstErrorValue = ~u64{0} - 4094;  // -MAX_ERRNO

// Digits of `value` into the end of `buffer`; returns the first one's index.
template <u64 N>
u64 put_digits(char (&buffer)[N], u64 value, u32 base, const char* digits) {
  u64 at = N;
  if (base == 10) {
    do {
      buffer[--at] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return at;
  }
  const u32 shift = base == 16 ? 4 : 3;
  do {
    buffer[--at] = digits[value & (base - 1)];
    value >>= shift;
  } while (value != 0);
  return at;
}

}  // namespace

bool Formatter::read(void* destination, guest::Address source, u64 size_bytes) {
  if (faulted()) return false;
  if (guest::copy_in(destination, source, size_bytes) == 0) return true;
  fault = guest::last_fault();
  return false;
}

// Unlike C, a precision does not switch zero padding off, a precision of 0 still prints a zero, and 0 keeps its
// 0x prefix.
void Formatter::number(u64 value, Spec spec) {
  char sign = 0;
  if (spec.flags & kSigned) {
    if (static_cast<s64>(value) < 0) {
      sign = '-';
      value = -value;
    } else if (spec.flags & kPlus) {
      sign = '+';
    } else if (spec.flags & kBlank) {
      sign = ' ';
    }
  }
  std::string_view prefix;
  if ((spec.flags & kAlternate) && spec.base == 16) prefix = spec.flags & kLowerCase ? "0x" : "0X";
  if ((spec.flags & kAlternate) && spec.base == 8 && value != 0) prefix = "0";

  char digits[24];
  const u64 first = put_digits(digits, value, spec.base, spec.flags & kLowerCase ? kHexLower : kHexUpper);
  const s64 digit_count = static_cast<s64>(sizeof(digits) - first);
  const s64 zeros = std::max<s64>(spec.precision - digit_count, 0);
  const s64 padding = spec.width - (sign != 0) - static_cast<s64>(prefix.size()) - zeros - digit_count;

  const bool left = spec.flags & kLeft;
  const bool zero_pad = (spec.flags & kZeroPad) && !left;
  if (!left && !zero_pad) out.fill(' ', padding);
  if (sign != 0) out.put(sign);
  if (!prefix.empty()) out.put(prefix);
  if (zero_pad) out.fill('0', padding);
  out.fill('0', zeros);
  out.put(std::string_view(digits + first, static_cast<u64>(digit_count)));
  if (left) out.fill(' ', padding);
}

void Formatter::widen(u64 start, const Spec& spec) {
  const s64 missing = spec.width - static_cast<s64>(out.position() - start);
  if (missing <= 0) return;
  if (spec.flags & kLeft) {
    out.fill(' ', missing);
  } else {
    out.indent(start, static_cast<u64>(missing));
  }
}

void Formatter::text(std::string_view value, const Spec& spec) {
  const u64 start = out.position();
  out.put(spec.precision < 0 ? value : value.substr(0, static_cast<u64>(spec.precision)));
  widen(start, spec);
}

void Formatter::guest_string_unchecked(guest::Address address, const Spec& spec) {
  GuestText source(address, spec.precision < 0 ? ~u64{0} : static_cast<u64>(spec.precision));
  const std::string_view value = source.all();
  if (source.fault()) {
    out.put(value);
    fault = source.fault();
    return;
  }
  text(value, spec);
}

void Formatter::guest_string(guest::Address address, const Spec& spec) {
  if (check_pointer(address, spec)) guest_string_unchecked(address, spec);
}

void Formatter::error_text(std::string_view value, Spec spec) {
  if (spec.precision == -1) spec.precision = 2 * sizeof(u64);
  text(value, spec);
}

void Formatter::fixed_hex(u64 value, u32 size_bytes) {
  number(value, Spec{kAlternate | kLowerCase | kZeroPad, 16, static_cast<s32>(2 + 2 * size_bytes), -1});
}

bool Formatter::check_pointer(guest::Address address, const Spec& spec) {
  if (address == 0) {
    error_text("(null)", spec);
    return false;
  }
  if (address < kPageSize || address >= kFirstErrorValue) {
    error_text("(efault)", spec);
    return false;
  }
  return true;
}

void Formatter::warn_once(FormatWarning kind, std::string_view message) {
  const u32 bit = 1u << static_cast<u32>(kind);
  if (env.warned & bit) return;
  env.warned |= bit;
  if (env.host != nullptr) env.host->warn_once(kind, message);
}

void Formatter::unsupported(std::string_view conversion) {
  if (env.host != nullptr) env.host->unsupported(conversion);
}

}  // namespace koi::printk
