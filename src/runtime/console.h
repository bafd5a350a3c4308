// SPDX-License-Identifier: GPL-2.0-only
// Console: the kernel log of this machine and what formats for it. Output to the user goes through a subscriber.
#pragma once

#include <string>
#include <string_view>

#include "engine/printk/environment.h"
#include "engine/printk/log.h"
#include "engine/printk/log_render.h"
#include "module/kernel_log.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

class Kernel;

class Console final : public printk::FormatHost, public module::KernelLog {
 public:
  explicit Console(Kernel& kernel);
  // The key of hashed pointers: see Kernel::apply_seed.
  void apply_seed(u64 seed);

  [[nodiscard]] printk::Log& log() { return *log_; }
  // Ready for one call: whether the caller is in an interrupt is filled in.
  [[nodiscard]] printk::FormatEnvironment& environment();

  // One record of the kernel's own, with a final newline added.
  void print(int level, std::string_view line) override;
  void print(const SplatText& lines);
  // Who stores now: time stamp and caller.
  [[nodiscard]] printk::LogCall call();

  // /proc/sys/kernel/printk: console, default, minimum and boot-time level.
  [[nodiscard]] std::string levels() const;

  // printk::FormatHost
  bool symbolise(u64 address, printk::Symbol& symbol) override;
  void warn_once(printk::FormatWarning kind, std::string_view text) override;
  void unsupported(std::string_view conversion) override;

 private:
  Kernel& kernel_;
  printk::Log* log_;
  printk::FormatEnvironment environment_;
  const bool* no_hash_pointers_ = nullptr;  // the core's variable, which modules may set
  runtime::Symbol symbol_;                  // what symbolise() gave last: its views point here
};

}  // namespace koi::runtime
