// SPDX-License-Identifier: GPL-2.0-only
// What kmod's insmod and rmmod say of a system call that failed.
#pragma once

#include <string>

#include "base/types.h"

namespace koi::cli {

// "insmod: ERROR: could not insert module a.ko: Cannot allocate memory". `value`: the negative errno.
[[nodiscard]] std::string insmod_error(const std::string& path, s32 value);
[[nodiscard]] std::string rmmod_error(const std::string& name, s32 value);

}  // namespace koi::cli
