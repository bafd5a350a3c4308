// SPDX-License-Identifier: GPL-2.0-only
// `koi run --json`: the whole run as one JSON document on stdout. docs/json.md describes it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "cli/common_options.h"
#include "cli/exit_code.h"
#include "cli/verdict.h"
#include "engine/printk/log.h"
#include "runtime/kernel.h"

namespace koi::cli {

// Collects what happens while it happens; print() writes the document.
class RunJson final : public printk::LogSubscriber {
 public:
  RunJson(runtime::Kernel& kernel, const MachineOptions& options);
  ~RunJson() override;
  RunJson(const RunJson&) = delete;
  RunJson& operator=(const RunJson&) = delete;

  void on_record(const printk::Record& record, printk::LogEvent event) override;
  // `state`: "loaded", "failed", "stuck" or "not reached"; `value`: what the system call returned, if it did.
  void note_module(const std::string& path, const std::string& arguments, std::string_view state, s32 value,
                   const std::string& message);
  void note_unloaded(const std::string& path);
  void print(const Verdict& verdict) const;

 private:
  runtime::Kernel& kernel_;
  const MachineOptions& options_;
  nlohmann::ordered_json log_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json modules_ = nlohmann::ordered_json::array();
};

// What each document begins with: format and version.
[[nodiscard]] nlohmann::ordered_json document_begin();
// On stdout. What modules log may be no UTF-8.
void print_document(const nlohmann::ordered_json& document);
// The document of a run that could not begin.
void print_json_error(const std::string& message, ExitCode exit);

}  // namespace koi::cli
