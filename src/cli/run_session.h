// SPDX-License-Identifier: GPL-2.0-only
// One run: a machine for the first module's kernel, the modules loaded in order and unloaded in reverse, the log on
// stdout as it is written, kmod's messages and the verdict on stderr.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/common_options.h"
#include "cli/exit_code.h"
#include "cli/memory_session.h"
#include "cli/verdict.h"
#include "module/module_file.h"
#include "runtime/kernel.h"

namespace koi::cli {

struct ModuleRequest {
  std::string path;
  std::string arguments;  // "x=1 y=2"
};

class LogOutput;
class RunJson;

// Where a run is shown: one of the two, or neither.
struct RunOutput {
  LogOutput* text = nullptr;
  RunJson* document = nullptr;
};

// Splits "a.ko x=1 b.ko" into requests: a word that is no assignment and names a .ko file (compressed or not) starts one.
[[nodiscard]] Result<std::vector<ModuleRequest>> parse_requests(const std::vector<std::string>& words);

// Boots the machine that the options and the first module's (nullptr: there is none) version magic ask for.
[[nodiscard]] Result<std::unique_ptr<runtime::Kernel>> boot_machine(const MachineOptions& options,
                                                                    const module::ModuleFile* first_module);
// Loads the modules in order, unloads them in reverse. `first`: the first one's file, if it was read already.
[[nodiscard]] Verdict run_requests(runtime::Kernel& kernel, const MachineOptions& options,
                                   const std::vector<ModuleRequest>& requests,
                                   std::optional<module::ModuleFile> first, const RunOutput& out);
// `koi shell`: the lines of a script, or of stdin when `path` is empty.
ExitCode run_script(const MachineOptions& options, const std::string& path);
ExitCode run_modules(const MachineOptions& options, const std::vector<std::string>& words,
                     const MemoryOptions& memory);

}  // namespace koi::cli
