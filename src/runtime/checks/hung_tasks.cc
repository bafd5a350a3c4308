// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/hung_tasks.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/check.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

constexpr u64 kSecondNs = 1'000'000'000;
constexpr u32 kTaskInterruptible = 1;
constexpr u32 kTaskWakekill = 0x100;
constexpr u32 kTaskNoload = 0x400;
// What the reference machines had there (Debian, 2 CPUs).
constexpr s32 kPid61 = 30;
constexpr s32 kPid612 = 35;
// Thread flags of a program in a system call: what fput() left to do, and (6.12) registers that a switch has saved.
constexpr u64 kTifNotifyResume = 1U << 1;
constexpr u64 kTifNeedFpuLoad = 1U << 14;

}  // namespace

void HungTasks::start() {
  sched::Scheduler::NewTask wanted;
  wanted.comm = "khungtaskd";
  wanted.kind = sched::TaskKind::kKthread;
  wanted.pid = kernel_.is_6_12() ? kPid612 : kPid61;
  wanted.argument = this;
  wanted.asleep = true;
  wanted.entry = [](sched::Task& thread, void* self) { static_cast<HungTasks*>(self)->run(thread); };
  thread_ = kernel_.sched().create(wanted);
  CHECK(thread_ != nullptr, "no task for khungtaskd");
  thread_->context = static_cast<u8>(FrameContext::kKthread);
  kernel_.set_guest_state(*thread_, kTaskInterruptible);
  sleep_timer_ = kernel_.sched().add_background_timer(
      VirtualTime{period_ns()}, thread_->cpu,
      [](void* opaque) {
        auto* const self = static_cast<HungTasks*>(opaque);
        self->sleep_timer_ = 0;
        self->kernel_.sched().wake(*self->thread_);
      },
      this);
}

u64 HungTasks::period_ns() const {
  const s64 interval = settings_.check_interval_s == 0
                           ? settings_.timeout_s
                           : std::min(settings_.check_interval_s, settings_.timeout_s);
  return static_cast<u64>(interval) * kSecondNs;
}

void HungTasks::run(sched::Task& thread) {
  for (;;) {
    const u64 now = kernel_.sched().now().value;
    if (settings_.timeout_s == 0) {
      sleep_until(thread, 0);
    } else if (now < last_look_ns_ + period_ns()) {
      sleep_until(thread, last_look_ns_ + period_ns());
    } else {
      look();
      last_look_ns_ = now;
    }
  }
}

// 0: until somebody wakes it.
void HungTasks::sleep_until(sched::Task& thread, u64 time_ns) {
  kernel_.set_guest_state(thread, kTaskInterruptible);
  if (time_ns != 0) {
    sleep_timer_ = kernel_.sched().add_background_timer(
        VirtualTime{time_ns}, thread.cpu,
        [](void* opaque) {
          auto* const self = static_cast<HungTasks*>(opaque);
          self->sleep_timer_ = 0;
          self->kernel_.sched().wake(*self->thread_);
        },
        this);
  }
  kernel_.sched().schedule();
  if (sleep_timer_ != 0) static_cast<void>(kernel_.sched().cancel_timer(std::exchange(sleep_timer_, 0)));
}

bool HungTasks::uninterruptible(const sched::Task& task) const {
  if (task.state != sched::RunState::kBlocked || task.switches == 0) return false;
  const u32 state = kernel_.guest_state(task);
  return (state & Kernel::kTaskUninterruptible) != 0 && (state & (kTaskWakekill | kTaskNoload)) == 0;
}

// Then all bets are off.
bool HungTasks::has_oopsed() const {
  return (kernel_.modules().taint().mask & module::taint_bit(module::Taint::kDie)) != 0;
}

bool HungTasks::silenced() const {
  return settings_.timeout_s == 0 || settings_.warnings == 0 || has_oopsed();
}

bool HungTasks::wanted() const {
  if (thread_ == nullptr || silenced()) return false;
  const auto& tasks = kernel_.sched().tasks();
  return std::any_of(tasks.begin(), tasks.end(), [this](const sched::Task* task) {
    return uninterruptible(*task) && !(task->hung_shown && task->seen_switches == task->switches);
  });
}

void HungTasks::look() {
  if (has_oopsed()) return;
  const u64 now = kernel_.sched().now().value;
  bool show_locks = false;
  // A report may block nothing, but it may end the machine: the list stays as it is meanwhile.
  for (size_t i = 0; i < kernel_.sched().tasks().size(); ++i) {
    sched::Task& task = *kernel_.sched().tasks()[i];
    if (!uninterruptible(task)) continue;
    if (task.seen_switches != task.switches) {
      task.seen_switches = task.switches;
      task.seen_since_ns = now;
      task.hung_shown = false;
    } else if (now >= task.seen_since_ns + static_cast<u64>(settings_.timeout_s) * kSecondNs) {
      show_locks = settings_.warnings != 0 || show_locks;
      report(task);
    }
  }
  if (show_locks) kernel_.locks().show_all_held();
}

void HungTasks::report(sched::Task& task) {
  const bool shown = settings_.warnings != 0;
  if (settings_.warnings > 0) --settings_.warnings;
  task.hung_shown = true;
  if (shown) {
    const bool user = task.kind == sched::TaskKind::kUser;
    TaskState state;
    state.comm = task.comm;
    state.pid = state.tgid = task.pid;
    state.ppid = user ? 1 : 2;
    state.flags = !user               ? kTifNeedFpuLoad
                  : kernel_.is_6_12() ? kTifNotifyResume | kTifNeedFpuLoad
                                      : kTifNotifyResume;
    const u64 blocked_s = (kernel_.sched().now().value - task.seen_since_ns) / kSecondNs;
    const SplatText text =
        hung_task_splat(kernel_.traps().input_of_blocked(task), state, blocked_s, kernel_.traps().symbols());
    kernel_.console().print(text);
    kernel_.note(observe::EventKind::kLockup, text.front().text);
  }
  if (settings_.panic != 0) kernel_.traps().panic("hung_task: blocked tasks");
}

// ---- /proc/sys/kernel ----

s64* HungTasks::setting(std::string_view name) {
  if (name == "hung_task_timeout_secs") return &settings_.timeout_s;
  if (name == "hung_task_check_interval_secs") return &settings_.check_interval_s;
  if (name == "hung_task_warnings") return &settings_.warnings;
  if (name == "hung_task_panic") return &settings_.panic;
  return nullptr;
}

std::optional<std::string> HungTasks::read_setting(std::string_view name) const {
  const s64* const value = const_cast<HungTasks*>(this)->setting(name);
  if (value == nullptr) return std::nullopt;
  return fmt::format("{}\n", *value);
}

std::optional<Status> HungTasks::write_setting(std::string_view name, std::string_view text) {
  s64* const value = setting(name);
  if (value == nullptr) return std::nullopt;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  s64 number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const s64 least = value == &settings_.warnings ? -1 : 0;
  constexpr s64 kMost = 0x7fff'ffff;
  const s64 most = value == &settings_.panic ? 1 : kMost;
  if (error != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return Status(make_errno(EINVAL, "{}: Invalid argument", name));
  }
  *value = number;
  if (thread_ != nullptr && thread_->state == sched::RunState::kBlocked) kernel_.sched().wake(*thread_);
  return Status(Ok{});
}

}  // namespace koi::runtime
