// SPDX-License-Identifier: GPL-2.0-only
// /sys/fs/cgroup/koi: what is charged to the memory cgroup of --memcg, read-only. Without the option there are no such files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/modules/module_files.h"

namespace koi::runtime {

// Is this the directory of the cgroup file system, or below it?
[[nodiscard]] bool is_memcg_path(std::string_view path);
[[nodiscard]] Result<std::string> read_memcg_file(std::string_view path);
[[nodiscard]] std::vector<FileEntry> list_memcg_files(std::string_view path);

}  // namespace koi::runtime
