// SPDX-License-Identifier: GPL-2.0-only
// What the call-backs of instrumented modules share.
#pragma once

#include "host/crossing.h"

namespace koi::kapi {

// Where the module made the call that is being served. Requires: a crossing is under way, as in every call-back; it is
// asked at each access, and so does not look whether there is one (caller() does).
inline u64 instrumented_access() {
  return reinterpret_cast<const host::BorderRecord*>(host::gs_area()->border)->return_rip;
}

}  // namespace koi::kapi
