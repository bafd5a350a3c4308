// SPDX-License-Identifier: GPL-2.0-only
// The rows of the declared frame table (internal to runtime/frames*).
#pragma once

#include <span>

#include "runtime/splat/frames.h"

namespace koi::runtime::frames_table {

// `callers`: names separated by blanks, innermost first, the export last where it has a frame.
struct EventRow {
  FrameEvent event;
  std::string_view exported;  // "*": any export that has no row of its own; {export} stands for its name
  std::string_view place;
  std::string_view callers;
  bool measured;
};
struct SleepRow {
  std::string_view exported;
  std::string_view callers;
  bool measured;
};
struct ContextRow {
  FrameContext context;
  std::string_view callers;
  std::string_view entry;  // not empty: runs on the interrupt stack
  bool measured;
};

std::span<const EventRow> event_rows(Release series);
std::span<const SleepRow> sleep_rows(Release series);
std::span<const ContextRow> context_rows(Release series);
std::string_view idle_row(Release series, bool boot_cpu);

}  // namespace koi::runtime::frames_table
