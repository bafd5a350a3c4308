// SPDX-License-Identifier: GPL-2.0-only
// Pointers as numbers, identifiers, symbols and error names: %p %px %pK %ps %pS %pB %pe.
#include <fmt/format.h>

#include "engine/printk/formatter.h"
#include "engine/printk/siphash.h"

namespace koi::printk {
namespace {

constexpr s32 kPointerDigits = 16;
constexpr u64 kMaxErrno = 4095;

bool is_error_value(u64 value) { return value >= -kMaxErrno; }

void hash_pointer(Formatter& f, u64 pointer, Spec spec) {
  if (pointer == 0 || is_error_value(pointer)) return format_plain_pointer(f, pointer, spec);
  if (!f.env.ptr_key_ready) {
    spec.width = kPointerDigits;
    return f.error_text("(____ptrval____)", spec);
  }
  // 32 bits are plenty for an identifier, and make plain that it is not an address.
  format_plain_pointer(f, siphash_u64(pointer, f.env.ptr_key) & 0xffffffff, spec);
}

}  // namespace

void format_plain_pointer(Formatter& f, u64 pointer, Spec spec) {
  spec.base = 16;
  spec.flags |= kLowerCase;
  if (spec.width == -1) {
    spec.width = kPointerDigits;
    spec.flags |= kZeroPad;
  }
  f.number(pointer, spec);
}

void format_hashed_pointer(Formatter& f, u64 pointer, const Spec& spec) {
  if (f.env.no_hash_pointers) {
    format_plain_pointer(f, pointer, spec);
  } else {
    hash_pointer(f, pointer, spec);
  }
}

void format_restricted_pointer(Formatter& f, u64 pointer, const Spec& spec) {
  if (f.env.kptr_restrict == 0) return format_hashed_pointer(f, pointer, spec);
  if (f.env.kptr_restrict == 1 && f.env.in_interrupt) {
    Spec wide = spec;
    if (wide.width == -1) wide.width = kPointerDigits;
    return f.error_text("pK-error", wide);
  }
  const bool visible = f.env.kptr_restrict == 1 && f.env.may_see_pointers;
  format_plain_pointer(f, visible ? pointer : 0, spec);
}

void format_symbol(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  const bool backtrace = extension[0] == 'B';
  const bool with_offset = extension[0] != 's';
  const bool with_build_id =
      f.env.stacktrace_build_id &&
      ((backtrace && extension[1] == 'b') ||
       (extension[0] == 'S' && (extension[1] == 'b' || (extension[1] == 'R' && extension[2] == 'b'))));
  // A return address may be one past its function when the call was the last instruction: look one byte back.
  const u64 back = backtrace ? 1 : 0;

  Symbol symbol;
  if (f.env.host == nullptr || !f.env.host->symbolise(pointer - back, symbol)) {
    return f.text(fmt::format("0x{:x}", pointer), spec);
  }
  std::string name(symbol.name);
  if (with_offset) name += fmt::format("+0x{:x}/0x{:x}", symbol.offset + back, symbol.size);
  if (!symbol.module.empty()) {
    name += fmt::format(" [{}", symbol.module);
    if (with_build_id && !symbol.build_id.empty()) {
      name.push_back(' ');
      for (const u8 byte : symbol.build_id) append_hex_byte(name, byte);
    }
    name.push_back(']');
  }
  f.text(name, spec);
}

void format_error_pointer(Formatter& f, u64 pointer, Spec spec) {
  if (!is_error_value(pointer)) return format_hashed_pointer(f, pointer, spec);
  const s64 error = static_cast<s64>(pointer);
  if (const char* name = error_name(-error); name != nullptr) return f.text(name, spec);
  spec.flags |= kSigned;
  spec.base = 10;
  f.number(pointer, spec);
}

}  // namespace koi::printk
