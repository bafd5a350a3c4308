// SPDX-License-Identifier: GPL-2.0-only
// Fiber: one task's two stacks, and the switch between tasks. Everything runs on one OS thread.
#pragma once

#include "base/types.h"
#include "host/crossing.h"

namespace koi::host {

// `host_stack` is an index: stack n lies at kHostStacks + n * kHostStackSize, its lowest page is a guard.
// Lives in the world's heap. Not copyable: its address is known to the scheduler.
class Fiber {
 public:
  using Entry = void (*)(void* argument);

  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Prepares the stacks: `entry(argument)` runs on the host stack at the first switch, and must never return.
  // `kernel_stack_top` is the end of the task's mapped kernel stack.
  void prepare(u32 host_stack, u64 kernel_stack_top, Entry entry, void* argument);
  // Makes *this* the fiber of the thread that calls (the one that boots and schedules): no kernel stack.
  void adopt_current();

  // Leaves `from` (the running fiber) and continues `to`, on the virtual CPU whose area GS points at after `gs_base` was
  // set; 0: GS stays.
  static void switch_to(Fiber& from, Fiber& to, u64 gs_base);

  [[nodiscard]] u64 border() const { return border_; }
  [[nodiscard]] u64 kernel_stack_top() const { return kernel_stack_top_; }

 private:
  u64 sp_ = 0;
  // The GS slots that belong to the task, kept while it does not run.
  u64 host_sp_ = 0;
  u64 border_ = 0;
  u64 kernel_stack_top_ = 0;
  bool started_ = false;
};

}  // namespace koi::host
