// SPDX-License-Identifier: GPL-2.0-only
#include "cli/kmod_messages.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace koi::cli {

std::string insmod_error(const std::string& path, s32 value) {
  const char* reason = std::strerror(-value);
  if (-value == ENOEXEC) reason = "Invalid module format";
  if (-value == ENOENT) reason = "Unknown symbol in module";
  if (-value == ESRCH) reason = "Module has wrong symbol version";
  if (-value == EINVAL) reason = "Invalid parameters";
  return fmt::format("insmod: ERROR: could not insert module {}: {}", path, reason);
}

std::string rmmod_error(const std::string& name, s32 value) {
  if (value == -ENOENT) return fmt::format("rmmod: ERROR: Module {} is not currently loaded", name);
  if (value == -EWOULDBLOCK) return fmt::format("rmmod: ERROR: Module {} is in use", name);
  return fmt::format("rmmod: ERROR: could not remove module {}: {}", name, std::strerror(-value));
}

}  // namespace koi::cli
