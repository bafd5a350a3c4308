// SPDX-License-Identifier: GPL-2.0-only
// The files of this machine that show modules: /proc/modules, /proc/sys/kernel/tainted and /sys/module/NAME/...
//
// Names are absolute paths of the virtual machine, never of the host. Reading and writing parameters can run module code
// (custom operations), so both must be called from a task.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::runtime {

class Kernel;

struct FileEntry {
  std::string name;
  u16 mode = 0444;
  bool directory = false;
};

class ModuleFiles {
 public:
  explicit ModuleFiles(Kernel& kernel) : kernel_(kernel) {}

  // Errors: ENOENT, EISDIR, EACCES (no read permission); errno_value is set, the message names the path.
  [[nodiscard]] Result<std::string> read(std::string_view path);
  // Errors: ENOENT, EACCES, and what the parameter's operation returned.
  [[nodiscard]] Status write(std::string_view path, std::string_view text);
  // Errors: ENOENT, ENOTDIR.
  [[nodiscard]] Result<std::vector<FileEntry>> list(std::string_view path);

 private:
  Kernel& kernel_;
};

}  // namespace koi::runtime
