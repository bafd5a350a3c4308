// SPDX-License-Identifier: GPL-2.0-only
// Network addresses and identifiers: %pM %pm %pI %pi %pU %pN.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/printk/formatter.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

using Ip6 = std::array<u8, 16>;

constexpr u16 kFamilyInet = 2;
constexpr u16 kFamilyInet6 = 10;

// `style`: 'i' pads each number to three digits; `order`: 'h' and 'l' mean least significant byte first.
void append_ip4(std::string& text, std::array<u8, 4> address, char style, char order) {
  if (order == 'h' || order == 'l') std::reverse(address.begin(), address.end());
  for (u64 i = 0; i < 4; ++i) {
    if (i != 0) text.push_back('.');
    text += style == 'i' ? fmt::format("{:03}", address[i]) : fmt::format("{}", address[i]);
  }
}

void append_ip6(std::string& text, const Ip6& address, char style) {
  for (u64 i = 0; i < 16; ++i) {
    if (style == 'I' && i != 0 && i % 2 == 0) text.push_back(':');
    append_hex_byte(text, address[i]);
  }
}

// ::ffff:a.b.c.d, and the interface identifiers of ISATAP (RFC 5214, section 6.1).
bool ends_in_ip4(const Ip6& a) {
  const bool mapped = std::all_of(a.begin(), a.begin() + 10, [](u8 byte) { return byte == 0; }) &&
                      a[10] == 0xff && a[11] == 0xff;
  const bool isatap = (a[8] | 2) == 2 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe;
  return mapped || isatap;
}

// RFC 5952: the longest run of zero words (the first of equals, at least two) becomes "::".
void append_compressed_ip6(std::string& text, const Ip6& address) {
  const bool ip4 = ends_in_ip4(address);
  const u64 words = ip4 ? 6 : 8;
  const auto word = [&](u64 i) { return static_cast<u16>(address[2 * i] << 8 | address[2 * i + 1]); };

  u64 best = words, best_length = 1;
  for (u64 i = 0; i < words; ++i) {
    u64 length = 0;
    while (i + length < words && word(i + length) == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  bool colon = false;
  for (u64 i = 0; i < words; ++i) {
    if (i == best) {
      text += "::";
      colon = false;
      i += best_length - 1;
      continue;
    }
    if (colon) text.push_back(':');
    text += fmt::format("{:x}", word(i));
    colon = true;
  }
  if (!ip4) return;
  if (colon) text.push_back(':');
  append_ip4(text, {address[12], address[13], address[14], address[15]}, 'I', 0);
}

// A number printed with the whole conversion's own flags, width and precision, as the kernel does.
void append_number(std::string& text, Formatter& f, u64 value, const Spec& spec) {
  std::string digits;
  Sink sink(digits, u64{1} << 24);
  Formatter(sink, f.env).number(value, spec);
  text.append(digits, 0, sink.kept());
}

void format_sockaddr_ip4(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  struct {
    u16 family;
    std::array<u8, 2> port;
    std::array<u8, 4> address;
  } sa;
  if (!f.read(sa, pointer)) return;
  bool with_port = false;
  char order = 0;
  for (const char* option = extension + 2; is_alpha(*option); ++option) {
    if (*option == 'p') with_port = true;
    if (std::strchr("hlnb", *option) != nullptr) order = *option;
  }
  std::string text;
  append_ip4(text, sa.address, extension[0], order);
  if (with_port) {
    text.push_back(':');
    append_number(text, f, static_cast<u64>(sa.port[0] << 8 | sa.port[1]), spec);
  }
  f.text(text, spec);
}

void format_sockaddr_ip6(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  struct {
    u16 family;
    std::array<u8, 2> port;
    std::array<u8, 4> flowinfo;
    Ip6 address;
    u32 scope_id;
  } sa;
  if (!f.read(sa, pointer)) return;
  bool port = false, flow = false, scope = false, compressed = false;
  for (const char* option = extension + 2; is_alpha(*option); ++option) {
    port |= *option == 'p';
    flow |= *option == 'f';
    scope |= *option == 's';
    compressed |= *option == 'c';
  }
  const bool bracketed = port || flow || scope;
  std::string text;
  if (bracketed) text.push_back('[');
  if (extension[0] == 'I' && compressed) {
    append_compressed_ip6(text, sa.address);
  } else {
    append_ip6(text, sa.address, extension[0]);
  }
  if (bracketed) text.push_back(']');
  if (port) {
    text.push_back(':');
    append_number(text, f, static_cast<u64>(sa.port[0] << 8 | sa.port[1]), spec);
  }
  if (flow) {
    const u64 bits = (sa.flowinfo[0] & 0x0fu) << 24 | static_cast<u64>(sa.flowinfo[1]) << 16 |
                     static_cast<u64>(sa.flowinfo[2]) << 8 | sa.flowinfo[3];
    text.push_back('/');
    append_number(text, f, bits, spec);
  }
  if (scope) {
    text.push_back('%');
    append_number(text, f, sa.scope_id, spec);
  }
  f.text(text, spec);
}

void format_sockaddr(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  u16 family = 0;
  if (!f.read(family, pointer)) return;
  if (family == kFamilyInet) return format_sockaddr_ip4(f, pointer, spec, extension);
  if (family == kFamilyInet6) return format_sockaddr_ip6(f, pointer, spec, extension);
  f.error_text("(einval)", spec);
}

}  // namespace

void format_mac(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  std::array<u8, 6> mac{};
  if (!f.read(mac, pointer)) return;
  if (extension[1] == 'R') std::reverse(mac.begin(), mac.end());
  const char separator = extension[1] == 'F' ? '-' : ':';
  std::string text;
  for (u64 i = 0; i < mac.size(); ++i) {
    if (extension[0] == 'M' && i != 0) text.push_back(separator);
    append_hex_byte(text, mac[i]);
  }
  f.text(text, spec);
}

void format_ip(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  std::string text;
  switch (extension[1]) {
    case '4': {
      std::array<u8, 4> address{};
      if (!f.read(address, pointer)) return;
      append_ip4(text, address, extension[0], extension[2]);
      break;
    }
    case '6': {
      Ip6 address{};
      if (!f.read(address, pointer)) return;
      if (extension[0] == 'I' && extension[2] == 'c') {
        append_compressed_ip6(text, address);
      } else {
        append_ip6(text, address, extension[0]);
      }
      break;
    }
    case 'S':
      return format_sockaddr(f, pointer, spec, extension);
    default:
      return f.error_text(extension[0] == 'i' ? "(%pi?)" : "(%pI?)", spec);
  }
  f.text(text, spec);
}

void format_uuid(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  std::array<u8, 16> uuid{};
  if (!f.read(uuid, pointer)) return;
  const bool little_endian = extension[1] == 'l' || extension[1] == 'L';
  const bool upper = extension[1] == 'B' || extension[1] == 'L';
  if (little_endian) {
    std::reverse(uuid.begin(), uuid.begin() + 4);
    std::swap(uuid[4], uuid[5]);
    std::swap(uuid[6], uuid[7]);
  }
  std::string text;
  for (u64 i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    append_hex_byte(text, uuid[i], upper ? kHexUpper : kHexLower);
  }
  f.text(text, spec);
}

void format_netdev_features(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  if (extension[1] != 'F') return f.error_text("(%pN?)", spec);
  u64 features = 0;
  if (f.read(features, pointer)) f.fixed_hex(features, sizeof(features));
}

}  // namespace koi::printk
