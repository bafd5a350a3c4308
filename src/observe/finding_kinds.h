// SPDX-License-Identifier: GPL-2.0-only
// Which events of a run are findings, and what they are called in JSON and by `koi explore`.
#pragma once

#include "observe/journal.h"

namespace koi::observe {

// "oops", "data race" ...; nullptr: no finding, but part of the course of the run.
[[nodiscard]] const char* finding_name(EventKind kind);

}  // namespace koi::observe
