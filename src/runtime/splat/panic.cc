// SPDX-License-Identifier: GPL-2.0-only
// The end of the machine: panic(), and warnings that panic_on_warn makes one.
#include <algorithm>

#include "host/guest_memory.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {

bool Traps::panics_on_warn() const {
  return guest::load<s32>(kernel_.core().address_of("panic_on_warn")).value_or(0) != 0;
}

void Traps::print_warning(const SplatInput& input, const WarnEvent& made, const std::string& note) {
  WarnEvent event = made;
  event.panics = panics_on_warn();
  kernel_.console().print(warn_splat(input, event, symbols_));
  kernel_.note(observe::EventKind::kWarning, note);
  if (event.panics) {
    SplatInput panic = input;
    panic.trace = panic_on_warn_trace(input, panic_frames(FrameEvent::kPanicOnWarn));
    stop_on_warn(panic, "kernel");
  }
  kernel_.modules().taint().mask |= module::taint_bit(module::Taint::kWarn);
}

std::vector<TraceItem> Traps::panic_frames(FrameEvent event) const {
  std::vector<TraceItem> frames;
  for (const std::string_view name : event_frames(kernel_.series(), "", event).callers)
    frames.push_back(trace_address(frames_.frame_address(name) + kFrameOffset));
  return frames;
}

void Traps::stop_on_warn(SplatInput& input, std::string_view origin) {
  input.source.clear();
  PanicEvent event;
  event.message = fmt::format("{}: panic_on_warn set ...", origin);
  stop(input, event);
}

void Traps::panic(std::string_view message, FrameEvent event, PanicDump dump) {
  PanicEvent panic;
  panic.message = message;
  panic.dump = dump;
  stop(input_at_border(event), panic);
}

void Traps::stop(const SplatInput& input, PanicEvent event) {
  // panic_timeout: 0 stays, anything else reboots (at once, if negative).
  const auto timeout = guest::load<s32>(kernel_.core().address_of("panic_timeout")).value_or(0);
  event.end = timeout == 0 ? PanicEnd::kStays : PanicEnd::kReboots;
  event.reboot_after_s = static_cast<u32>(std::max(timeout, 0));
  kernel_.console().print(panic_splat(input, event, symbols_));
  kernel_.console().log().finalize_open();
  kernel_.note(observe::EventKind::kPanic, event.message);
  kernel_.halt(TaskEnd::How::kPanicked);
}

}  // namespace koi::runtime
