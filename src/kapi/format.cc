// SPDX-License-Identifier: GPL-2.0-only
// <linux/sprintf.h>: the vsnprintf family, sscanf, and symbols as text.
#include "engine/printk/format.h"

#include "engine/printk/sscanf.h"
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using host::CrossingKind;

constexpr u64 kNoLimit = 0x7fff'ffff;  // what vsprintf passes on: INT_MAX

// Formats to the guest's buffer, with its NUL. What was formatted before a fault is written; the NUL is not.
printk::FormatResult format_to_guest(Address buffer, u64 size_bytes, Address format, Address arguments) {
  printk::VaList list(arguments);
  std::string text;
  printk::FormatResult result =
      printk::format_string(text, size_bytes, format, list, current().console().environment());
  if (result.fault) raise(*result.fault);
  if (size_bytes == 0 || size_bytes > kNoLimit) return result;
  const u64 bytes = result.fault ? text.size() : text.size() + 1;
  if (guest::copy_out(buffer, text.c_str(), bytes) != 0 || !list.write_back()) {
    result.fault = guest::last_fault();
    raise(*result.fault);
  }
  return result;
}

s32 vsnprintf(Address buffer, u64 size_bytes, Address format, Address arguments) {
  return format_to_guest(buffer, size_bytes, format, arguments).length;
}

s32 vscnprintf(Address buffer, u64 size_bytes, Address format, Address arguments) {
  const printk::FormatResult result = format_to_guest(buffer, size_bytes, format, arguments);
  return printk::scnprintf_value(result, size_bytes);
}

s32 vsprintf(Address buffer, Address format, Address arguments) {
  return format_to_guest(buffer, kNoLimit, format, arguments).length;
}

s32 vsscanf(Address text, Address format, Address arguments) {
  printk::VaList list(arguments);
  const printk::ScanResult result = printk::scan(text, format, list);
  if (result.fault) raise(*result.fault);
  return result.count;
}

// sprint_symbol and kin: the text, or the bare address where there is no symbol.
enum class Offset : u8 { kNo, kYes };
s32 put_symbol(Address buffer, u64 address, Offset offset) {
  const runtime::KernelSymbols& symbols = current().traps().symbols();
  std::string text;
  if (const auto symbol = symbols.lookup(address); !symbol) {
    text = fmt::format("0x{:x}", address);
  } else if (offset == Offset::kYes) {
    text = runtime::symbol_text(symbols, address);
  } else {
    text = symbol->module.empty() ? symbol->name : fmt::format("{} [{}]", symbol->name, symbol->module);
  }
  if (guest::copy_out(buffer, text.c_str(), text.size() + 1) != 0) raise(guest::last_fault());
  return static_cast<s32>(text.size());
}
s32 sprint_symbol(Address buffer, u64 address) { return put_symbol(buffer, address, Offset::kYes); }
s32 sprint_symbol_no_offset(Address buffer, u64 address) { return put_symbol(buffer, address, Offset::kNo); }

}  // namespace

runtime::ExportTable format_exports() {
  static const runtime::Export table[] = {
      {"vsnprintf", address(vsnprintf)},
      {"snprintf", address(vsnprintf), CrossingKind::kVariadic, 3},
      {"vscnprintf", address(vscnprintf)},
      {"scnprintf", address(vscnprintf), CrossingKind::kVariadic, 3},
      {"vsprintf", address(vsprintf)},
      {"sprintf", address(vsprintf), CrossingKind::kVariadic, 2},
      {"vsscanf", address(vsscanf)},
      {"sscanf", address(vsscanf), CrossingKind::kVariadic, 2},
      {"sprint_symbol", address(sprint_symbol)},
      {"sprint_symbol_no_offset", address(sprint_symbol_no_offset)},
  };
  return table;
}

}  // namespace koi::kapi
