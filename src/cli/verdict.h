// SPDX-License-Identifier: GPL-2.0-only
// The verdict: one paragraph on what happened in a run, and the exit code that follows from it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/common_options.h"
#include "cli/exit_code.h"
#include "observe/journal.h"
#include "runtime/kernel.h"

namespace koi::cli {

struct Verdict {
  std::string text;  // one paragraph
  ExitCode exit = ExitCode::kSuccess;
  std::vector<std::string> remarks;  // on each module that did not load or unload as it should
};

class RunOutcome {
 public:
  // A load that did not bring the module to life. `stuck`: it stays in the list all the same.
  void note_failed_load(runtime::Kernel& kernel, const std::string& path, const runtime::TaskEnd& end,
                        bool stuck);
  // The module is loaded, but the process that loaded it died by a signal on its way back.
  void note_killed_loader(const std::string& path, const runtime::TaskEnd& end);
  void note_failed_unload(const std::string& name, const runtime::TaskEnd& end);

  [[nodiscard]] Verdict conclude(runtime::Kernel& kernel, const MachineOptions& options,
                                 size_t modules_asked) const;

 private:
  [[nodiscard]] ExitCode exit_code(const observe::Journal& journal, const MachineOptions& options) const;

  std::vector<std::string> remarks_;
  bool module_error_ = false;  // an init returned an error
  bool load_error_ = false;    // a module could not be loaded at all
};

}  // namespace koi::cli
