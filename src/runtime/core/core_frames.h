// SPDX-License-Identifier: GPL-2.0-only
// What the C core's own functions in an unwound stack stand for.
//
// Functions of the core that bear a kernel function's name are frames like any other. Those called koi_* are not the
// kernel's: they are dropped, and some tell what runs below them: a work function, a timer callback, an interrupt.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/splat/frames.h"
#include "runtime/splat/unwind.h"

namespace koi::runtime {

struct CoreFrames {
  std::vector<Frame> frames;            // down to the youngest interrupt, or to the bottom of the stack
  std::optional<FrameContext> context;  // what called the outermost module function of `frames`
  std::vector<Frame> interrupted;       // below the interrupt's entry: what it interrupted
  bool in_interrupt = false;
};
// `core_name` gives the name of the core function that covers an address; empty: not the core's text.
[[nodiscard]] CoreFrames split_core_frames(std::span<const Frame> frames,
                                           const std::function<std::string_view(u64)>& core_name);

}  // namespace koi::runtime
