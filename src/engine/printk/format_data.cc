// SPDX-License-Identifier: GPL-2.0-only
// Raw memory: %ph %pb %pE %p4cc %pa.
#include <algorithm>
#include <array>
#include <bit>

#include "engine/printk/formatter.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

constexpr s32 kMostHexBytes = 64;

void format_bitmap_list(Formatter& f, u64 pointer, u32 bit_count) {
  // A run is put when the first clear bit after it (or the end) is seen.
  bool first = true;
  u64 run_start = 0;
  bool in_run = false;
  const auto end_run = [&](u64 end) {
    if (!first) f.out.put(',');
    first = false;
    f.number(run_start, kDecimal);
    if (end - run_start > 1) {
      f.out.put('-');
      f.number(end - 1, kDecimal);
    }
    in_run = false;
  };
  for (u64 base = 0; base < bit_count; base += 64) {
    u64 word = 0;
    if (!f.read(word, pointer + base / 8)) return;
    if (word == 0 && !in_run) continue;
    const u64 bits = std::min<u64>(64, bit_count - base);
    for (u64 bit = 0; bit < bits; ++bit) {
      const bool set = word >> bit & 1;
      if (set && !in_run) {
        run_start = base + bit;
        in_run = true;
      } else if (!set && in_run) {
        end_run(base + bit);
      }
    }
  }
  if (in_run) end_run(bit_count);
}

// Groups of 32 bits, the highest first; the highest may be shorter.
void format_bitmap_hex(Formatter& f, u64 pointer, u32 bit_count) {
  const u32 groups = (bit_count + 31) / 32;
  for (u32 i = groups; i-- > 0;) {
    u64 word = 0;
    if (!f.read(word, pointer + i / 2 * 8)) return;
    u32 value = static_cast<u32>(i % 2 == 0 ? word : word >> 32);
    u32 bits = 32;
    if (i == groups - 1) {
      if (bit_count % 32 != 0) bits = bit_count % 32;
      if (bits < 32) value &= (1u << bits) - 1;
    } else {
      f.out.put(',');
    }
    f.number(value, Spec{kLowerCase | kZeroPad, 16, static_cast<s32>((bits + 3) / 4), 0});
  }
}

enum Escape : u32 {
  kEscapeSpace = 1,
  kEscapeSpecial = 2,
  kEscapeNull = 4,
  kEscapeOctal = 8,
  kEscapeAny = kEscapeSpace | kEscapeSpecial | kEscapeNull | kEscapeOctal,
  kKeepPrintable = 16,
  kEscapeHex = 32,
};

u32 escape_classes(const char* options) {
  u32 classes = 0;
  for (;; ++options) {
    switch (*options) {
      case 'a':
        classes |= kEscapeAny;
        break;
      case 'c':
        classes |= kEscapeSpecial;
        break;
      case 'h':
        classes |= kEscapeHex;
        break;
      case 'n':
        classes |= kEscapeNull;
        break;
      case 'o':
        classes |= kEscapeOctal;
        break;
      case 'p':
        classes |= kKeepPrintable;
        break;
      case 's':
        classes |= kEscapeSpace;
        break;
      default:
        return classes != 0 ? classes : kEscapeAny | kKeepPrintable;
    }
  }
}

// The letter after the backslash, for the bytes that `from` lists; 0: none.
char letter_for(char c, std::string_view from, std::string_view to) {
  const u64 at = from.find(c);
  return at == std::string_view::npos ? '\0' : to[at];
}

void put_escaped(Sink& out, char c, u32 classes) {
  if ((classes & kKeepPrintable) && is_print(c)) return out.put(c);
  char letter = 0;
  if (classes & kEscapeSpace) letter = letter_for(c, "\n\r\t\v\f", "nrtvf");
  if (letter == 0 && (classes & kEscapeSpecial)) letter = letter_for(c, "\\\a\033\"", "\\ae\"");
  if (letter == 0 && (classes & kEscapeNull) && c == 0) letter = '0';
  const u8 byte = static_cast<u8>(c);
  if (letter != 0) {
    const char text[] = {'\\', letter};
    out.put(std::string_view(text, 2));
  } else if (classes & kEscapeOctal) {
    const char text[] = {'\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
                         static_cast<char>('0' + (byte & 7))};
    out.put(std::string_view(text, 4));
  } else if (classes & kEscapeHex) {
    const char text[] = {'\\', 'x', kHexLower[byte >> 4], kHexLower[byte & 15]};
    out.put(std::string_view(text, 4));
  } else {
    out.put(c);
  }
}

}  // namespace

void format_hex_bytes(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (spec.width == 0 || !f.check_pointer(pointer, spec)) return;
  char separator = ' ';
  if (extension[1] == 'C') separator = ':';
  if (extension[1] == 'D') separator = '-';
  if (extension[1] == 'N') separator = '\0';
  const u64 count = spec.width > 0 ? static_cast<u64>(std::min(spec.width, kMostHexBytes)) : 1;
  std::array<u8, kMostHexBytes> bytes;
  if (!f.read(bytes.data(), pointer, count)) return;
  for (u64 i = 0; i < count; ++i) {
    if (i != 0 && separator != '\0') f.out.put(separator);
    f.out.put(kHexLower[bytes[i] >> 4]);
    f.out.put(kHexLower[bytes[i] & 15]);
  }
}

void format_bitmap(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  const u32 bit_count = static_cast<u32>(std::max(spec.width, 0));
  if (extension[1] == 'l') {
    format_bitmap_list(f, pointer, bit_count);
  } else {
    format_bitmap_hex(f, pointer, bit_count);
  }
}

void format_escaped(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (spec.width == 0 || !f.check_pointer(pointer, spec)) return;
  const u32 classes = escape_classes(extension + 1);
  u64 left = spec.width < 0 ? 1 : static_cast<u64>(spec.width);
  std::array<char, 256> piece;
  while (left != 0) {
    const u64 count = std::min<u64>(left, piece.size());
    if (!f.read(piece.data(), pointer, count)) return;
    for (u64 i = 0; i < count; ++i) put_escaped(f.out, piece[i], classes);
    pointer += count;
    left -= count;
  }
}

void format_fourcc(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (extension[1] != 'c' || extension[2] != 'c') return f.error_text("(%p4?)", spec);
  if (!f.check_pointer(pointer, spec)) return;
  u32 code = 0;
  if (!f.read(code, pointer)) return;
  constexpr u32 kBigEndian = 1u << 31;
  char text[64];
  Sink sink(text, sizeof(text));
  for (u32 shift = 0; shift < 32; shift += 8) {
    const char c = static_cast<char>((code & ~kBigEndian) >> shift);
    sink.put(is_ascii(c) && is_print(c) ? c : '.');
  }
  sink.put(code & kBigEndian ? " big-endian (" : " little-endian (");
  Formatter(sink, f.env).fixed_hex(code, sizeof(code));
  sink.put(')');
  f.text(std::string_view(text, sink.kept()), spec);
}

// dma_addr_t and phys_addr_t are both 64 bits wide here.
void format_bus_address(Formatter& f, u64 pointer, const Spec& spec) {
  if (!f.check_pointer(pointer, spec)) return;
  u64 address = 0;
  if (f.read(address, pointer)) f.fixed_hex(address, sizeof(address));
}

}  // namespace koi::printk
