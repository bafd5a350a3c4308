// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/format.h"

#include <fmt/format.h>

#include "engine/printk/formatter.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

constexpr s32 kWidthMax = (1 << 23) - 1;
constexpr s32 kPrecisionMax = (1 << 15) - 1;

// The kernel's bit-fields: 24 bits of width, 16 of precision.
constexpr s32 wrap_width(s64 value) {
  return static_cast<s32>(static_cast<u32>(static_cast<u64>(value)) << 8) >> 8;
}
constexpr s32 wrap_precision(s64 value) { return static_cast<s16>(static_cast<u64>(value)); }

enum class Length : u8 { kNone, kChar, kShort, kLong, kLongLong, kSize, kPtrdiff };

// One format being run: the cursor, the arguments, and where the text goes.
class Run {
 public:
  Run(Formatter& formatter, const char* format, VaList& arguments)
      : f_(formatter), at_(format), arguments_(arguments) {}

  void all() {
    while (*at_ != '\0' && !f_.faulted()) {
      const char* const percent = std::strchr(at_, '%');
      if (percent == nullptr) {
        f_.out.put(std::string_view(at_));
        return;
      }
      if (percent != at_) f_.out.put(std::string_view(at_, static_cast<u64>(percent - at_)));
      at_ = percent + 1;
      if (!conversion()) return;
      if (arguments_.fault()) f_.fault = arguments_.fault();
    }
  }

 private:
  // An argument whose fault, if it has one, ends the call before anything of it is put.
  bool argument(u64& value) {
    value = arguments_.next();
    if (!arguments_.fault()) return true;
    f_.fault = arguments_.fault();
    return false;
  }

  u32 decimal() {
    u32 value = 0;
    while (is_digit(*at_)) value = value * 10 + static_cast<u32>(*at_++ - '0');
    return value;
  }

  void read_flags() {
    for (;; ++at_) {
      switch (*at_) {
        case '-':
          spec_.flags |= kLeft;
          break;
        case '+':
          spec_.flags |= kPlus;
          break;
        case ' ':
          spec_.flags |= kBlank;
          break;
        case '#':
          spec_.flags |= kAlternate;
          break;
        case '0':
          spec_.flags |= kZeroPad;
          break;
        default:
          return;
      }
    }
  }

  bool read_width() {
    if (is_digit(*at_)) {
      spec_.width = wrap_width(decimal());
    } else if (*at_ == '*') {
      ++at_;
      u64 word = 0;
      if (!argument(word)) return false;
      const s32 width = static_cast<s32>(word);
      spec_.width = wrap_width(width);
      if (spec_.width != width) {
        f_.warn_once(FormatWarning::kWidthTooLarge, fmt::format("field width {} too large", width));
        spec_.width = std::clamp(width, -kWidthMax, kWidthMax);
      }
      if (spec_.width < 0) {
        spec_.width = wrap_width(-static_cast<s64>(spec_.width));
        spec_.flags |= kLeft;
      }
    }
    return true;
  }

  bool read_precision() {
    if (*at_ != '.') return true;
    ++at_;
    if (is_digit(*at_)) {
      spec_.precision = std::max(wrap_precision(decimal()), 0);
    } else if (*at_ == '*') {
      ++at_;
      u64 word = 0;
      if (!argument(word)) return false;
      const s32 precision = static_cast<s32>(word);
      if (wrap_precision(precision) != precision) {
        f_.warn_once(FormatWarning::kPrecisionTooLarge, fmt::format("precision {} too large", precision));
      }
      spec_.precision = std::clamp(precision, 0, kPrecisionMax);
    }
    return true;
  }

  Length read_length() {
    switch (*at_) {
      case 'h':
        if (*++at_ != 'h') return Length::kShort;
        ++at_;
        return Length::kChar;
      case 'l':
        if (*++at_ != 'l') return Length::kLong;
        ++at_;
        return Length::kLongLong;
      case 'L':
        ++at_;
        return Length::kLongLong;
      case 'z':
        ++at_;
        return Length::kSize;
      case 't':
        ++at_;
        return Length::kPtrdiff;
      default:
        return Length::kNone;
    }
  }

  // false: nothing more of this format can be understood.
  bool conversion() {
    spec_ = Spec{};
    read_flags();
    if (!read_width() || !read_precision()) return false;
    const Length length = read_length();
    switch (*at_) {
      case 'c':
        ++at_;
        return character();
      case 's':
        ++at_;
        return string();
      case 'p':
        ++at_;
        return pointer();
      case '%':
        ++at_;
        f_.out.put('%');
        return true;
      case 'o':
        spec_.base = 8;
        break;
      case 'x':
        spec_.flags |= kLowerCase;
        [[fallthrough]];
      case 'X':
        spec_.base = 16;
        break;
      case 'd':
      case 'i':
        spec_.flags |= kSigned;
        break;
      case 'u':
        break;
      default: {
        // %n among them: it is a way to write to memory that nobody needs.
        const std::string_view found(at_, 1);
        f_.warn_once(FormatWarning::kUnsupportedConversion,
                     fmt::format("Please remove unsupported %{} in format string\n", found));
        return false;
      }
    }
    ++at_;
    return integer(length);
  }

  bool character() {
    u64 word = 0;
    if (!argument(word)) return false;
    const bool left = spec_.flags & kLeft;
    const s64 padding = static_cast<s64>(spec_.width) - 1;
    if (!left) f_.out.fill(' ', padding);
    f_.out.put(static_cast<char>(word));
    if (left) f_.out.fill(' ', padding);
    return true;
  }

  bool string() {
    u64 address = 0;
    if (!argument(address)) return false;
    f_.guest_string(address, spec_);
    return true;
  }

  bool pointer() {
    u64 value = 0;
    if (!argument(value)) return false;
    format_pointer(f_, value, spec_, at_);
    while (is_alnum(*at_)) ++at_;
    return true;
  }

  bool integer(Length length) {
    u64 value = 0;
    if (!argument(value)) return false;
    const bool is_signed = spec_.flags & kSigned;
    switch (length) {
      case Length::kChar:
        value = is_signed ? extend<s8>(value) : static_cast<u8>(value);
        break;
      case Length::kShort:
        value = is_signed ? extend<s16>(value) : static_cast<u16>(value);
        break;
      case Length::kNone:
        value = is_signed ? extend<s32>(value) : static_cast<u32>(value);
        break;
      case Length::kLong:
      case Length::kLongLong:
      case Length::kSize:
      case Length::kPtrdiff:
        break;
    }
    f_.number(value, spec_);
    return true;
  }

  template <class T>
  static u64 extend(u64 value) {
    return static_cast<u64>(static_cast<s64>(static_cast<T>(value)));
  }

  Formatter& f_;
  const char* at_;
  VaList& arguments_;
  Spec spec_;
};

constexpr u64 kIntMax = 0x7fffffff;

FormatResult finish(const Sink& sink, const Formatter& formatter) {
  return FormatResult{static_cast<s32>(sink.position()), sink.kept(), formatter.fault};
}

// The kernel refuses absurd sizes (a negative length, usually) instead of trusting them.
bool size_is_sane(u64 size_bytes, FormatEnvironment& environment, Sink& sink) {
  if (size_bytes <= kIntMax) return true;
  Formatter(sink, environment).warn_once(FormatWarning::kSizeTooLarge, "");
  return false;
}

FormatResult run_to_buffer(char* buffer, u64 size_bytes, const char* format, VaList& arguments,
                           FormatEnvironment& environment) {
  Sink sink(buffer, size_bytes == 0 ? 0 : size_bytes - 1);
  if (!size_is_sane(size_bytes, environment, sink)) return {};
  Formatter formatter(sink, environment);
  run_format(formatter, format, arguments);
  if (size_bytes != 0 && !formatter.faulted()) buffer[sink.kept()] = '\0';
  return finish(sink, formatter);
}

FormatResult run_to_string(std::string& text, u64 size_bytes, const char* format, VaList& arguments,
                           FormatEnvironment& environment) {
  text.clear();
  Sink none(nullptr, 0);
  if (!size_is_sane(size_bytes, environment, none)) return {};
  Sink sink(text, size_bytes == 0 ? 0 : size_bytes - 1);
  Formatter formatter(sink, environment);
  run_format(formatter, format, arguments);
  text.resize(sink.kept());
  return finish(sink, formatter);
}

}  // namespace

void run_format(Formatter& formatter, const char* format, VaList& arguments) {
  Run(formatter, format, arguments).all();
}

FormatResult format_into(char* buffer, u64 size_bytes, const char* format, VaList& arguments,
                         FormatEnvironment& environment) {
  return run_to_buffer(buffer, size_bytes, format, arguments, environment);
}

FormatResult format_into(char* buffer, u64 size_bytes, guest::Address format, VaList& arguments,
                         FormatEnvironment& environment) {
  GuestText source(format);
  (void)source.all();
  if (source.fault()) return FormatResult{0, 0, source.fault()};
  return run_to_buffer(buffer, size_bytes, source.c_str(), arguments, environment);
}

FormatResult format_string(std::string& text, u64 size_bytes, const char* format, VaList& arguments,
                           FormatEnvironment& environment) {
  return run_to_string(text, size_bytes, format, arguments, environment);
}

FormatResult format_string(std::string& text, u64 size_bytes, guest::Address format, VaList& arguments,
                           FormatEnvironment& environment) {
  GuestText source(format);
  (void)source.all();
  if (source.fault()) return FormatResult{0, 0, source.fault()};
  return run_to_string(text, size_bytes, source.c_str(), arguments, environment);
}

}  // namespace koi::printk
