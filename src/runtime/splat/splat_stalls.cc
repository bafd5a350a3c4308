// SPDX-License-Identifier: GPL-2.0-only
// The splats of what does not get on: soft and hard lockups, RCU stalls, hung tasks.
#include <fmt/format.h>

#include "runtime/splat/splat_parts.h"

namespace koi::runtime {

using namespace splat_parts;

SplatText soft_lockup_splat(const SplatInput& input, u64 seconds, const Symbolizer& symbols) {
  const SplatContext& context = input.context;
  SplatText text;
  add(text, kEmergency,
      fmt::format("watchdog: BUG: soft lockup - CPU#{} stuck for {}s! [{}:{}]", context.cpu, seconds,
                  context.comm, context.pid));
  text.push_back(modules_line(context));
  append(text, input.before_end);
  append(text, register_dump(input, symbols));
  add_source(text, input, kDefault);
  return text;
}

SplatText hard_lockup_splat(const SplatInput& input, const Symbolizer& symbols) {
  const SplatContext& context = input.context;
  const bool newer = context.series == Release::k6_12;
  const std::string who = newer ? fmt::format("watchdog: CPU{}", context.cpu) : "NMI watchdog";
  SplatText text;
  add(text, kEmergency, fmt::format("{}: Watchdog detected hard LOCKUP on cpu {}", who, context.cpu));
  text.push_back(modules_line(context));
  append(text, input.before_end);
  append(text, register_dump(input, symbols));
  add_source(text, input, kDefault);
  return text;
}

SplatText rcu_stall_splat(const SplatInput& input, const RcuStall& stall, const Symbolizer& symbols) {
  const SplatContext& context = input.context;
  const bool newer = context.series == Release::k6_12;
  SplatText text;
  add(text, kError, "rcu: INFO: rcu_preempt self-detected stall on CPU");
  add(text, kError,
      fmt::format("rcu: \t{}-....: ({} ticks this GP) idle={:04x}/1/0x4000000000000000 softirq={}/{} fqs={}",
                  context.cpu, stall.ticks, stall.idle_count & 0xffff, stall.softirqs, stall.softirqs,
                  stall.scans));
  add(text, newer ? kError : kDefault,
      fmt::format("{}\t(t={} jiffies g={} q={} ncpus={})", newer ? "rcu: " : "", stall.jiffies,
                  stall.grace_period, stall.queued, stall.cpus));
  append(text, register_dump(input, symbols));
  add_source(text, input, kDefault);
  return text;
}

SplatText task_state_text(const SplatInput& input, const TaskState& task, const Symbolizer& symbols) {
  const bool newer = input.context.series == Release::k6_12;
  SplatText text;
  add(text, kInfo,
      fmt::format("task:{:<15.15} state:{}{} stack:{:<5} pid:{:<5} {}ppid:{:<6} flags:0x{:08x}", task.comm,
                  task.state, task.state == 'R' ? "  running task    " : "", task.stack_free, task.pid,
                  newer ? fmt::format("tgid:{:<5} ", task.tgid) : "", task.ppid, task.flags));
  if (!input.context.workqueue.empty()) add(text, kInfo, "Workqueue: " + input.context.workqueue);
  append(text, call_trace(input, symbols, kInfo));
  return text;
}

SplatText hung_task_splat(const SplatInput& input, const TaskState& task, u64 seconds,
                          const Symbolizer& symbols) {
  const SplatContext& context = input.context;
  SplatText text;
  add(text, kError,
      fmt::format("INFO: task {}:{} blocked for more than {} seconds.", task.comm, task.pid, seconds));
  add(text, kError,
      fmt::format("      {} {} {}{}", taint_string(context.taint), context.release, context.build,
                  context.package));
  add(text, kError, "\"echo 0 > /proc/sys/kernel/hung_task_timeout_secs\" disables this message.");
  append(text, task_state_text(input, task, symbols));
  add_source(text, input, kInfo);
  return text;
}

}  // namespace koi::runtime
