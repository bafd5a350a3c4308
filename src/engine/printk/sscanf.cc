// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/sscanf.h"

#include <algorithm>
#include <bitset>

#include "engine/printk/guest_text.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

constexpr u64 kIntMax = 0x7fffffff;
constexpr s16 kWidthMax = 0x7fff;

// Text that ends with its last character, for simple_strtoull.
class HostText {
 public:
  explicit HostText(std::string_view text) : text_(text) {}
  [[nodiscard]] char at(u64 index) const { return index < text_.size() ? text_[index] : '\0'; }

 private:
  std::string_view text_;
};

u32 digit_value(char c) {
  if (is_digit(c)) return static_cast<u32>(c - '0');
  const char lower = to_lower_ascii(c);
  return lower >= 'a' && lower <= 'f' ? static_cast<u32>(lower - 'a' + 10) : 16;
}

// The number at `at`, within `max_chars` characters; `at` moves past it. A prefix that fills the field is skipped
// and gives 0; "0x" alone is consumed as a prefix when the base is 16.
template <class Text>
u64 parse_number(Text& text, u64& at, u32 base, u64 max_chars) {
  const bool x_prefix = text.at(at) == '0' && to_lower_ascii(text.at(at + 1)) == 'x';
  if (base == 0) {
    base = 10;
    if (text.at(at) == '0') base = x_prefix && is_xdigit(text.at(at + 2)) ? 16 : 8;
  }
  const u64 prefix = base == 16 && x_prefix ? 2 : 0;
  if (prefix >= max_chars) {
    at += max_chars;
    return 0;
  }
  at += prefix;
  u64 value = 0;
  for (u64 left = max_chars - prefix; left != 0; --left, ++at) {
    const u32 digit = digit_value(text.at(at));
    if (digit >= base) break;
    value = value * base + digit;
  }
  return value;
}

enum class Store : u8 { kChar, kShort, kInt, kLong };

class Scan {
 public:
  Scan(guest::Address text, guest::Address format, VaList& arguments)
      : text_(text), format_(format), arguments_(arguments) {}

  ScanResult run() {
    while (step()) {
    }
    if (text_.fault()) fault_ = text_.fault();
    if (format_.fault()) fault_ = format_.fault();
    if (arguments_.fault()) fault_ = arguments_.fault();
    return {count_, fault_};
  }

 private:
  [[nodiscard]] char format() { return format_.at(format_at_); }
  [[nodiscard]] char text() { return text_.at(text_at_); }
  [[nodiscard]] bool faulted() const {
    return fault_ || text_.fault() || format_.fault() || arguments_.fault();
  }

  void skip_text_spaces() {
    while (is_space(text())) ++text_at_;
  }

  // One piece of the format. false: the scan is over.
  bool step() {
    if (faulted() || format() == '\0') return false;
    if (is_space(format())) {
      while (is_space(format())) ++format_at_;
      skip_text_spaces();
    }
    if (format() == '\0') return false;
    if (format() != '%') {
      if (format() != text()) return false;
      ++format_at_;
      ++text_at_;
      return true;
    }
    ++format_at_;
    if (format() == '*') return skip_conversion();
    return conversion();
  }

  bool skip_conversion() {
    if (text() == '\0') return false;
    while (!is_space(format()) && format() != '%' && format() != '\0') {
      if (format() == '[') return false;
      ++format_at_;
    }
    while (!is_space(text()) && text() != '\0') ++text_at_;
    return true;
  }

  // false: a width that cannot be.
  bool read_width() {
    width_ = -1;
    if (!is_digit(format())) return true;
    u32 value = 0;
    for (; is_digit(format()); ++format_at_) value = value * 10 + static_cast<u32>(format() - '0');
    width_ = static_cast<s16>(value);
    return width_ > 0;
  }

  Store read_length() {
    const char first = format();
    if (first != 'h' && to_lower_ascii(first) != 'l' && first != 'z') return Store::kInt;
    ++format_at_;
    if (first != 'z' && first != 'L' && format() == first) {
      ++format_at_;
      return first == 'h' ? Store::kChar : Store::kLong;
    }
    return first == 'h' ? Store::kShort : Store::kLong;
  }

  bool conversion() {
    if (!read_width()) return false;
    const bool size_type = format() == 'z';
    const Store store = read_length();
    if (format() == '\0') return false;
    if (format() == 'n') {
      ++format_at_;
      return put(static_cast<u32>(text_at_));
    }
    if (text() == '\0') return false;
    const char kind = format();
    ++format_at_;
    switch (kind) {
      case 'c':
        return characters();
      case 's':
        return word();
      case '[':
        return character_set();
      case 'o':
        return integer(8, false, store, size_type);
      case 'x':
      case 'X':
        return integer(16, false, store, size_type);
      case 'i':
        return integer(0, true, store, size_type);
      case 'd':
        return integer(10, true, store, size_type);
      case 'u':
        return integer(10, false, store, size_type);
      case '%': {
        const bool matches = text() == '%';
        ++text_at_;
        return matches;
      }
      default:
        return false;
    }
  }

  bool characters() {
    guest::Address to = arguments_.next();
    s32 left = width_ == -1 ? 1 : width_;
    do {
      if (!put_byte(to++, text())) return false;
      ++text_at_;
    } while (--left > 0 && text() != '\0');
    ++count_;
    return true;
  }

  bool word() {
    guest::Address to = arguments_.next();
    s32 left = width_ == -1 ? kWidthMax : width_;
    skip_text_spaces();
    for (; text() != '\0' && !is_space(text()) && left != 0; --left, ++text_at_) {
      if (!put_byte(to++, text())) return false;
    }
    if (!put_byte(to, '\0')) return false;
    ++count_;
    return true;
  }

  bool character_set() {
    guest::Address to = arguments_.next();
    if (width_ == -1) return false;
    const bool negated = format() == '^';
    if (negated) ++format_at_;
    std::bitset<256> set;
    const u64 first = format_at_;
    for (; format() != '\0' && format() != ']'; ++format_at_) set.set(static_cast<u8>(format()));
    if (format() == '\0' || format_at_ == first) return false;
    ++format_at_;
    if (negated) {
      set.flip();
      set.reset(0);
    }
    if (!set.test(static_cast<u8>(text()))) return false;
    for (s32 left = width_; left != 0 && set.test(static_cast<u8>(text())); --left, ++text_at_) {
      if (!put_byte(to++, text())) return false;
    }
    if (!put_byte(to, '\0')) return false;
    ++count_;
    return true;
  }

  bool integer(u32 base, bool is_signed, Store store, bool size_type) {
    skip_text_spaces();
    char digit = text();
    const bool negative = is_signed && digit == '-';
    if (negative) {
      if (width_ == 1) return false;
      digit = text_.at(text_at_ + 1);
    }
    if (!starts_number(digit, base)) return false;
    u64 max_chars = width_ >= 0 ? static_cast<u64>(width_) : kIntMax;
    if (negative) {
      ++text_at_;
      --max_chars;
    }
    const u64 magnitude = parse_number(text_, text_at_, base, max_chars);
    const u64 value = negative ? -magnitude : magnitude;
    if (size_type) store = Store::kLong;
    if (!put_integer(value, store)) return false;
    ++count_;
    return true;
  }

  static bool starts_number(char digit, u32 base) {
    if (base == 16) return is_xdigit(digit);
    if (base == 8) return is_octal_digit(digit);
    return is_digit(digit);
  }

  bool put_integer(u64 value, Store store) {
    switch (store) {
      case Store::kChar:
        return put(static_cast<u8>(value));
      case Store::kShort:
        return put(static_cast<u16>(value));
      case Store::kInt:
        return put(static_cast<u32>(value));
      case Store::kLong:
        break;
    }
    return put(value);
  }

  // Stores through the next argument.
  template <class T>
  bool put(T value) {
    const guest::Address to = arguments_.next();
    if (arguments_.fault()) return false;
    if (guest::store(to, value)) return true;
    fault_ = guest::last_fault();
    return false;
  }

  bool put_byte(guest::Address to, char c) {
    if (faulted()) return false;
    if (guest::store(to, c)) return true;
    fault_ = guest::last_fault();
    return false;
  }

  GuestText text_;
  GuestText format_;
  VaList& arguments_;
  u64 text_at_ = 0;
  u64 format_at_ = 0;
  s16 width_ = -1;
  s32 count_ = 0;
  std::optional<guest::Fault> fault_;
};

}  // namespace

ScanResult scan(guest::Address text, guest::Address format, VaList& arguments) {
  return Scan(text, format, arguments).run();
}

u64 simple_strtoull(std::string_view text, u32 base, u64 max_chars, u64& used) {
  HostText host(text);
  used = 0;
  return parse_number(host, used, base, max_chars);
}

}  // namespace koi::printk
