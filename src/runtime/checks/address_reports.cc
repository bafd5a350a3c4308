// SPDX-License-Identifier: GPL-2.0-only
// The findings of the address checks in the words of generic KASAN (mm/kasan/report.c, report_generic.c).
//
// Deviations: every place is reported, once, where the kernel reports only the first bug since boot; the physical page is not dumped.
#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/checks/address_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using namespace splat_parts;
using host::AddressShadow;
using host::kShadowGranule;

constexpr u64 kRowBytes = 16;                     // shadow bytes a line
constexpr u64 kRow = kRowBytes * kShadowGranule;  // of memory
constexpr s64 kRowsAround = 2;
constexpr auto kBadPage = static_cast<module::Taint>(5);  // TAINT_BAD_PAGE
constexpr u64 kFrameMagic = 0x41b58ab3;

// "2 32 4 1 a 64 20 5 loc:12": the compiler's description of a frame's variables.
struct FrameVariable {
  u64 begin, size;
  std::string name;
};
std::vector<FrameVariable> frame_variables(std::string_view description) {
  const auto number = [&] {
    u64 value = 0;
    while (description.starts_with(' ')) description.remove_prefix(1);
    const auto end = std::from_chars(description.data(), description.data() + description.size(), value);
    description.remove_prefix(static_cast<size_t>(end.ptr - description.data()));
    return value;
  };
  std::vector<FrameVariable> variables;
  const u64 count = number();
  for (u64 i = 0; i < count && i < 64; ++i) {
    FrameVariable variable{number(), number(), {}};
    const u64 length = number();
    if (description.empty()) break;
    description.remove_prefix(1);
    variable.name = description.substr(0, length);
    variable.name = variable.name.substr(0, variable.name.find(':'));
    description.remove_prefix(std::min<size_t>(length, description.size()));
    variables.push_back(std::move(variable));
  }
  return variables;
}

}  // namespace

std::string AddressChecks::bug_type(u64 bad) const {
  u8 code = AddressShadow::at(bad);
  if (code != 0 && code < kShadowGranule) code = AddressShadow::at(bad + kShadowGranule);
  switch (code) {
    case kShadowSlabFree:
      return kernel_.is_6_12() ? "slab-use-after-free" : "use-after-free";
    case kShadowPageFree:
      return "use-after-free";
    case kShadowGlobalRedzone:
      return "global-out-of-bounds";
    case kShadowStackLeft:
    case kShadowStackMid:
    case kShadowStackRight:
    case kShadowStackPartial:
      return "stack-out-of-bounds";
    case kShadowAllocaLeft:
    case kShadowAllocaRight:
      return "alloca-out-of-bounds";
    case kShadowVmallocInvalid:
      return "vmalloc-out-of-bounds";
    default:
      return "slab-out-of-bounds";
  }
}

void AddressChecks::report(u64 address, u64 bytes, AccessKind kind, u64 ip) {
  if (!enabled_ || !shadow_->covers(address, bytes)) return;
  const u64 bad = first_bad(address, bytes).value_or(address);
  const sched::Task* const task = kernel_.sched().current();
  print(fmt::format("{} in {}", bug_type(bad), symbol_text(kernel_.traps().symbols(), ip)),
        fmt::format("{} of size {} at addr {:016x} by task {}/{}",
                    kind == AccessKind::kWrite ? "Write" : "Read", bytes, address, task->name(), task->pid),
        bad, ip);
}

void AddressChecks::print(const std::string& bug, const std::string& access_line, u64 address, u64 ip) {
  SplatText text;
  const std::string headline = "BUG: KASAN: " + bug;
  if (!reported_.insert(headline).second) return;
  error_line(text, kRule);
  error_line(text, headline);
  error_line(text, access_line);
  error_line(text, "");
  SplatText dump = kernel_.traps().lock_stack_dump("dump_stack_lvl print_report kasan_report",
                                                   kernel_.traps().border_export());
  for (SplatLine& one : dump) one.level = kError;
  append(text, std::move(dump));
  error_line(text, "");
  if (is_heap(address)) describe_object(text, address);
  describe_variable(text, address);
  describe_stack(text, address);
  describe_shadow(text, address);
  error_line(text, kRule);
  kernel_.console().print(text);
  kernel_.modules().taint().add(kBadPage, module::LockDebugging::kNowUnreliable, kernel_.console());
  if (ModuleInstance* const module = kernel_.modules().find_by_address(ip - 1); module != nullptr) {
    const std::string source = source_text(module->source_places(ip - 1));
    if (!source.empty()) kernel_.console().print(kDefault, source);
  }
  kernel_.note(observe::EventKind::kMemory, headline);
}

// Not of globals and stacks, whose redzones the compiler made.
bool AddressChecks::is_heap(u64 address) const {
  return (address >= host::kDirectMap && address < host::kVmemmap);
}

void AddressChecks::describe_event(SplatText& text, const char* what, const ObjectEvent& event) const {
  error_line(text, fmt::format("{} by task {}:", what, event.pid));
  for (const u64 frame : event.frames)
    error_line(text, fmt::format(" {}", symbol_text(kernel_.traps().symbols(), frame)));
  error_line(text, "");
}

void AddressChecks::describe_object(SplatText& text, u64 address) const {
  const auto it = object_at(address);
  if (it == objects_.end()) return;
  const WatchedObject& object = it->second;
  describe_event(text, "Allocated", object.allocated);
  if (object.freed) describe_event(text, "Freed", *object.freed);
  const u64 size = kernel_.is_6_12() ? object.requested : object.actual;
  error_line(text, fmt::format("The buggy address belongs to the object at {:016x}", it->first));
  if (!object.cache.empty())
    error_line(text, fmt::format(" which belongs to the cache {} of size {}", object.cache, object.actual));
  const bool inside = address < it->first + size;
  const u64 offset = inside ? address - it->first : address - it->first - size;
  error_line(text, fmt::format("The buggy address is located {} bytes {} of", offset,
                               inside ? "inside" : "to the right"));
  error_line(text, fmt::format(" {}{}-byte region [{:016x}, {:016x})",
                               !kernel_.is_6_12() ? ""
                               : object.freed     ? "freed "
                                                  : "allocated ",
                               size, it->first, it->first + size));
  error_line(text, "");
}

void AddressChecks::describe_variable(SplatText& text, u64 address) const {
  if (!host::in_window(address)) return;
  error_line(text, "The buggy address belongs to the variable:");
  error_line(text, fmt::format(" {}", symbol_text(kernel_.traps().symbols(), address)));
  error_line(text, "");
}

void AddressChecks::describe_stack(SplatText& text, u64 address) const {
  const sched::Task* const task = kernel_.sched().current();
  if (address - task->kernel_stack >= host::kThreadSize) return;
  error_line(text, fmt::format("The buggy address belongs to stack of task {}/{}", task->name(), task->pid));
  // The frame begins with its left redzone, which holds what the compiler says of it.
  u64 at = address & ~(kShadowGranule - 1);
  while (at > task->kernel_stack && AddressShadow::at(at) != kShadowStackLeft) at -= kShadowGranule;
  while (at > task->kernel_stack && AddressShadow::at(at - kShadowGranule) == kShadowStackLeft)
    at -= kShadowGranule;
  const auto magic = guest::load<u64>(at);
  const auto description = guest::load<u64>(at + 8);
  const auto function = guest::load<u64>(at + 16);
  if (!magic || *magic != kFrameMagic || !description || !function) {
    error_line(text, "");
    return;
  }
  error_line(text, fmt::format(" and is located at offset {} in frame:", address - at));
  error_line(text, fmt::format(" {}", symbol_text(kernel_.traps().symbols(), *function)));
  error_line(text, "");
  const auto variables = frame_variables(guest::load_string(*description, 512).value_or(""));
  error_line(text,
             fmt::format("This frame has {} object{}:", variables.size(), variables.size() == 1 ? "" : "s"));
  for (const FrameVariable& v : variables)
    error_line(text, fmt::format(" [{}, {}) '{}'", v.begin, v.begin + v.size, v.name));
  error_line(text, "");
}

void AddressChecks::describe_shadow(SplatText& text, u64 address) const {
  error_line(text, "Memory state around the buggy address:");
  const u64 middle = address & ~(kRow - 1);
  for (s64 n = -kRowsAround; n <= kRowsAround; ++n) {
    const u64 row = middle + static_cast<u64>(n * static_cast<s64>(kRow));
    if (!shadow_->covers(row, kRow)) continue;
    std::string words = fmt::format("{}{:016x}:", n == 0 ? '>' : ' ', row);
    for (u64 i = 0; i < kRowBytes; ++i)
      words += fmt::format(" {:02x}", AddressShadow::at(row + i * kShadowGranule));
    error_line(text, words);
    if (n == 0) error_line(text, std::string(19 + (address - row) / kShadowGranule * 3, ' ') + "^");
  }
}

}  // namespace koi::runtime
