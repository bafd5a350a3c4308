// SPDX-License-Identifier: GPL-2.0-only
// /sys/devices/system/node: which nodes there are, and each one's CPUs, distances, memory and NUMA counters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/files/kernel_files.h"

namespace koi::runtime {

class Kernel;

// Is this the directory, or below it?
[[nodiscard]] bool is_node_path(std::string_view path);
[[nodiscard]] Result<std::string> read_node_file(Kernel& kernel, std::string_view path);
[[nodiscard]] std::vector<FileEntry> list_node_files(Kernel& kernel, std::string_view path);

// "0-1", "0,2": numbers of nodes as bitmap_print_to_pagebuf() prints them.
[[nodiscard]] std::string list_text(const std::vector<u32>& numbers);

}  // namespace koi::runtime
