// SPDX-License-Identifier: GPL-2.0-only
// The numbers of /proc/buddyinfo, pagetypeinfo, zoneinfo, meminfo, vmstat, slabinfo, interrupts and softirqs that hold how much one
// boot had in use. Names, units, columns, geometry and every other field are compared.
#pragma once

#include <string_view>
#include <vector>

#include "pattern.h"

namespace koi::conformance {

[[nodiscard]] std::vector<Span> count_spans(std::string_view line);

}  // namespace koi::conformance
