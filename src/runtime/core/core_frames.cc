// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/core_frames.h"

#include <algorithm>
#include <array>

namespace koi::runtime {
namespace {

struct Caller {
  std::string_view function;
  FrameContext context;
};

// The functions of the core that call into modules.
constexpr std::array kCallers = {
    Caller{"koi_run_work", FrameContext::kWork},        Caller{"koi_call_timer", FrameContext::kTimer},
    Caller{"koi_run_hrtimer", FrameContext::kHrtimer},  Caller{"koi_tasklet_action", FrameContext::kTasklet},
    Caller{"koi_rcu_call", FrameContext::kRcuCallback}, Caller{"koi_run_irq_work", FrameContext::kIrqWork},
    Caller{"koi_run_calls", FrameContext::kSmpCall},    Caller{"koi_kthread_main", FrameContext::kKthread},
    Caller{"koi_file_read", FrameContext::kFileRead},   Caller{"koi_file_write", FrameContext::kFileWrite},
    Caller{"koi_file_open", FrameContext::kFileOpen},   Caller{"koi_handle_irq", FrameContext::kIrqHandler},
    Caller{"koi_file_ioctl", FrameContext::kFileIoctl},
};

bool is_interrupt_entry(std::string_view name) {
  return name == "koi_timer_interrupt" || name == "koi_ipi_interrupt" || name == "koi_device_interrupt";
}

// A compiler's copy of a function has a suffix: koi_run_work.isra.0.
std::string_view without_suffix(std::string_view name) { return name.substr(0, name.find('.')); }

}  // namespace

CoreFrames split_core_frames(std::span<const Frame> frames,
                             const std::function<std::string_view(u64)>& core_name) {
  CoreFrames split;
  for (u64 i = 0; i < frames.size(); ++i) {
    const Frame& frame = frames[i];
    const std::string_view name =
        frame.kind == FrameKind::kText ? without_suffix(core_name(frame.address - 1)) : std::string_view();
    // Below a function that calls into modules the context's declared frames stand for the rest.
    if (!name.starts_with("koi_")) {
      if (name.empty() || !split.context) split.frames.push_back(frame);
      continue;
    }
    if (!frame.reliable) continue;
    if (name == "koi_hrtimer_softirq" && split.context == FrameContext::kHrtimer) {
      split.context = FrameContext::kHrtimerSoft;
    }
    const auto caller = std::find_if(kCallers.begin(), kCallers.end(),
                                     [name](const Caller& c) { return c.function == name; });
    if (caller != kCallers.end() && !split.context) split.context = caller->context;
    if (is_interrupt_entry(name)) {
      split.in_interrupt = true;
      Frame base;
      base.kind = FrameKind::kBase;
      split.frames.push_back(base);
      split.interrupted.assign(frames.begin() + static_cast<std::ptrdiff_t>(i) + 1, frames.end());
      break;
    }
  }
  return split;
}

}  // namespace koi::runtime
