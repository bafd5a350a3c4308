// SPDX-License-Identifier: GPL-2.0-only
// HungTasks: khungtaskd (kernel/hung_task.c). A thread that looks now and then for tasks that have been in
// uninterruptible sleep since its last look but one, and for at least the timeout.
//
// Its timer does not keep the machine going; but when everything else waits for ever, it still gets its looks as long
// as it has something to say.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/sched/task.h"

namespace koi::runtime {

class Kernel;

class HungTasks {
 public:
  explicit HungTasks(Kernel& kernel) : kernel_(kernel) {}
  HungTasks(const HungTasks&) = delete;
  HungTasks& operator=(const HungTasks&) = delete;

  // Makes the thread. Once, after boot.
  void start();
  // A task is blocked for good that has not been reported.
  [[nodiscard]] bool wanted() const;

  // /proc/sys/kernel/hung_task_*: nullopt: no such file.
  [[nodiscard]] std::optional<std::string> read_setting(std::string_view name) const;
  // Errors: EINVAL.
  [[nodiscard]] std::optional<Status> write_setting(std::string_view name, std::string_view text);

 private:
  struct Settings {
    s64 timeout_s = 120;       // 0: off
    s64 check_interval_s = 0;  // 0: as long as the timeout
    s64 warnings = 10;         // -1: without end
    s64 panic = 0;
  };
  [[noreturn]] void run(sched::Task& thread);
  void sleep_until(sched::Task& thread, u64 time_ns);
  void look();
  void report(sched::Task& task);
  // Blocked in a sleep that no signal ends.
  [[nodiscard]] bool uninterruptible(const sched::Task& task) const;
  [[nodiscard]] bool silenced() const;
  [[nodiscard]] bool has_oopsed() const;
  [[nodiscard]] s64* setting(std::string_view name);
  [[nodiscard]] u64 period_ns() const;

  Kernel& kernel_;
  Settings settings_;
  sched::Task* thread_ = nullptr;
  u64 last_look_ns_ = 0;
  u64 sleep_timer_ = 0;  // 0: none
};

}  // namespace koi::runtime
