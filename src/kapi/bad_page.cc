// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/bad_page.h"

#include <array>
#include <utility>

#include "host/address_map.h"
#include "kapi/page_calls.h"
#include "kapi/slab_debug_calls.h"
#include "runtime/console.h"
#include "runtime/splat/splat.h"

namespace koi::kapi {
namespace {

using guest::Address;
using runtime::FrameEvent;

// As kernel/bad_page.c numbers them.
constexpr std::string_view kReasons[] = {"", "nonzero mapcount", "non-NULL mapping", "nonzero _refcount",
                                         "PAGE_FLAGS_CHECK_AT_FREE flag(s) set"};
constexpr u32 kRefcount = 3;
constexpr u32 kWords = host::kStructPageSize / sizeof(u64);
constexpr u64 kAnonOrKsm = 3;  // PAGE_MAPPING_FLAGS: not the address of a struct address_space

void show_page(Pfn pfn, s64 count) {
  const Address page = page_of(pfn);
  std::array<u64, kWords> words{};
  static_cast<void>(guest::copy_in(words.data(), page, sizeof(words)));
  const u64 mapping = words[3];
  const auto mapped = static_cast<s32>(words[6]) + 1;
  const std::string name = current().is_6_12() ? "page:" : kernel_text("page:%p", {page});
  print(4, fmt::format("{} refcount:{} mapcount:{} mapping:{} index:{:#x} pfn:{:#x}", name, count, mapped,
                       kernel_text("%p", {mapping}), words[4], pfn.value));
  if (mapping != 0 && (mapping & kAnonOrKsm) == 0 && !guest::load<u64>(mapping))
    print(4, fmt::format("invalid mapping:{:016x}", mapping));
  print(4, kernel_text("flags: %pGp", {page}));
  words[6] = (words[6] & 0xffff'ffff) | static_cast<u64>(count) << 32;
  for (u32 i = 0; i < kWords; i += 4)
    print(4, fmt::format("raw: {:016x} {:016x} {:016x} {:016x}", words[i], words[i + 1], words[i + 2],
                         words[i + 3]));
}

void report(Pfn pfn, u32 reason, s64 count, FrameEvent event) {
  runtime::Kernel& kernel = current();
  const std::string headline =
      fmt::format("BUG: Bad page state in process {}  pfn:{:05x}", kernel.sched().current()->comm, pfn.value);
  print(1, headline);
  show_page(pfn, count);
  print(4, fmt::format("page dumped because: {}", kReasons[reason]));
  print(4, runtime::modules_line(kernel.traps().splat_context()).text);
  kernel.traps().dump_stack(4, event);
  kernel.core().function<void(u64)>("koi_reset_bad_page")(pfn.value);
  taint_bad_page();
  kernel.note(observe::EventKind::kWarning, headline);
}

}  // namespace

bool report_bad_pages(Pfn pfn, Order order) {
  runtime::Memory& m = memory();
  const auto look = current().core().function<int(u64)>("koi_bad_page");
  // Of a compound page only the first one's fields are its owner's.
  const u64 pages = m.is_compound(pfn) ? 1 : u64{1} << order.value;
  bool bad = false;
  for (u64 i = 0; i < pages; ++i) {
    const Pfn page{pfn.value + i};
    const auto reason = static_cast<u32>(look(page.value));
    if (reason == 0) continue;
    bad = true;
    report(page, reason, guest::load<s32>(page_of(page) + m.facts().page_refcount).value_or(0),
           FrameEvent::kBadPageFreed);
  }
  return bad;
}

bool report_held_page(Pfn pfn, Order order) {
  struct Held {
    u64 pfn;
    s64 count;
  };
  auto* const held = reinterpret_cast<Held*>(current().core().address_of("koi_held_page"));
  if (held->pfn == 0) return false;
  const Held found = std::exchange(*held, {});
  report(Pfn{found.pfn}, kRefcount, found.count, FrameEvent::kBadPageAllocated);
  return found.pfn - pfn.value < u64{1} << order.value;
}

}  // namespace koi::kapi
