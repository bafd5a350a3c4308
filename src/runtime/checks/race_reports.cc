// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/race_reports.h"

#include <fmt/format.h>

#include "runtime/checks/race_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using namespace splat_parts;

const char* access_type(u8 flags) {
  if ((flags & race::kFree) != 0) return "assert no accesses";
  const bool marked = (flags & race::kMarked) != 0;
  if ((flags & race::kWrite) == 0) return marked ? "read (marked)" : "read";
  if ((flags & race::kCompound) != 0) return marked ? "read-write (marked)" : "read-write";
  return marked ? "write (marked)" : "write";
}

}  // namespace

u64 RaceReports::site_of(race::TraceId trace) const {
  const AccessTrace& known = checks_.traces_[trace];
  return known.frames.empty() ? 0 : known.frames.front();
}

// `%ps`: without offset.
std::string RaceReports::function_of(const race::Access& access) const {
  const u64 site = site_of(access.trace);
  const auto symbol = kernel_.traps().symbols().lookup(site - 1);
  if (!symbol) return fmt::format("{:#x}", site);
  return symbol->module.empty() ? symbol->name : fmt::format("{} [{}]", symbol->name, symbol->module);
}

void RaceReports::access(SplatText& text, const race::Access& access) const {
  const AccessTrace& trace = checks_.traces_[access.trace];
  error_line(text, fmt::format("{} to 0x{:016x} of {} bytes by {} on cpu {}:", access_type(access.flags),
                               access.address, access.bytes,
                               trace.interrupt ? std::string("interrupt") : fmt::format("task {}", trace.pid),
                               access.cpu));
  for (const u64 frame : trace.frames)
    error_line(text, fmt::format(" {}", symbol_text(kernel_.traps().symbols(), frame)));
}

void RaceReports::sources(SplatText& text, const race::Access& access) const {
  const u64 site = site_of(access.trace);
  ModuleInstance* const module = kernel_.modules().find_by_address(site - 1);
  if (module == nullptr) return;
  const std::string source = source_text(module->source_places(site - 1));
  if (!source.empty()) add(text, kDefault, source);
}

void RaceReports::print(const race::Race& race) {
  SplatText text;
  std::string first = function_of(race.previous);
  std::string second = function_of(race.current);
  if (second < first) std::swap(first, second);
  const bool freed = ((race.previous.flags | race.current.flags) & race::kFree) != 0;
  const std::string headline =
      fmt::format("BUG: KCSAN: {} in {} / {}", freed ? "assert: race" : "data-race", first, second);
  error_line(text, kRule);
  error_line(text, headline);
  error_line(text, "");
  access(text, race.previous);
  error_line(text, "");
  access(text, race.current);
  error_line(text, "");
  error_line(text, "Reported by Kernel Concurrency Sanitizer on:");
  append(text, context_lines(kernel_.traps().splat_context(), kDefault));
  error_line(text, kRule);
  sources(text, race.previous);
  sources(text, race.current);
  kernel_.console().print(text);
  kernel_.note(observe::EventKind::kRace, headline);
}

}  // namespace koi::runtime
