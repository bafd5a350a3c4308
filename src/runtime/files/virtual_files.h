// SPDX-License-Identifier: GPL-2.0-only
// VirtualFiles: every file of the virtual machine as its shell sees it: what modules made in /proc, /sys, debugfs and
// /dev, and what the kernel itself shows (/proc/modules, /sys/module, /proc/devices ...).
//
// Reading and writing a module's file is what a program would do: open(2), read(2) or write(2) with a buffer in user
// memory, close(2), through a real struct file. All of it can run module code: call it from a task.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/vfs/char_devices.h"
#include "engine/vfs/tree.h"
#include "runtime/files/kernel_files.h"
#include "runtime/modules/module_files.h"

namespace koi::runtime {

struct ModuleInstance;

class VirtualFiles {
 public:
  explicit VirtualFiles(Kernel& kernel);

  [[nodiscard]] vfs::Tree& tree() { return tree_; }
  [[nodiscard]] vfs::CharDevices& char_devices() { return char_devices_; }

  // One that C++ fills: no object of the C core stands behind it.
  [[nodiscard]] bool is_own(std::string_view path) const {
    return path == "/proc/devices" || kernel_files_.has(path);
  }

  // cat. Errors: ENOENT, EISDIR, EACCES, and what the module's operations returned. What was read before an error is in
  // `partial`, if given.
  [[nodiscard]] Result<std::string> read(std::string_view path, std::string* partial = nullptr);
  // echo TEXT > FILE. Errors: likewise.
  [[nodiscard]] Status write(std::string_view path, std::string_view text);
  // ls. Errors: ENOENT, ENOTDIR.
  [[nodiscard]] Result<std::vector<FileEntry>> list(std::string_view path);
  // readlink. Errors: ENOENT, EINVAL (no link).
  [[nodiscard]] Result<std::string> read_link(std::string_view path);
  // mknod /dev/NAME c MAJOR MINOR. Errors: EEXIST, EPERM (not in /dev).
  [[nodiscard]] Status make_device(std::string_view path, u32 major, u32 minor);

  // A module is gone: what it left behind is noted in the journal.
  void module_gone(const ModuleInstance& module);
  // The module whose code called into the core of the running task, through however many core functions; 0: none.
  [[nodiscard]] u64 calling_module() const;

 private:
  void left_behind(const ModuleInstance& module, std::string_view what);
  // An open file of the C core, closed in the end.
  class OpenFile;

  // A buffer in user memory for the running task; those of dead tasks come first. nullopt: the user range is full.
  std::optional<u64> take_buffer();
  void give_buffer(u64 buffer);

  struct UserBuffer {
    s32 pid;
    u64 address;
  };

  Kernel& kernel_;
  ModuleFiles module_files_;
  KernelFiles kernel_files_;
  std::pmr::vector<UserBuffer> buffers_;
  vfs::Tree tree_;
  vfs::CharDevices char_devices_;
};

}  // namespace koi::runtime
