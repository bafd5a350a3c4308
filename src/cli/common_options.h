// SPDX-License-Identifier: GPL-2.0-only
// The options that every command which boots a virtual machine takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "cli/terminal.h"
#include "runtime/irq_script.h"
#include "runtime/kernel.h"

namespace CLI {
class App;
}

namespace koi::cli {

enum class LogFormat { kDmesg, kRaw, kKmsg };

inline constexpr u64 kNoMemcgLimit = ~u64{0};

struct MachineOptions {
  u32 cpus = 2;
  u64 memory_bytes = u64{1} << 30;
  u32 nodes = 1;
  std::optional<u64> memcg_bytes;  // memory.max of the cgroup that the tasks run in; kNoMemcgLimit: none
  u64 seed = 1;
  sched::InterleaverConfig schedule;  // its seed is `seed`
  std::string kernel;                 // empty: the kernel that the first module was built for
  std::vector<std::string> fail_on = {"oops"};
  std::optional<u32>
      log_level;             // records below it are printed; not given: all, or what the command line says
  std::string command_line;  // the kernel's
  LogFormat log_format = LogFormat::kDmesg;
  ColorWhen color = ColorWhen::kAutomatic;
  bool json = false;
  u32 timeout_s = 30;  // of this process's CPU time
  bool accounting = true;
  runtime::GuardObjects guard = runtime::GuardObjects::kOff;
  runtime::Checks checks = runtime::Checks::kAll;
  bool no_leaves = false;  // hidden: every call crosses the border
  std::vector<runtime::ScriptedIrq> irqs;
  bool lock_stat = false;  // print what /proc/lock_stat would have shown
  std::string coverage;    // a tracefile to write; empty: none
  bool lazy = false;
  bool realtime = false;  // virtual time does not run ahead of the host's
  bool gdb = false;
  bool under_gdb = false;        // hidden: gdb has started this process
  bool force_koi_fault = false;  // hidden: a test of the bug bundle
};

// The kinds that --fail-on knows, mildest first. "none" stands for none of them, "any" for all.
inline constexpr std::string_view kFailureKinds[] = {"leak", "warning", "lock", "race", "oops"};

// Declares the options in `app`, writing to `options`, which must outlive the parse.
void add_machine_options(CLI::App& app, MachineOptions& options);
// --kernel alone, for commands that only need to know which kernel.
void add_kernel_option(CLI::App& app, std::string& release);

// --strategy, --depth, --steps, which add_machine_options() declares too.
void add_strategy_options(CLI::App& app, sched::InterleaverConfig& schedule);
// --schedule, for commands that replay one.
void add_schedule_option(CLI::App& app, sched::InterleaverConfig& schedule);
// A schedule's text, or the file of that name. Errors: neither.
[[nodiscard]] Result<sched::Schedule> read_schedule(const std::string& text);

// "512M", "1G", "4096" (bytes), "64k": powers of 1024, both cases. Errors: no number, unknown unit, overflow.
[[nodiscard]] Result<u64> parse_size(std::string_view text);

}  // namespace koi::cli
