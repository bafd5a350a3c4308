// SPDX-License-Identifier: GPL-2.0-only
// The kernel log on stdout (or another descriptor), record by record as it is written.
#pragma once

#include <string>

#include "cli/common_options.h"
#include "engine/printk/log.h"
#include "runtime/kernel.h"

namespace koi::cli {

// Records below it are shown: --log-level, else what the boot command line says of the console, else all.
[[nodiscard]] s32 shown_level(const runtime::Kernel& kernel, const MachineOptions& options);

class LogOutput final : public printk::LogSubscriber {
 public:
  LogOutput(runtime::Kernel& kernel, const MachineOptions& options, int descriptor);
  ~LogOutput() override;
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  void on_record(const printk::Record& record, printk::LogEvent event) override;
  // Writes what is buffered.
  void finish();

 private:
  runtime::Kernel& kernel_;
  const MachineOptions& options_;
  s32 level_;  // records below it are shown
  const int descriptor_;
  const bool colored_;
  std::string buffer_;
};

}  // namespace koi::cli
