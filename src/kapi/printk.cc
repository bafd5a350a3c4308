// SPDX-License-Identifier: GPL-2.0-only
// <linux/printk.h> and the formatting functions of <linux/sprintf.h>.
#include "engine/printk/format.h"
#include "engine/printk/sscanf.h"
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using host::CrossingKind;

s32 vprintk(Address format, Address arguments) {
  runtime::Console& console = current().console();
  printk::VaList list(arguments);
  const auto result = console.log().print(console.call(), format, list, console.environment());
  if (result.fault) raise(*result.fault);
  return result.length;
}

s32 vprintk_emit(s32 facility, s32 level, Address device, Address format, Address arguments) {
  runtime::Console& console = current().console();
  printk::LogCall call = console.call();
  call.facility = static_cast<u32>(facility);
  call.level = level;
  std::optional<printk::DeviceInfo> info;
  if (device != 0) info = guest::load<printk::DeviceInfo>(device);
  if (info) call.device = &*info;
  printk::VaList list(arguments);
  const auto result = console.log().print(call, format, list, console.environment());
  if (result.fault) raise(*result.fault);
  return result.length;
}

// What the formatter wrote goes to the guest's buffer, with its NUL.
s32 format_to_guest(Address buffer, u64 size_bytes, Address format, Address arguments, bool count_written) {
  printk::VaList list(arguments);
  std::string text;
  const auto result = printk::format_string(text, size_bytes == 0 ? 1 : size_bytes, format, list, current().console().environment());
  if (result.fault) {
    raise(*result.fault);
    return 0;
  }
  if (size_bytes != 0) {
    const u64 bytes = std::min<u64>(text.size(), size_bytes - 1);
    if (guest::copy_out(buffer, text.c_str(), bytes) != 0 || !guest::store<char>(buffer + bytes, '\0')) {
      raise(guest::last_fault());
      return 0;
    }
  }
  return count_written ? printk::scnprintf_value(result, size_bytes) : result.length;
}

constexpr u64 kNoLimit = 0x7fff'ffff;

s32 vsnprintf(Address b, u64 n, Address f, Address a) { return format_to_guest(b, n, f, a, false); }
s32 vscnprintf(Address b, u64 n, Address f, Address a) { return format_to_guest(b, n, f, a, true); }
s32 vsprintf(Address b, Address f, Address a) { return format_to_guest(b, kNoLimit, f, a, false); }

}  // namespace

runtime::ExportTable printk_exports() {
  static const runtime::Export table[] = {
      {"_printk", address(vprintk), CrossingKind::kVariadic, 1},
      {"vprintk", address(vprintk)},
      {"vprintk_emit", address(vprintk_emit)},
      {"vsnprintf", address(vsnprintf)},
      {"snprintf", address(vsnprintf), CrossingKind::kVariadic, 3},
      {"vscnprintf", address(vscnprintf)},
      {"scnprintf", address(vscnprintf), CrossingKind::kVariadic, 3},
      {"vsprintf", address(vsprintf)},
      {"sprintf", address(vsprintf), CrossingKind::kVariadic, 2},
  };
  return table;
}

}  // namespace koi::kapi
