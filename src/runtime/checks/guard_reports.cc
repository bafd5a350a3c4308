// SPDX-License-Identifier: GPL-2.0-only
// The words of KFENCE (Documentation/dev-tools/kfence.rst).
#include <fmt/format.h>

#include <array>

#include "engine/printk/format.h"
#include "runtime/checks/guard.h"
#include "runtime/console.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using splat_parts::kError;
using splat_parts::kRule;

constexpr u32 kTaintBadPage = 5;

// "    1.000123", as KFENCE prints a time.
std::string seconds(u64 ns) {
  return fmt::format("{}.{:06}s", ns / 1'000'000'000, ns % 1'000'000'000 / 1000);
}

}  // namespace

void Guard::line(std::string_view text) const { kernel_.console().print(kError, text); }

std::string Guard::pointer(u64 address) const {
  const std::array<u64, 1> words = {address};
  printk::VaList arguments(words);
  std::string text;
  static_cast<void>(printk::format_string(text, 64, "%p", arguments, kernel_.console().environment()));
  return text;
}

bool Guard::begin_report(std::string_view what, const std::vector<u64>& trace) {
  const u64 place = trace.empty() ? 0 : trace.front();
  if (!reported_.emplace(place, std::pmr::string(what, reported_.get_allocator().resource())).second) {
    ++repeated_;
    return false;
  }
  line(kRule);
  line(fmt::format("BUG: KFENCE: {} in {}\n", what, symbol_text(kernel_.traps().symbols(), place)));
  return true;
}

void Guard::print_track(std::string_view did, const Track& track) {
  const u64 now_ns = kernel_.sched().now().value;
  const std::string ago = kernel_.is_6_12() ? fmt::format(" ({} ago)", seconds(now_ns - track.time_ns)) : "";
  line(fmt::format("{} by task {} on cpu {} at {}{}:", did, track.pid, track.cpu, seconds(track.time_ns),
                   ago));
  for (const u64 address : track.trace)
    line(fmt::format(" {}", backtrace_text(kernel_.traps().symbols(), address)));
}

void Guard::end_report(const Object& object, const std::vector<u64>& trace, std::string_view what) {
  for (const u64 address : trace)
    line(fmt::format(" {}", backtrace_text(kernel_.traps().symbols(), address)));
  line("");
  line(fmt::format("kfence-#{}: 0x{}-0x{}, size={}, cache={}\n", object.number, pointer(object.address),
                   pointer(object.address + object.size - 1), object.size, object.cache_name));
  print_track("allocated", object.allocated);
  if (!object.live) {
    line("");
    print_track("freed", object.freed);
  }
  line("");
  kernel_.console().print(splat_parts::context_lines(kernel_.traps().splat_context(), kError));
  line(kRule);
  kernel_.modules().taint().mask |= 1ULL << kTaintBadPage;
  kernel_.note(observe::EventKind::kMemory,
               fmt::format("{} of an object of {} bytes from {}", what, object.size, object.cache_name));
  if (kernel_.config().boot.panic_on_warn) kernel_.traps().panic("KFENCE: panic_on_warn set ...");
}

}  // namespace koi::runtime
