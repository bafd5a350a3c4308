// SPDX-License-Identifier: GPL-2.0-only
// The files of /proc and /sys that the kernel itself shows of this machine: its boot command line, panic settings and memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/modules/module_files.h"

namespace koi::runtime {

class KernelFiles {
 public:
  explicit KernelFiles(Kernel& kernel) : kernel_(kernel) {}

  [[nodiscard]] bool has(std::string_view path) const;
  // Errors: ENOENT, EISDIR, EACCES; errno_value is set, the message names the path.
  [[nodiscard]] Result<std::string> read(std::string_view path);
  // Errors: ENOENT, EACCES, EINVAL.
  [[nodiscard]] Status write(std::string_view path, std::string_view text);
  // readlink. Errors: ENOENT, EINVAL (no link).
  [[nodiscard]] Result<std::string> read_link(std::string_view path) const;
  // What of these files stands in the directory `path`; empty: nothing.
  [[nodiscard]] std::vector<FileEntry> list(std::string_view path) const;

 private:
  [[nodiscard]] Result<std::string> read_slab_attribute(std::string_view path) const;
  Status write_slab_attribute(std::string_view path, s64 value);
  Kernel& kernel_;
};

}  // namespace koi::runtime
