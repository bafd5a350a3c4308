// SPDX-License-Identifier: GPL-2.0-only
// Runs: the koi invocations whose output is compared, and what they printed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace koi::conformance {

// One koi process. Either modules are run (`koi run`) or a session script is (`koi shell --script`).
struct Run {
  std::string id;         // "6.1/orc_ksize": also the name of its capture files
  std::string kernel;     // "6.1"
  std::string module;     // koi run: the module's name, without .ko
  std::string parameter;  // koi run: "what=bug", or empty
  std::string script;     // koi shell: the session, instead of a module
  int cpus = 2;
  std::string memory = "1G";
  std::string checks = "stock";
  bool lazy = true;          // a missing symbol matters only when it is called
  std::string boot_options;  // what stood on the kernel's command line
  // koi run: raw is dmesg -r, kmsg the records of /dev/kmsg, dmesg what the console shows at its usual level.
  std::string log_format = "raw";
};

struct Capture {
  bool present = false;
  std::string out;
  std::string err;
  int status = -1;  // exit code; 128 + signal; -1: it had to be killed
};
using Captures = std::map<std::string, Capture>;

// The recordings of a kernel that was built with lockdep: koi presents the stock kernel of that series.
[[nodiscard]] constexpr bool is_lockdep(std::string_view kernel) { return kernel.ends_with("-lockdep"); }

struct Host {
  std::string koi;           // the binary
  std::string reference;     // tests/reference
  std::string build;         // where the reference's modules are built: <build>/<kernel>/
  std::string captures;      // <captures>/<id>.out, .err, .status, .script
  std::string script_tools;  // where make_damaged.py is
  int jobs = 1;
  int timeout_seconds = 60;
};

// The release that a directory of the reference stands for, "6.1.0-56-amd64"; from its version.txt.
[[nodiscard]] Result<std::string> release_of(const Host& host, const std::string& kernel);
// Builds modules/ for one kernel with Kbuild, and the damaged copies, unless the sources are unchanged.
[[nodiscard]] Status build_modules(const Host& host, const std::string& kernel);
// koi brings up this kernel and loads a module that only prints; otherwise no other run is worth its time.
[[nodiscard]] Status check_kernel(const Host& host, const std::string& kernel);
// Runs them all, `jobs` at a time, and saves what they printed.
[[nodiscard]] Status execute(const Host& host, const std::vector<Run>& runs);
// Reads back what execute() saved; a run that was never made is not present.
// One line for each different way in which runs ended badly: how many, the first of them, koi's own words.
[[nodiscard]] std::string trouble(const std::vector<Run>& runs, const Captures& captures);
[[nodiscard]] Captures load_captures(const std::string& directory, const std::vector<Run>& runs);

}  // namespace koi::conformance
