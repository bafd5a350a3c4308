// SPDX-License-Identifier: GPL-2.0-only
// <linux/printk.h>: messages, hex dumps, stack dumps, rate limits, panic.
#include <array>

#include "engine/printk/format.h"
#include "engine/printk/hex_dump.h"
#include "engine/printk/ratelimit.h"
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using guest::Address;
using host::CrossingKind;

constexpr s32 kLevelScheduler = -2;  // LOGLEVEL_SCHED
constexpr u8 kLevelWarning = 4;

s32 emit(const printk::LogCall& call, Address format, Address arguments) {
  runtime::Console& console = current().console();
  printk::VaList list(arguments);
  const auto result = console.log().print(call, format, list, console.environment());
  if (result.fault) {
    raise(*result.fault);
  } else if (!list.write_back()) {
    raise(guest::last_fault());
  }
  return result.length;
}

s32 vprintk(Address format, Address arguments) { return emit(current().console().call(), format, arguments); }

s32 vprintk_emit(s32 facility, s32 level, Address device, Address format, Address arguments) {
  printk::LogCall call = current().console().call();
  call.facility = static_cast<u32>(facility);
  call.level = level == kLevelScheduler ? printk::kLevelDefault : level;
  std::optional<printk::DeviceInfo> info;
  if (device != 0) {
    info = guest::load<printk::DeviceInfo>(device);
    if (!info) {
      raise(guest::last_fault());
      return 0;
    }
    call.device = &*info;
  }
  return emit(call, format, arguments);
}

// The words before a WARN(): its ud2 follows and prints the rest without a cut-here line.
void warn_printk(Address format, Address arguments) {
  current().console().print(kLevelWarning, "------------[ cut here ]------------");
  vprintk(format, arguments);
}

// ---- dumps ----

// A level as modules write it: "\0016"; NULL and "" mean the default.
std::optional<std::string> load_level(Address level) {
  if (level == 0) return std::string();
  return guest::load_string(level, 16);
}

printk::HexLayout hex_layout(s32 row_size, s32 group_size, bool ascii) {
  return {row_size, group_size, ascii ? printk::Ascii::kYes : printk::Ascii::kNo};
}

void print_hex_dump(Address level_text, Address prefix_text, s32 prefix_type, s32 row_size, s32 group_size,
                    Address bytes, u64 size_bytes, bool ascii) {
  const auto level = load_level(level_text);
  const auto prefix = guest::load_string(prefix_text, 1024);
  if (!level || !prefix) return raise(guest::last_fault());
  runtime::Console& console = current().console();
  const auto type = prefix_type == 1   ? printk::DumpPrefix::kAddress
                    : prefix_type == 2 ? printk::DumpPrefix::kOffset
                                       : printk::DumpPrefix::kNone;
  const auto fault = printk::print_hex_dump(
      *level, *prefix, type, hex_layout(row_size, group_size, ascii), bytes, size_bytes,
      console.environment(),
      [&console](std::string_view line) { console.log().store(console.call(), line); });
  if (fault) raise(*fault);
}

s32 hex_dump_to_buffer(Address bytes, u64 size_bytes, s32 row_size, s32 group_size, Address line,
                       u64 line_bytes, bool ascii) {
  std::array<u8, 32> row;
  const u64 count = std::min<u64>(size_bytes, row_size == 32 ? 32 : 16);
  if (guest::copy_in(row.data(), bytes, count) != 0) {
    raise(guest::last_fault());
    return 0;
  }
  std::array<char, 256> text;  // more than the longest line
  const std::span<char> room(text.data(), std::min<u64>(line_bytes, text.size()));
  const s32 length =
      printk::hex_dump_to_buffer({row.data(), count}, hex_layout(row_size, group_size, ascii), room);
  if (!room.empty() &&
      guest::copy_out(line, text.data(), std::char_traits<char>::length(text.data()) + 1) != 0) {
    raise(guest::last_fault());
  }
  return length;
}

void dump_stack() { current().traps().dump_stack(kLevelWarning); }

void dump_stack_lvl(Address level_text) {
  const auto level = load_level(level_text);
  if (!level) return raise(guest::last_fault());
  const s32 parsed = printk::parse_prefix(*level).level;
  current().traps().dump_stack(parsed == printk::kLevelDefault ? kLevelWarning : static_cast<u8>(parsed));
}

// ---- rate limits ----

printk::RatelimitOffsets ratelimit_offsets(const runtime::CoreImage& core) {
  const auto offset = [&core](std::string_view field) {
    return static_cast<u32>(core.layout_or_die(fmt::format("ratelimit_state.{}", field)));
  };
  return {offset("interval"), offset("burst"), offset("printed"),
          offset("missed"),   offset("flags"), offset("begin")};
}

s32 ratelimit(Address state, Address function) {
  runtime::Kernel& kernel = current();
  const runtime::CoreImage& core = kernel.core();
  const u64 jiffies = guest::load<u64>(core.address_of("jiffies_64")).value_or(0);
  const auto verdict = printk::ratelimit_guest(state, ratelimit_offsets(core), jiffies);
  if (!verdict) {
    raise(guest::last_fault());
    return 0;
  }
  if (verdict->suppressed > 0) {
    const auto name = guest::load_string(function, 256);
    if (!name) {
      raise(guest::last_fault());
      return 0;
    }
    printk::LogCall call = kernel.console().call();
    call.level = kLevelWarning;
    kernel.console().log().store(call, printk::suppressed_line(*name, verdict->suppressed));
  }
  return verdict->allowed ? 1 : 0;
}

// ---- panic ----

void panic(Address format, Address arguments) {
  constexpr u64 kMessageBytes = 1024;
  printk::VaList list(arguments);
  std::string message;
  const auto result =
      printk::format_string(message, kMessageBytes, format, list, current().console().environment());
  // A bad pointer among the arguments would oops inside panic(); the machine stops all the same.
  if (result.fault) message += "(a bad pointer in the message)";
  if (message.ends_with('\n')) message.pop_back();
  current().traps().panic(message);
}

void nmi_panic(Address /*registers*/, Address text) {
  current().traps().panic(guest::load_string(text, 1024).value_or("(an unreadable message)"));
}

// ---- taint ----

void add_taint(u32 flag, s32 lock_debugging) {
  constexpr s32 kNowUnreliable = 1;  // LOCKDEP_NOW_UNRELIABLE
  const auto locks = lock_debugging == kNowUnreliable ? module::LockDebugging::kNowUnreliable
                                                      : module::LockDebugging::kStillReliable;
  current().modules().taint().add(static_cast<module::Taint>(flag), locks, current().console());
}

s32 test_taint(u32 flag) { return flag < 64 && (current().modules().taint().mask >> flag & 1) != 0 ? 1 : 0; }

}  // namespace

runtime::ExportTable printk_exports() {
  static const runtime::Export table[] = {
      {"_printk", address(vprintk), CrossingKind::kVariadic, 1},
      {"vprintk", address(vprintk)},
      {"vprintk_default", address(vprintk)},
      {"vprintk_emit", address(vprintk_emit)},
      {"__warn_printk", address(warn_printk), CrossingKind::kVariadic, 1},
      {"print_hex_dump", address(print_hex_dump), CrossingKind::kStackArgs},
      {"hex_dump_to_buffer", address(hex_dump_to_buffer), CrossingKind::kStackArgs},
      {"dump_stack", address(dump_stack)},
      {"dump_stack_lvl", address(dump_stack_lvl)},
      {"___ratelimit", address(ratelimit)},
      {"panic", address(panic), CrossingKind::kVariadic, 1},
      {"nmi_panic", address(nmi_panic)},
      {"add_taint", address(add_taint)},
      {"test_taint", address(test_taint)},
  };
  return table;
}

}  // namespace koi::kapi
