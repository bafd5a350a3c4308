// SPDX-License-Identifier: GPL-2.0-only
// The OOM killer: its report, and what becomes of the victim.
#pragma once

#include "engine/mm/memcg.h"
#include "engine/mm/types.h"

namespace koi::kapi {

enum class OomResult : u8 {
  kKilledCurrent,  // now or before: it gets at the reserves, and its requests may fail
  kWait,           // somebody else was killed or is dying, or this request may not kill: try again later
};

// A request that must not fail found nothing (out_of_memory()). Panics if nobody is left to kill.
OomResult out_of_memory(u32 order, mm::Gfp gfp);

// mem_cgroup_out_of_memory(): somebody of the group is killed, or is dying. false: there is nobody.
[[nodiscard]] bool memcg_out_of_memory(mm::Memcg& group, u32 order, mm::Gfp gfp);

[[nodiscard]] bool current_is_oom_victim();
// A victim whose memory is gone already.
[[nodiscard]] bool current_is_reaped();
// task_is_dying()
[[nodiscard]] bool current_is_dying();
// fatal_signal_pending(current)
[[nodiscard]] bool current_has_fatal_signal();

}  // namespace koi::kapi
