// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/frames.h"

#include <algorithm>

#include "base/check.h"
#include "runtime/splat/frames_table.h"

namespace koi::runtime {
namespace {

using frames_table::ContextRow;
using frames_table::EventRow;
using frames_table::SleepRow;

constexpr std::string_view kExportMark = "{export}";
constexpr std::string_view kSleepMark = "{sleep}";

// The names of a row, in order.
std::vector<std::string_view> split(std::string_view row) {
  std::vector<std::string_view> names;
  while (!row.empty()) {
    const auto end = std::min(row.find(' '), row.size());
    if (end != 0) names.push_back(row.substr(0, end));
    row.remove_prefix(std::min(end + 1, row.size()));
  }
  return names;
}

const SleepRow* find_sleep(Release series, std::string_view exported) {
  for (const SleepRow& row : frames_table::sleep_rows(series)) {
    if (row.exported == exported) return &row;
  }
  return nullptr;
}

const EventRow* find_event(Release series, std::string_view exported, FrameEvent event) {
  for (const EventRow& row : frames_table::event_rows(series)) {
    if (row.event == event && (row.exported == exported || row.exported == "*")) return &row;
  }
  return nullptr;
}

void add_names(std::vector<std::string_view>& out, std::string_view row, Release series,
               std::string_view exported) {
  for (const std::string_view name : split(row)) {
    if (name == kExportMark) {
      if (!exported.empty()) out.push_back(exported);
    } else if (name == kSleepMark) {
      const SleepRow* const sleep = find_sleep(series, exported);
      if (sleep != nullptr) {
        add_names(out, sleep->callers, series, exported);
      } else if (!exported.empty()) {
        out.push_back(exported);
      }
    } else {
      out.push_back(name);
    }
  }
}

// The OOM killer is called where the failure would be reported.
std::string_view oom_frames(Release series, FrameEvent event) {
  const bool newer = series == Release::k6_12;
  switch (event) {
    case FrameEvent::kOomKill:
      return newer ? "dump_stack_lvl dump_header oom_kill_process out_of_memory"
                   : "dump_stack_lvl dump_header oom_kill_process.cold out_of_memory";
    case FrameEvent::kOomNobody:
      return newer ? "dump_stack_lvl dump_header out_of_memory"
                   : "dump_stack_lvl dump_header out_of_memory.cold";
    case FrameEvent::kOomPanic:
      return newer ? "panic out_of_memory" : "dump_stack_lvl panic out_of_memory.cold";
    default:
      return "";
  }
}

class Composer {
 public:
  Composer(const TraceComposition& composition, const FrameAddress& addresses)
      : composition_(composition),
        addresses_(addresses),
        context_(context_frames(composition.series, composition.context)) {}

  std::vector<TraceItem> run(std::span<const Frame> frames) {
    const std::string stack = context_.interrupt ? "IRQ" : "TASK";
    items_.push_back(trace_stack_begin(stack));
    bool ended = false;
    for (u64 i = 0; i < frames.size(); ++i) {
      if (frames[i].kind == FrameKind::kBase) {
        add_base(frames[i].reliable);
        ended = true;
      } else {
        add(frames[i], i == 0);
      }
    }
    if (!ended) items_.push_back(trace_stack_end(stack));
    return std::move(items_);
  }

 private:
  void add(const Frame& frame, bool youngest) {
    switch (frame.kind) {
      case FrameKind::kText:
        items_.push_back(trace_address(frame.address, frame.reliable));
        break;
      case FrameKind::kBorder:
        add_border(frame, youngest);
        break;
      case FrameKind::kTrap:
        add_trap(frame);
        break;
      case FrameKind::kBase:
        break;
    }
  }

  void add_border(const Frame& frame, bool youngest) {
    const std::string_view name =
        composition_.export_name ? composition_.export_name(frame.export_index) : "";
    const FrameEvent event = youngest ? composition_.event : FrameEvent::kNone;
    for (const std::string_view caller : event_frames(composition_.series, name, event).callers) {
      add_name(caller, frame.reliable);
    }
  }

  void add_trap(const Frame& frame) {
    if (const auto* trap = reinterpret_cast<const host::TrapFrame*>(frame.trap)) {
      items_.push_back(trace_registers(registers_from_trap(*trap)));
    }
  }

  void add_base(bool reliable) {
    for (const std::string_view name : context_.callers) add_name(name, reliable);
    if (context_.interrupt) {
      items_.push_back(trace_stack_end("IRQ"));
      items_.push_back(trace_stack_begin("TASK"));
      add_name(context_.entry, reliable);
      if (composition_.interrupted.empty()) {
        if (composition_.idle) items_.push_back(trace_registers(*composition_.idle));
        for (const std::string_view name : idle_frames(composition_.series, composition_.boot_cpu)) {
          add_name(name, reliable);
        }
      } else {
        items_.insert(items_.end(), composition_.interrupted.begin(), composition_.interrupted.end());
      }
    } else if (composition_.user) {
      items_.push_back(trace_registers(*composition_.user));
    }
    items_.push_back(trace_stack_end("TASK"));
  }

  void add_name(std::string_view name, bool reliable) {
    items_.push_back(trace_address(addresses_.frame_address(name) + kFrameOffset, reliable));
  }

  const TraceComposition& composition_;
  const FrameAddress& addresses_;
  ContextFrames context_;
  std::vector<TraceItem> items_;
};

}  // namespace

EventFrames event_frames(Release series, std::string_view exported, FrameEvent event) {
  EventFrames frames;
  if (const std::string_view killer = oom_frames(series, event); !killer.empty()) {
    EventFrames failure = event_frames(series, exported, FrameEvent::kAllocationFailure);
    const auto at = std::find(failure.callers.begin(), failure.callers.end(), "warn_alloc");
    if (at != failure.callers.end()) failure.callers.erase(failure.callers.begin(), at + 1);
    frames.callers = split(killer);
    frames.callers.insert(frames.callers.end(), failure.callers.begin(), failure.callers.end());
    frames.measured = failure.measured;
    return frames;
  }
  const EventRow* const row = event == FrameEvent::kNone ? nullptr : find_event(series, exported, event);
  if (row == nullptr) {
    frames.place = exported;
    if (!exported.empty()) frames.callers.push_back(exported);
    return frames;
  }
  frames.place = row->place == kExportMark ? exported : row->place;
  frames.measured = row->measured;
  add_names(frames.callers, row->callers, series, exported);
  return frames;
}

ContextFrames context_frames(Release series, FrameContext context) {
  for (const ContextRow& row : frames_table::context_rows(series)) {
    if (row.context == context) return {split(row.callers), !row.entry.empty(), row.entry, row.measured};
  }
  CHECK(false, "no frames are declared for context {}", static_cast<u32>(context));
  return {};
}

std::vector<std::string_view> idle_frames(Release series, bool boot_cpu) {
  return split(frames_table::idle_row(series, boot_cpu));
}

std::string_view idle_place(Release series) {
  return series == Release::k6_1 ? "native_safe_halt" : "pv_native_safe_halt";
}

EventFrames initcall_imbalance_frames(Release series) {
  EventFrames frames;
  frames.callers = context_frames(series, FrameContext::kModuleInit).callers;
  frames.place = frames.callers.front();
  frames.callers.erase(frames.callers.begin());
  frames.measured = true;
  return frames;
}

std::vector<std::string_view> declared_frame_names(Release series) {
  std::vector<std::string_view> names;
  const auto add_row = [&](std::string_view row) {
    for (const std::string_view name : split(row)) {
      if (name != kExportMark && name != kSleepMark && name != "*") names.push_back(name);
    }
  };
  for (const FrameEvent event : {FrameEvent::kOomKill, FrameEvent::kOomNobody, FrameEvent::kOomPanic}) {
    add_row(oom_frames(series, event));
  }
  for (const EventRow& row : frames_table::event_rows(series)) {
    add_row(row.exported);
    add_row(row.place);
    add_row(row.callers);
  }
  for (const SleepRow& row : frames_table::sleep_rows(series)) {
    add_row(row.exported);
    add_row(row.callers);
  }
  for (const ContextRow& row : frames_table::context_rows(series)) {
    add_row(row.callers);
    add_row(row.entry);
  }
  add_row(frames_table::idle_row(series, true));
  add_row(idle_place(series));
  add_row(frames_table::idle_row(series, false));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<TraceItem> compose_trace(std::span<const Frame> frames, const TraceComposition& composition,
                                     const FrameAddress& addresses) {
  return Composer(composition, addresses).run(frames);
}

}  // namespace koi::runtime
