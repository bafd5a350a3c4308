// SPDX-License-Identifier: GPL-2.0-only
#include "cli/verdict.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "observe/journal.h"
#include "runtime/checks/guard.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/leaks.h"
#include "runtime/memory/memory.h"

namespace koi::cli {
namespace {

using observe::EventKind;
using runtime::TaskEnd;

constexpr size_t kMostLeaksNamed = 5;

std::string how_it_ended(const TaskEnd& end) {
  switch (end.how) {
    case TaskEnd::How::kKilled:
      return "its task was killed by an oops";
    case TaskEnd::How::kSignalled:
      return fmt::format("its process was killed by signal {}", end.value);
    case TaskEnd::How::kNeverEnds:
      return "it waits for something that nothing will ever bring";
    case TaskEnd::How::kPanicked:
      return "the kernel panicked";
    case TaskEnd::How::kTimedOut:
      return "the time limit ended the run";
    case TaskEnd::How::kReturned:
      break;
  }
  return fmt::format("it returned {} ({})", end.value, std::strerror(-end.value));
}

std::string counted(u64 count, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", count, count == 1 ? singular : plural);
}

// What calls of modules asked for; the core's own allocations have no site.
observe::SiteTotals module_totals(runtime::Kernel& kernel) {
  const observe::AllocationSites& sites = kernel.memory().accounting().sites();
  observe::SiteTotals sum;
  for (observe::SiteNumber n = 1; n < sites.end(); ++n) {
    const observe::SiteTotals one = sites.totals(n);
    sum.calls += one.calls;
    sum.requested_bytes += one.requested_bytes;
    sum.actual_bytes += one.actual_bytes;
  }
  return sum;
}

std::string leaks_text(runtime::Kernel& kernel, const std::vector<runtime::LeakedSite>& leaks) {
  std::string text;
  for (size_t i = 0; i < std::min(leaks.size(), kMostLeaksNamed); ++i)
    text += fmt::format(". Leaked: {}", runtime::leak_text(kernel, leaks[i]));
  if (leaks.size() > kMostLeaksNamed)
    text += fmt::format(" and {} more sites", leaks.size() - kMostLeaksNamed);
  return text;
}

}  // namespace

void RunOutcome::note_failed_load(runtime::Kernel& kernel, const std::string& path, const TaskEnd& end,
                                  bool stuck) {
  if (end.how == TaskEnd::How::kReturned) {
    const bool init_failed = kernel.journal().count(EventKind::kModuleRefused) != 0;
    (init_failed ? module_error_ : load_error_) = true;
    remarks_.push_back(init_failed ? fmt::format("{}: init failed: {}", path, how_it_ended(end))
                                   : fmt::format("{}: not loaded", path));
    return;
  }
  remarks_.push_back(fmt::format("{}: init did not return: {}{}", path, how_it_ended(end),
                                 stuck ? "; the module is stuck: it cannot be unloaded" : ""));
  if (stuck) kernel.note(EventKind::kModuleStuck, path);
}

void RunOutcome::note_killed_loader(const std::string& path, const TaskEnd& end) {
  remarks_.push_back(fmt::format("{}: insmod did not live to see it loaded: {}", path, how_it_ended(end)));
}

void RunOutcome::note_failed_unload(const std::string& name, const TaskEnd& end) {
  remarks_.push_back(fmt::format("{}: not unloaded: {}", name, how_it_ended(end)));
}

Verdict RunOutcome::conclude(runtime::Kernel& kernel, const MachineOptions& options,
                             size_t modules_asked) const {
  const std::vector<runtime::LeakedSite> leaks = runtime::find_leaks(kernel);
  for (const runtime::LeakedSite& leak : leaks)
    kernel.note(EventKind::kLeak, runtime::leak_text(kernel, leak));
  const observe::Journal& journal = kernel.journal();
  const auto miscounted = kernel.memory().accounting().check_invariants();
  CHECK(!miscounted, "{}", miscounted.value_or(""));
  const u64 loaded = journal.count(EventKind::kModuleLoaded);
  const u64 warnings = journal.count(EventKind::kWarning);
  const u64 oopses = journal.count(EventKind::kOops) + journal.count(EventKind::kPanic);
  const u64 lock_findings = journal.count(EventKind::kLock);
  const u64 races = journal.count(EventKind::kRace);
  const u64 shared_lines = journal.count(EventKind::kFalseSharing);
  std::string text =
      fmt::format("koi: {} of {} loaded, {} unloaded; {:.6f} s of virtual time on {}; seed {}", loaded,
                  counted(modules_asked, "module", "modules"), journal.count(EventKind::kModuleUnloaded),
                  static_cast<double>(kernel.sched().now().value) / 1e9, counted(options.cpus, "CPU", "CPUs"),
                  options.seed);
  if (const observe::SiteTotals memory = module_totals(kernel); memory.calls != 0) {
    const u64 wasted = memory.actual_bytes - memory.requested_bytes;
    text += fmt::format(". Memory: {} asked for {} bytes, got {}, wasted {} ({}.{} %)",
                        counted(memory.calls, "allocation", "allocations"), memory.requested_bytes,
                        memory.actual_bytes, wasted, wasted * 100 / std::max<u64>(memory.actual_bytes, 1),
                        wasted * 1000 / std::max<u64>(memory.actual_bytes, 1) % 10);
  }
  text += fmt::format(". Findings: {}, {}", counted(warnings, "warning", "warnings"),
                      counted(oopses, "oops", "oopses"));
  if (const u64 lockups = journal.count(EventKind::kLockup) + journal.count(EventKind::kDeadlock);
      lockups != 0)
    text += ", " + counted(lockups, "lockup or stall", "lockups or stalls");
  if (lock_findings != 0) text += ", " + counted(lock_findings, "lock finding", "lock findings");
  if (const u64 errors = journal.count(EventKind::kMemory); errors != 0)
    text += ", " + counted(errors, "memory error", "memory errors");
  if (races != 0) text += ", " + counted(races, "data race", "data races");
  if (shared_lines != 0) text += ", " + counted(shared_lines, "falsely shared line", "falsely shared lines");
  if (!leaks.empty()) text += ", " + counted(leaks.size(), "leaking call site", "leaking call sites");
  text += leaks_text(kernel, leaks);
  for (const observe::Event& event : journal.events()) {
    if (event.kind == EventKind::kOomKill) text += ". " + std::string(event.text);
    if (event.kind == EventKind::kUnsupported) text += fmt::format(". Not supported: {}", event.text);
    if (event.kind == EventKind::kForcedPreemption)
      text += ". This run was preempted by force and does not replay exactly";
  }
  if (const runtime::Guard* const guard = kernel.guard(); guard != nullptr) {
    text += ". Guarded: " + counted(guard->guarded(), "object", "objects");
    if (guard->repeated() != 0) text += fmt::format("; {} more errors at the same places", guard->repeated());
    if (guard->unguarded() != 0) text += fmt::format("; {} could not be", guard->unguarded());
  }
  for (const std::string& remark : remarks_) text += ". " + remark;
  return {text + ".", exit_code(journal, options), remarks_};
}

ExitCode RunOutcome::exit_code(const observe::Journal& journal, const MachineOptions& options) const {
  const auto fails_on = [&](std::string_view kind) {
    return std::find(options.fail_on.begin(), options.fail_on.end(), kind) != options.fail_on.end();
  };
  if (load_error_) return ExitCode::kUnusable;
  if (module_error_) return ExitCode::kModuleError;
  const bool any = fails_on("any");
  const bool on_leak = any || fails_on("leak");
  const bool on_warning = on_leak || fails_on("warning");
  const bool on_lock = on_warning || fails_on("lock");
  const bool on_race = on_lock || fails_on("race");
  const bool on_oops = any || fails_on("oops") || on_race;
  const u64 fatal = journal.count(EventKind::kOops) + journal.count(EventKind::kPanic) +
                    journal.count(EventKind::kLockup) + journal.count(EventKind::kTimeout) +
                    journal.count(EventKind::kDeadlock) + journal.count(EventKind::kOomKill) +
                    journal.count(EventKind::kMemory);
  if ((on_leak && journal.count(EventKind::kLeak) != 0) || (on_oops && fatal != 0) ||
      (on_warning && journal.count(EventKind::kWarning) != 0) ||
      (on_lock && journal.count(EventKind::kLock) != 0) ||
      (on_race && journal.count(EventKind::kRace) != 0) ||
      (any && journal.count(EventKind::kFalseSharing) != 0))
    return ExitCode::kFinding;
  return ExitCode::kSuccess;
}

}  // namespace koi::cli
