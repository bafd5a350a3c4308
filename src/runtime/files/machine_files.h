// SPDX-License-Identifier: GPL-2.0-only
// The files of /proc that list what the machine and its drivers have: interrupts, misc devices, file systems, vmstat, the
// settings of memory management.
#pragma once

#include <string>

namespace koi::runtime {

class Kernel;

[[nodiscard]] std::string proc_interrupts(Kernel& kernel);
[[nodiscard]] std::string proc_softirqs(Kernel& kernel);
[[nodiscard]] std::string proc_misc(Kernel& kernel);
[[nodiscard]] std::string proc_filesystems(Kernel& kernel);
[[nodiscard]] std::string proc_vmstat(Kernel& kernel);

// /proc/sys/vm: what the engines go by. They cannot be set.
[[nodiscard]] std::string min_free_kbytes(Kernel& kernel);
[[nodiscard]] std::string lowmem_reserve_ratio(Kernel& kernel);
[[nodiscard]] std::string watermark_scale_factor(Kernel& kernel);
[[nodiscard]] std::string numa_zonelist_order(Kernel& kernel);

}  // namespace koi::runtime
