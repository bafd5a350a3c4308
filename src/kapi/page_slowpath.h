// SPDX-License-Identifier: GPL-2.0-only
// What happens between an allocation that found nothing and its failure: reclaim, retries, the OOM killer, waiting. The
// order of the steps is that of the page allocator's slow path (Documentation/core-api/memory-allocation.rst says what each
// gfp bit asks for).
#pragma once

#include "engine/mm/types.h"
#include "observe/allocation_sites.h"

namespace koi::kapi {

// The page request behind an allocation.
struct PageRequest {
  u32 order = 0;
  mm::Gfp gfp = 0;
};

// One failing request. Upcalls (shrinkers) happen, the task may sleep, and others run meanwhile.
class PageSlowPath {
 public:
  explicit PageSlowPath(const PageRequest& request);
  ~PageSlowPath();
  PageSlowPath(const PageSlowPath&) = delete;
  PageSlowPath& operator=(const PageSlowPath&) = delete;

  // True: something has changed, try again. False: the request fails.
  [[nodiscard]] bool again();

 private:
  [[nodiscard]] bool grant_reserves();
  [[nodiscard]] bool give_up();
  [[nodiscard]] bool may_start_oom_killer() const;
  void wait_a_little();

  PageRequest request_;
  observe::SiteNumber site_;  // of the request; what runs meanwhile has others
  bool started_ = false;
  bool reclaimed_ = false;  // this round
  bool used_reserves_ = false;
  bool frees_memory_ = false;  // PF_MEMALLOC
  u32 rounds_ = 0;
  u64 next_wait_ns_;
  u64 waited_ns_ = 0;
};

// Makes room as the kernel's direct reclaim would: empty slabs, per-CPU lists, shrinkers. false: the request may not wait, or
// there was nothing to give back.
bool reclaim(mm::Gfp gfp);

// Calls attempt() and, as long as it gives nothing for want of memory and the request need not fail, again.
// `attempt` returns something that is false when it failed; `starved()` says whether memory was what lacked.
template <class Attempt, class Starved>
auto with_reclaim(const PageRequest& request, Attempt attempt, Starved starved) {
  auto result = attempt();
  if (!result && starved()) [[unlikely]] {
    PageSlowPath slow_path(request);
    while (!result && starved() && slow_path.again()) result = attempt();
  }
  return result;
}

}  // namespace koi::kapi
