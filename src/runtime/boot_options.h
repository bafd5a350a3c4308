// SPDX-License-Identifier: GPL-2.0-only
// The kernel's boot command line (Documentation/admin-guide/kernel-parameters.txt), as far as koi's machine has what an
// option is about. Nothing is ignored in silence: an option that koi does not know is an error that names it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/release.h"
#include "base/result.h"
#include "base/types.h"

namespace koi::runtime {

struct BootOptions {
  std::string text;                       // the line itself: /proc/cmdline
  std::optional<std::string> slab_debug;  // slub_debug=, slab_debug=; "" is the option alone
  bool slab_nomerge = false;              // slab_nomerge, slub_nomerge
  std::optional<s32> panic_timeout;  // panic=: 0 stays, below 0 reboots at once, else after so many seconds
  bool panic_on_oops = false;        // oops=panic
  s32 panic_on_warn = 0;             // panic_on_warn, panic_on_warn=1
  bool enforce_signatures = false;   // module.sig_enforce
  bool init_on_alloc = true;         // CONFIG_INIT_ON_ALLOC_DEFAULT_ON of Debian's kernels
  bool init_on_free = false;
  std::optional<s32> console_loglevel;  // loglevel=, quiet, debug
  bool ignore_loglevel = false;
  bool no_hash_pointers = false;
  std::vector<std::string> blacklist;  // module_blacklist=
  u64 log_buf_len = 0;                 // log_buf_len=; 0: the configuration's

  struct ModuleArgument {
    std::string module;  // '-' is '_' here
    std::string text;    // "param=value", quoted where the value has blanks
  };
  std::vector<ModuleArgument> module_arguments;

  // A user who speaks of panics wants them: then koi panics where it otherwise only kills the task (a stack overflow).
  [[nodiscard]] bool wants_panics() const { return panic_timeout.has_value() || panic_on_oops; }
  // What modprobe puts before the arguments it was given: "param=value param2=value2".
  [[nodiscard]] std::string arguments_for(std::string_view module) const;
};

// Errors: an option that koi or the series does not know, or a value that it cannot mean. The message names it.
[[nodiscard]] Result<BootOptions> parse_boot_options(std::string_view command_line, Release series);

}  // namespace koi::runtime
