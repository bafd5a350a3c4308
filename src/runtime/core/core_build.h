// SPDX-License-Identifier: GPL-2.0-only
// core.o: the C core compiled by Kbuild against the header tree of the kernel that koi presents, cached.
//
// Key: a hash of autoconf.h, Module.symvers, the compiler, KCFLAGS and the core's sources (which are inside the koi binary).
// The file appears by atomic rename under a lock, so that parallel runs build it once.
#pragma once

#include <string>

#include "base/result.h"

namespace koi::runtime {

struct CoreObject {
  std::string path;        // of core.o in the cache
  bool was_built = false;  // this call compiled it
};

// One of the core's source files, as a file that stays: in the cache, under a name that says what is in it.
// Errors: the cache cannot be written.
[[nodiscard]] Result<std::string> ensure_core_source(std::string_view name);
// The same of any text.
[[nodiscard]] Result<std::string> ensure_cached_text(std::string_view name, std::string_view text);

// `build_dir`: the header tree (/lib/modules/RELEASE/build). Takes some seconds when nothing is cached.
// Errors: no header tree (the message holds the apt line), no make or compiler, a failed compilation (the message names
// the log), a cache directory that cannot be written.
[[nodiscard]] Result<CoreObject> ensure_core_object(const std::string& release, const std::string& build_dir);

// $XDG_CACHE_HOME/koi, ~/.cache/koi, or /tmp/koi-UID where there is no usable home.
[[nodiscard]] std::string cache_directory();

}  // namespace koi::runtime
