// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/lock_reports.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "host/crossing.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using namespace splat_parts;
using lockdep::ClassId;
using lockdep::HeldLock;
using lockdep::HeldStack;
using lockdep::LockClass;
using lockdep::Problem;
using lockdep::ProblemKind;

void line(SplatText& text, std::string words) { add(text, kDefault, std::move(words)); }

const char* irq_name(u8 bit) { return (bit & lockdep::kUsageState) != 0 ? "SOFTIRQ" : "HARDIRQ"; }

}  // namespace

// ---- names ----

std::string LockReports::name(ClassId id) const {
  const LockClass& c = checks_.validator_.graph().at(id);
  return c.version > 1 ? fmt::format("{}#{}", std::string_view(c.name), c.version) : std::string(c.name);
}

std::string LockReports::full_name(ClassId id) const {
  const LockClass& c = checks_.validator_.graph().at(id);
  return fmt::format("({}){{{}}}-{{{}:{}}}", name(id), lockdep::usage_characters(c.usage).data(),
                     static_cast<u32>(lockdep::outer_wait_type(c.kind)),
                     static_cast<u32>(lockdep::inner_wait_type(c.kind)));
}

std::string LockReports::held_line(const HeldLock& lock) const {
  return fmt::format("{:016x} {}, at: {}", lock.lock, full_name(lock.class_id), place(lock.ip));
}

// The core's functions stand for the kernel's.
std::string LockReports::place(u64 ip) const {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames = {{
      {"koi_run_work", "process_one_work"},
      {"koi_call_timer", "call_timer_fn"},
      {"koi_flush", "__flush_work"},
      {"koi_wq_touch", "__flush_workqueue"},
      {"koi_delete_sync", "__timer_delete_sync"},
  }};
  const Symbolizer& symbols = kernel_.traps().symbols();
  const auto symbol = symbols.lookup(ip);
  if (!symbol || !symbol->module.empty()) return symbol_text(symbols, ip);
  const std::string_view core = std::string_view(symbol->name);
  for (const auto& [own, name] : kNames) {
    if (core.substr(0, core.find('.')) == own)
      return symbol_text(symbols, kernel_.name_address(name) + kFrameOffset);
  }
  return symbol_text(symbols, ip);
}

std::string LockReports::task() const {
  const sched::Task* const current = kernel_.sched().current();
  return fmt::format("{}/{}", current->name(), current->pid);
}

std::string LockReports::task_with_context() const {
  using namespace preempt_count;
  const auto count = static_cast<u32>(kernel_.preempt_count());
  const bool hard = (count & kHardirqMask) != 0;
  const bool soft = (count & kSoftirqServing) != 0;
  return fmt::format("{} [HC{}[{}]:SC{}[{}]:HE{}:SE{}]", task(), hard ? 1 : 0,
                     (count & kHardirqMask) >> kHardirqShift, soft ? 1 : 0,
                     (count & kSoftirqMask) >> kSoftirqShift, host::gs_area()->interrupt_flag != 0 ? 1 : 0,
                     (count & kSoftirqMask) == 0 ? 1 : 0);
}

// ---- parts ----

void LockReports::banner(SplatText& text, std::string_view title, char rule, u64 width,
                         std::string_view below) const {
  const SplatContext context = kernel_.traps().splat_context();
  line(text, "");
  line(text, std::string(width, rule));
  line(text, std::string(title));
  line(text, fmt::format("{} {} {}", context.release, context.build, taint_string(context.taint)));
  line(text, std::string(width, '-'));
  if (!below.empty()) line(text, std::string(below));
}

void LockReports::banner(SplatText& text, std::string_view title) const {
  banner(text, title, '=', title.size(), {});
}

SplatText LockReports::held_locks(const HeldStack& stack) const {
  SplatText text;
  if (stack.depth == 0) {
    line(text, fmt::format("no locks held by {}.", task()));
    return text;
  }
  held_by(text, stack, task());
  return text;
}

void LockReports::held_by(SplatText& text, const HeldStack& stack, const std::string& who) const {
  line(text, fmt::format("{} lock{} held by {}:", stack.depth, stack.depth > 1 ? "s" : "", who));
  for (u32 i = 0; i < stack.depth; ++i) line(text, fmt::format(" #{}: {}", i, held_line(stack.held[i])));
}

SplatText LockReports::all_held_locks() const {
  SplatText text;
  line(text, "");
  line(text, "Showing all locks held in the system:");
  const sched::Task* const current = kernel_.sched().current();
  for (const sched::Task* const task : kernel_.sched().tasks()) {
    const auto& stack = *static_cast<const HeldStack*>(task->held_locks);
    if (stack.depth == 0) continue;
    const std::string who = fmt::format("{}/{}", task->name(), task->pid);
    if (task == current || task->state == sched::RunState::kBlocked) {
      held_by(text, stack, who);
    } else {
      // The list of a task that runs may change while it is read.
      line(text, fmt::format("{} lock{} held by {}:", stack.depth, stack.depth > 1 ? "s" : "", who));
    }
  }
  line(text, "");
  line(text, "=============================================");
  line(text, "");
  return text;
}

// `frames`: what the kernel calls between the dump and the lock function; `skipped`: that function's own frame is not there.
void LockReports::stack_backtrace(SplatText& text, std::string_view frames, std::string_view skipped) const {
  const std::string_view reclaim = checks_.in_reclaim_ ? " fs_reclaim_acquire" : "";
  append(text, kernel_.traps().lock_stack_dump(fmt::format("{}{}", frames, reclaim), skipped));
}

void LockReports::closing(SplatText& text, const HeldStack& stack, std::string_view frames) const {
  append(text, held_locks(stack));
  line(text, "");
  line(text, "stack backtrace:");
  stack_backtrace(text, frames);
}

void LockReports::trace(SplatText& text, lockdep::TraceId id, u64 indent, std::string_view frames) const {
  const std::string blanks(indent + 1, ' ');
  const auto one = [&](u64 address) { line(text, blanks + symbol_text(kernel_.traps().symbols(), address)); };
  while (!frames.empty()) {
    const size_t blank = frames.find(' ');
    one(kernel_.name_address(frames.substr(0, blank)) + kFrameOffset);
    frames = blank == std::string_view::npos ? std::string_view() : frames.substr(blank + 1);
  }
  for (const u64 address : checks_.traces_[id]) one(address);
}

// The states of a class, each with the trace of how it got there.
void LockReports::class_details(SplatText& text, ClassId id) const {
  const LockClass& c = checks_.validator_.graph().at(id);
  line(text, fmt::format("-> {} {{", full_name(id)));
  for (u8 bit = 0; bit < lockdep::kUsageBits; ++bit) {
    if ((c.usage & lockdep::mask_of(bit)) == 0) continue;
    const std::string head = fmt::format("   {} at:", lockdep::usage_name(bit));
    line(text, head);
    trace(text, c.usage_traces[bit], head.size(), "lock_acquire");
  }
  line(text, " }");
  line(text, fmt::format(" ... key      at: [<{:016x}>] {}", c.key.a,
                         symbol_text(kernel_.traps().symbols(), c.key.a)));
}

namespace {

void scenario_head(SplatText& text, std::string_view title, bool two) {
  line(text, std::string(title));
  line(text, "");
  line(text, two ? "       CPU0                    CPU1" : "       CPU0");
  line(text, two ? "       ----                    ----" : "       ----");
}

void scenario_end(SplatText& text) {
  line(text, "");
  line(text, " *** DEADLOCK ***");
  line(text, "");
}

// lockdep's print_irqtrace_events: koi does not count switches of the interrupt flag, so that none was recorded.
void irq_events(SplatText& text) {
  line(text, "irq event stamp: 0");
  for (const char* const what : {"hardirqs last  enabled", "hardirqs last disabled", "softirqs last  enabled",
                                 "softirqs last disabled"})
    line(text, fmt::format("{} at (0): [<{:016x}>] 0x0", what, 0));
}

}  // namespace

SplatText LockReports::describe(const HeldStack& stack, bool interrupts_off) const {
  SplatText text = held_locks(stack);
  if (interrupts_off) irq_events(text);
  return text;
}

void LockReports::irq_scenario(SplatText& text, ClassId safe, ClassId previous, ClassId next,
                               ClassId unsafe) const {
  const ClassId middle = previous != safe ? previous : next;
  if (middle != unsafe) {
    line(text, "Chain exists of:");
    line(text, fmt::format("  {} --> {} --> {}", name(safe), name(middle), name(unsafe)));
    line(text, "");
  }
  scenario_head(text, " Possible interrupt unsafe locking scenario:", true);
  line(text, fmt::format("  lock({});", name(unsafe)));
  line(text, "                               local_irq_disable();");
  line(text, fmt::format("                               lock({});", name(safe)));
  line(text, fmt::format("                               lock({});", name(middle)));
  line(text, "  <Interrupt>");
  line(text, fmt::format("    lock({});", name(safe)));
  scenario_end(text);
}

// ---- the reports ----

void LockReports::print(const HeldStack& stack, const Problem& problem) {
  SplatText text;
  switch (problem.kind) {
    case ProblemKind::kRecursion:
      recursion(text, problem);
      closing(text, stack, "dump_stack_lvl __lock_acquire lock_acquire");
      break;
    case ProblemKind::kCircular:
      circular(text, problem);
      closing(text, stack, "dump_stack_lvl check_noncircular __lock_acquire lock_acquire");
      break;
    case ProblemKind::kInconsistentState:
      inconsistent(text, stack, problem);
      break;
    case ProblemKind::kIrqInversion:
      inversion(text, stack, problem);
      break;
    case ProblemKind::kIrqDependency:
      irq_dependency(text, stack, problem);
      break;
    case ProblemKind::kWaitContext:
      wait_context(text, stack, problem);
      break;
    case ProblemKind::kUnlockBalance:
      unlock_balance(text, stack, problem);
      break;
  }
  kernel_.console().print(text);
  checks_.note(text[2].text);
}

void LockReports::recursion(SplatText& text, const Problem& p) const {
  banner(text, "WARNING: possible recursive locking detected", '=', 44, {});
  line(text, fmt::format("{} is trying to acquire lock:", task()));
  line(text, held_line(p.next));
  line(text, "");
  line(text, "but task is already holding lock:");
  line(text, held_line(*p.previous));
  line(text, "");
  line(text, "other info that might help us debug this:");
  scenario_head(text, " Possible unsafe locking scenario:", false);
  line(text, fmt::format("  lock({});", name(p.previous->class_id)));
  line(text, fmt::format("  lock({});", name(p.next.class_id)));
  scenario_end(text);
  line(text, " May be due to missing lock nesting notation");
  line(text, "");
}

void LockReports::circular(SplatText& text, const Problem& p) const {
  banner(text, "WARNING: possible circular locking dependency detected", '=', 54, {});
  line(text, fmt::format("{} is trying to acquire lock:", task()));
  line(text, held_line(p.next));
  line(text, "");
  line(text, "but task is already holding lock:");
  line(text, held_line(*p.previous));
  line(text, "");
  line(text, "which lock already depends on the new lock.");
  line(text, "");
  line(text, "");
  line(text, "the existing dependency chain (in reverse order) is:");
  for (size_t i = p.path.size(); i-- > 0;) {
    line(text, "");
    line(text, fmt::format("-> #{} {}:", i, full_name(p.path[i].class_id)));
    if (i == 0) {
      trace(text, p.trace, 6, "__lock_acquire lock_acquire");
    } else {
      trace(text, p.path[i].trace, 6, {});
    }
  }
  line(text, "");
  line(text, "other info that might help us debug this:");
  line(text, "");
  const ClassId source = p.path.front().class_id;
  const ClassId target = p.path.back().class_id;
  const ClassId parent = p.path[p.path.size() - 2].class_id;
  if (parent != source) {
    line(text, "Chain exists of:");
    line(text, fmt::format("  {} --> {} --> {}", name(source), name(parent), name(target)));
    line(text, "");
  }
  scenario_head(text, " Possible unsafe locking scenario:", true);
  line(text, fmt::format("  {}({});", p.previous->read() != 0 ? "rlock" : "lock", name(target)));
  line(text, fmt::format("                               lock({});", name(parent)));
  line(text, fmt::format("                               lock({});", name(target)));
  line(text, fmt::format("  {}({});", p.next.read() != 0 ? "rlock" : "lock", name(source)));
  scenario_end(text);
}

void LockReports::inconsistent(SplatText& text, const HeldStack& stack, const Problem& p) const {
  banner(text, "WARNING: inconsistent lock state", '=', 32, {});
  line(text, fmt::format("inconsistent {{{}}} -> {{{}}} usage.", lockdep::usage_name(p.old_bit),
                         lockdep::usage_name(p.new_bit)));
  line(text, fmt::format("{} takes:", task_with_context()));
  line(text, held_line(p.next));
  line(text, fmt::format("{{{}}} state was registered at:", lockdep::usage_name(p.old_bit)));
  trace(text, checks_.validator_.graph().at(p.next.class_id).usage_traces[p.old_bit], 1, "lock_acquire");
  irq_events(text);
  line(text, "");
  line(text, "other info that might help us debug this:");
  scenario_head(text, " Possible unsafe locking scenario:", false);
  line(text, fmt::format("  lock({});", name(p.next.class_id)));
  line(text, "  <Interrupt>");
  line(text, fmt::format("    lock({});", name(p.next.class_id)));
  scenario_end(text);
  closing(text, stack, "dump_stack_lvl mark_lock.cold __lock_acquire lock_acquire");
}

void LockReports::inversion(SplatText& text, const HeldStack& stack, const Problem& p) const {
  const bool forwards = (p.new_bit & lockdep::kUsageDirection) == 0;
  const ClassId root = p.next.class_id;
  const ClassId other = p.path.back().class_id;
  banner(text, "WARNING: possible irq lock inversion dependency detected", '=', 56, {});
  line(text, fmt::format("{} just changed the state of lock:", task()));
  line(text, held_line(p.next));
  line(text, forwards
                 ? fmt::format("but this lock took another, {}-unsafe lock in the past:", irq_name(p.new_bit))
                 : fmt::format("but this lock was taken by another, {}-safe lock in the past:",
                               irq_name(p.new_bit)));
  line(text, fmt::format(" {}", full_name(other)));
  line(text, "");
  line(text, "");
  line(text, "and interrupts could create inverse lock ordering between them.");
  line(text, "");
  line(text, "");
  line(text, "other info that might help us debug this:");
  const ClassId middle = p.path.size() > 2 ? p.path[1].class_id : root;
  if (forwards) {
    irq_scenario(text, root, middle, other, other);
  } else {
    irq_scenario(text, other, p.path.size() > 2 ? p.path[p.path.size() - 2].class_id : other, root, root);
  }
  append(text, held_locks(stack));
  line(text, "");
  line(text, "the shortest dependencies between 2nd lock and 1st lock:");
  dependencies(text, p.path, p.trace);
  line(text, "");
  line(text, "stack backtrace:");
  stack_backtrace(text, "dump_stack_lvl mark_lock.cold __lock_acquire lock_acquire");
}

void LockReports::dependencies(SplatText& text, const lockdep::Path& path, lockdep::TraceId newest) const {
  for (size_t i = path.size(); i-- > 0;) {
    class_details(text, path[i].class_id);
    line(text, " ... acquired at:");
    trace(text, i == 0 ? newest : path[i].trace, 2, i == 0 ? "lock_acquire" : "");
    line(text, "");
  }
}

void LockReports::irq_dependency(SplatText& text, const HeldStack& stack, const Problem& p) const {
  const char* const irq = irq_name(p.old_bit);
  const lockdep::DependencyGraph& graph = checks_.validator_.graph();
  const ClassId safe = p.path.back().class_id;
  const ClassId unsafe = p.forward.back().class_id;
  banner(text, fmt::format("WARNING: {0}-safe -> {0}-unsafe lock order detected", irq), '=', 53, {});
  line(text, fmt::format("{} is trying to acquire:", task_with_context()));
  line(text, held_line(p.next));
  line(text, "");
  line(text, "and this task is already holding:");
  line(text, held_line(*p.previous));
  line(text, "which would create a new lock dependency:");
  line(text, fmt::format(" {} -> {}", full_name(p.previous->class_id), full_name(p.next.class_id)));
  line(text, "");
  line(text, fmt::format("but this new dependency connects a {}-irq-safe lock:", irq));
  line(text, fmt::format(" {}", full_name(safe)));
  line(text, "");
  line(text, fmt::format("... which became {}-irq-safe at:", irq));
  trace(text, graph.at(safe).usage_traces[p.old_bit], 1, "lock_acquire");
  line(text, "");
  line(text, fmt::format("to a {}-irq-unsafe lock:", irq));
  line(text, fmt::format(" {}", full_name(unsafe)));
  line(text, "");
  line(text, fmt::format("... which became {}-irq-unsafe at:", irq));
  line(text, "...");
  trace(text, graph.at(unsafe).usage_traces[p.new_bit], 1, "lock_acquire");
  line(text, "");
  line(text, "other info that might help us debug this:");
  line(text, "");
  irq_scenario(text, safe, p.previous->class_id, p.next.class_id, unsafe);
  append(text, held_locks(stack));
  line(text, "");
  line(text, fmt::format("the dependencies between {}-irq-safe lock and the holding lock:", irq));
  for (size_t i = p.path.size(); i-- > 0;) {
    class_details(text, p.path[i].class_id);
    if (i != p.path.size() - 1 || p.path.size() > 1) {
      line(text, " ... acquired at:");
      trace(text, p.path[i].trace, 2, {});
    }
    line(text, "");
  }
  line(text, "the dependencies between the lock to be acquired");
  line(text, fmt::format(" and {}-irq-unsafe lock:", irq));
  dependencies(text, p.forward, p.trace);
  line(text, "");
  line(text, "stack backtrace:");
  stack_backtrace(text, "dump_stack_lvl check_irq_usage.cold __lock_acquire lock_acquire");
}

void LockReports::wait_context(SplatText& text, const HeldStack& stack, const Problem& p) const {
  banner(text, "[ BUG: Invalid wait context ]", '=', 29, {});
  line(text, fmt::format("{} is trying to lock:", task()));
  line(text, held_line(p.next));
  line(text, "other info that might help us debug this:");
  line(text, fmt::format("context-{{{0}:{0}}}", static_cast<u32>(p.context)));
  append(text, held_locks(stack));
  line(text, "stack backtrace:");
  stack_backtrace(text, "dump_stack_lvl __lock_acquire.cold lock_acquire");
}

void LockReports::suspicious_rcu(const HeldStack& stack, std::string_view place) {
  SplatText text;
  banner(text, "WARNING: suspicious RCU usage", '=', 29, place);
  line(text, "");
  line(text, "other info that might help us debug this:");
  line(text, "");
  line(text, "");
  line(text, "rcu_scheduler_active = 2, debug_locks = 1");
  closing(text, stack, "dump_stack_lvl lockdep_rcu_suspicious.cold");
  kernel_.console().print(text);
  checks_.note(text[2].text);
}

void LockReports::unlock_balance(SplatText& text, const HeldStack& stack, const Problem& p) const {
  banner(text, "WARNING: bad unlock balance detected!", '=', 37, {});
  line(text, fmt::format("{} is trying to release lock ({}) at:", task(), name(p.next.class_id)));
  line(text, fmt::format("[<{:016x}>] {}", p.next.ip, place(p.next.ip)));
  line(text, "but there are no more locks to release!");
  line(text, "");
  line(text, "other info that might help us debug this:");
  closing(text, stack, "dump_stack_lvl lock_release.cold");
}

void LockReports::held_lock_freed(const HeldStack& stack, u32 index, u64 first, u64 last) {
  SplatText text;
  banner(text, "WARNING: held lock freed!");
  line(text, fmt::format("{} is freeing memory {:016x}-{:016x}, with a lock still held there!", task(), first,
                         last));
  line(text, held_line(stack.held[index]));
  closing(text, stack, "dump_stack_lvl debug_check_no_locks_freed.cold");
  kernel_.console().print(text);
  checks_.note(text[2].text);
}

void LockReports::held_in_user_space(const HeldStack& stack) {
  SplatText text;
  banner(text, "WARNING: lock held when returning to user space!");
  line(text, fmt::format("{} is leaving the kernel with locks still held!", task()));
  append(text, held_locks(stack));
  kernel_.console().print(text);
  checks_.note(text[2].text);
}

void LockReports::held_at_exit(const HeldStack& stack) {
  SplatText text;
  banner(text, fmt::format("WARNING: {} still has locks held!", task()), '=', 36, {});
  closing(text, stack, "dump_stack_lvl do_exit");
  kernel_.console().print(text);
  checks_.note(text[2].text);
}

}  // namespace koi::runtime
