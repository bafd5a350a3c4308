// SPDX-License-Identifier: GPL-2.0-only
// /sys/kernel/debug/slab/CACHE/alloc_traces and free_traces: by whom the allocated objects of a tracking cache (slub_debug=U)
// were allocated, and freed before that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mm/slab_debug.h"
#include "runtime/modules/module_files.h"

namespace koi::runtime {

struct SlabTracePath {
  std::string_view cache;  // empty: the directory of all
  std::string_view file;   // empty: the cache's directory
};
// nullopt: no path below /sys/kernel/debug/slab.
[[nodiscard]] std::optional<SlabTracePath> split_slab_trace_path(std::string_view path);
// Errors: ENOENT, EISDIR.
[[nodiscard]] Result<std::string> read_slab_traces(Kernel& kernel, std::string_view path);
[[nodiscard]] std::vector<FileEntry> list_slab_traces(Kernel& kernel, const SlabTracePath& path);

}  // namespace koi::runtime
