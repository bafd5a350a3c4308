// SPDX-License-Identifier: GPL-2.0-only
#include "host/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/world.h"

extern "C" {
void koi_fiber_switch(koi::u64* save_sp, koi::u64 new_sp);
void koi_fiber_start();
}

namespace koi::host {
namespace {

// Where the thread's own stack pointer is kept while a fiber runs: debuggers go on from a fiber's start to there.
const u64* g_thread_sp = nullptr;

}  // namespace

void Fiber::adopt_current() {
  started_ = true;
  g_thread_sp = &sp_;
}

void Fiber::prepare(u32 host_stack, u64 kernel_stack_top, Entry entry, void* argument) {
  CHECK(host_stack < kMaxTasks);
  const u64 low = kHostStacks + host_stack * kHostStackSize;
  protect(low + kHostStackGuard, kHostStackSize - kHostStackGuard, Protection::kReadWrite);
  const u64 top = low + kHostStackSize;
#if defined(__SANITIZE_ADDRESS__)
  // The stack's last owner was left in the middle of its frames: AddressSanitizer still guards their variables.
  __asan_unpoison_memory_region(reinterpret_cast<void*>(low + kHostStackGuard),
                                kHostStackSize - kHostStackGuard);
#endif

  // What koi_fiber_switch pops: r15 r14 r13 r12 rbx rbp, then the return address; what is left is for debuggers. The start
  // routine needs rsp % 16 == 0 at its call instruction.
  const u64 frame[8] = {0, 0, reinterpret_cast<u64>(argument),         reinterpret_cast<u64>(entry),
                        0, 0, reinterpret_cast<u64>(&koi_fiber_start), reinterpret_cast<u64>(g_thread_sp)};
  sp_ = top - sizeof(frame) - 8;
  sp_ = (sp_ & ~15ULL) + 8;
  std::memcpy(reinterpret_cast<void*>(sp_), frame, sizeof(frame));
  host_sp_ = 0;  // set by the first upcall

  kernel_stack_top_ = kernel_stack_top;
  if (kernel_stack_top != 0) {
    BorderRecord base{};
    base.export_index = kBorderBase;
    border_ = kernel_stack_top - 64 - sizeof(BorderRecord);
    border_ &= ~15ULL;
    std::memcpy(reinterpret_cast<void*>(border_), &base, sizeof(base));
  }
  started_ = true;
}

void Fiber::switch_to(Fiber& from, Fiber& to, u64 gs_base) {
  CHECK(to.started_);
  GsArea* area = gs_area();
  from.host_sp_ = area->host_sp;
  from.border_ = area->border;
  if (gs_base != 0) {
    set_gs_base(gs_base);
    area = reinterpret_cast<GsArea*>(gs_base);
  }
  area->host_sp = to.host_sp_;
  area->border = to.border_;
  koi_fiber_switch(&from.sp_, to.sp_);
}

}  // namespace koi::host
