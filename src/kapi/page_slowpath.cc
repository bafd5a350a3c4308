// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/page_slowpath.h"

#include <algorithm>

#include "kapi/oom.h"
#include "kapi/page_calls.h"
#include "runtime/memory/vm_events.h"

namespace koi::kapi {
namespace {

constexpr u32 kMaxReclaimRetries = 16;          // MAX_RECLAIM_RETRIES
constexpr s32 kPreemptCountBits = 0x7fff'ffff;  // the rest stands for need_resched, inverted
constexpr u64 kLongestWaitNs = 1'000'000'000;
// After this much virtual time without a page the wait is for ever: nothing in this machine frees memory any more.
constexpr u64 kHopelessNs = 600'000'000'000;

u64 tick_ns() { return 1'000'000'000 / current().core().layout_or_die("HZ"); }
const mm::GfpBits& bits() { return memory().pages().gfp(); }

// gfp_zone(). Movable, behind the others, takes both of its bits.
u32 highest_zone(mm::Gfp gfp) {
  if ((gfp & bits().dma) != 0) return static_cast<u32>(mm::Zone::kDma);
  if ((gfp & bits().dma32) != 0) return static_cast<u32>(mm::Zone::kDma32);
  const bool movable = (gfp & bits().movable) != 0 && (gfp & bits().highmem) != 0;
  return movable ? mm::kZoneCount : static_cast<u32>(mm::Zone::kNormal);
}

// What current_gfp_context() leaves of the bits.
mm::Gfp in_context(mm::Gfp gfp) { return current().core().function<u32(u32)>("koi_gfp_context")(gfp); }

}  // namespace

PageSlowPath::PageSlowPath(const PageRequest& request)
    : request_{request.order, in_context(request.gfp)},
      site_(runtime::Accounting::take_site()),
      next_wait_ns_(tick_ns()) {
  frees_memory_ = current().core().function<int()>("koi_frees_memory")() != 0;
}

PageSlowPath::~PageSlowPath() {
  memory().pages().set_reserves(mm::Reserves::kNone);
  runtime::Accounting::set_site(site_);
}

// __gfp_pfmemalloc_flags(): who frees memory may use all of it, who dies half of the reserve.
bool PageSlowPath::grant_reserves() {
  if (used_reserves_ || (request_.gfp & bits().nomemalloc) != 0) return false;
  const bool victim = current_is_oom_victim();
  if (!victim && !frees_memory_) return false;
  memory().pages().set_reserves(frees_memory_ ? mm::Reserves::kAll : mm::Reserves::kOomVictim);
  used_reserves_ = true;
  return true;
}

// The end of the road, except for who may never fail.
bool PageSlowPath::give_up() {
  if ((request_.gfp & bits().nofail) == 0) return false;
  wait_a_little();
  reclaimed_ = false;
  return true;
}

bool PageSlowPath::may_start_oom_killer() const {
  const mm::Gfp never = bits().retry_mayfail | bits().thisnode | bits().dma | bits().dma32;
  return request_.order <= mm::kCostlyOrder && (request_.gfp & never) == 0;
}

bool PageSlowPath::again() {
  if (!started_) {
    started_ = true;
    if (grant_reserves()) return true;
  }
  if ((request_.gfp & bits().direct_reclaim) == 0) return false;
  if (frees_memory_) return give_up();
  if (!reclaimed_) {
    reclaimed_ = true;
    if (reclaim(request_.gfp)) {
      // As long as there is progress a small request goes round again.
      if (request_.order <= mm::kCostlyOrder && ++rounds_ < kMaxReclaimRetries) reclaimed_ = false;
      return true;
    }
    if (memory().pages().unreserve_highatomic(request_.gfp, mm::Yes::kNo)) return true;
  }
  if ((request_.gfp & bits().noretry) != 0) return give_up();
  if (request_.order > mm::kCostlyOrder && (request_.gfp & bits().retry_mayfail) == 0) return give_up();
  if (memory().pages().unreserve_highatomic(request_.gfp, mm::Yes::kYes)) return true;
  if (!may_start_oom_killer()) return give_up();
  if (out_of_memory(request_.order, request_.gfp) == OomResult::kKilledCurrent) {
    if (grant_reserves()) return true;
    return give_up();
  }
  wait_a_little();
  reclaimed_ = false;
  return true;
}

// Somebody else is to free memory: the victim, or the task that this one waits for.
void PageSlowPath::wait_a_little() {
  runtime::Kernel& kernel = current();
  // What reserves this task may use is asked anew when it runs again.
  memory().pages().set_reserves(mm::Reserves::kNone);
  const bool may_sleep = (kernel.preempt_count() & kPreemptCountBits) == 0 &&
                         host::gs_area()->interrupt_flag != 0 &&
                         kernel.sched().current()->kind != sched::TaskKind::kIdle;
  if (!may_sleep) {
    kernel.sched().delay(next_wait_ns_);
  } else if (waited_ns_ > kHopelessNs) {
    koi_finding(fmt::format("{} waits for memory that nobody gives back (gfp {:#x}, order {})",
                            kernel.sched().current()->comm, request_.gfp, request_.order));
    kernel.set_guest_state(*kernel.sched().current(), runtime::Kernel::kTaskUninterruptible);
    for (;;) kernel.sched().schedule();
  } else {
    kernel.sleep_ns(next_wait_ns_);
  }
  waited_ns_ += next_wait_ns_;
  next_wait_ns_ = std::min(next_wait_ns_ * 2, kLongestWaitNs);
  if (used_reserves_) {
    used_reserves_ = false;
    static_cast<void>(grant_reserves());
  }
}

bool reclaim(mm::Gfp gfp) {
  runtime::Memory& m = memory();
  const u64 before = m.pages().free_pages();
  m.pages().drain_all();
  if ((gfp & m.pages().gfp().direct_reclaim) != 0) {
    ++runtime::vm_event(current(), runtime::VmEvent::kAllocStall, highest_zone(gfp));
    m.give_back_spare();
    const bool locked = current().locks().reclaim_begins(gfp);
    m.run_shrinkers(gfp);
    if (locked) current().locks().reclaim_ends();
    m.pages().drain_all();
  }
  return m.pages().free_pages() > before;
}

}  // namespace koi::kapi
