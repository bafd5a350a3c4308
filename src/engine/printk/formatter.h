// SPDX-License-Identifier: GPL-2.0-only
// Formatter: the state of one vsnprintf call, and the pieces that every conversion family shares.
// Internal to this folder; callers use format.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/printk/environment.h"
#include "engine/printk/guest_text.h"
#include "engine/printk/guest_va_list.h"
#include "engine/printk/sink.h"

namespace koi::printk {

enum SpecFlag : u8 {
  kSigned = 1,
  kLeft = 2,
  kPlus = 4,
  kBlank = 8,
  kZeroPad = 16,
  kLowerCase = 32,
  kAlternate = 64,
};

// A conversion's flags and numbers. -1: not given. The kernel keeps the width in 24 bits and the precision in
// 16, and a format can observe that.
struct Spec {
  u8 flags = 0;
  u8 base = 10;
  s32 width = -1;
  s32 precision = -1;
};
inline constexpr Spec kDecimal{0, 10, 0, -1};
inline constexpr Spec kFlagsHex{kAlternate | kLowerCase, 16, 0, -1};
inline constexpr Spec kPlainText{0, 10, -1, -1};

class Formatter {
 public:
  Formatter(Sink& sink, FormatEnvironment& environment) : out(sink), env(environment) {}

  // Guest reads: false (0, empty) after recording the fault, which ends the whole call.
  bool read(void* destination, guest::Address source, u64 size_bytes);
  template <class T>
  bool read(T& destination, guest::Address source) {
    return read(&destination, source, sizeof(T));
  }
  [[nodiscard]] bool faulted() const { return fault.has_value(); }

  // The kernel's number(), string_nocheck(), string() and error_string().
  void number(u64 value, Spec spec);
  void text(std::string_view value, const Spec& spec);
  void guest_string(guest::Address address, const Spec& spec);
  void guest_string_unchecked(guest::Address address, const Spec& spec);
  void error_text(std::string_view value, Spec spec);
  // Pads what was put since `start` to the width.
  void widen(u64 start, const Spec& spec);
  // 0x and `size_bytes` * 2 digits.
  void fixed_hex(u64 value, u32 size_bytes);
  // NULL, the first page and error values are named instead of read. false: a message was put.
  bool check_pointer(guest::Address address, const Spec& spec);

  void warn_once(FormatWarning kind, std::string_view message);
  void unsupported(std::string_view conversion);

  Sink& out;
  FormatEnvironment& env;
  std::optional<guest::Fault> fault;
  u32 depth = 0;  // of %pV inside %pV
};

// Runs a whole format. Stops at the first fault.
void run_format(Formatter& formatter, const char* format, VaList& arguments);

// The families of %p. `extension` is what follows the 'p', NUL-terminated.
void format_pointer(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_plain_pointer(Formatter& f, u64 pointer, Spec spec);  // format_address.cc
void format_hashed_pointer(Formatter& f, u64 pointer, const Spec& spec);
void format_restricted_pointer(Formatter& f, u64 pointer, const Spec& spec);
void format_symbol(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_error_pointer(Formatter& f, u64 pointer, Spec spec);
void format_mac(Formatter& f, u64 pointer, const Spec& spec, const char* extension);  // format_network.cc
void format_ip(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_uuid(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_netdev_features(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_hex_bytes(Formatter& f, u64 pointer, const Spec& spec, const char* extension);  // format_data.cc
void format_bitmap(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_escaped(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_fourcc(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_bus_address(Formatter& f, u64 pointer, const Spec& spec);
void format_resource(Formatter& f, u64 pointer, const Spec& spec, const char* extension);  // format_kernel.cc
void format_dentry(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_file(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_block_device(Formatter& f, u64 pointer, const Spec& spec);
void format_time(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_flags(Formatter& f, u64 pointer, const Spec& spec, const char* extension);
void format_va_format(Formatter& f, u64 pointer, const Spec& spec);

// "-EINVAL" for 22; nullptr when the kernel has no name for it.
[[nodiscard]] const char* error_name(s64 error);

inline constexpr char kHexLower[] = "0123456789abcdef";
inline constexpr char kHexUpper[] = "0123456789ABCDEF";
inline void append_hex_byte(std::string& text, u8 byte, const char* digits = kHexLower) {
  text.push_back(digits[byte >> 4]);
  text.push_back(digits[byte & 15]);
}

}  // namespace koi::printk
