// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/oom.h"

#include <vector>

#include "engine/mm/oom.h"
#include "host/address_map.h"
#include "kapi/page_calls.h"
#include "runtime/console.h"
#include "runtime/memory/memcg.h"
#include "runtime/memory/oom_victims.h"
#include "runtime/memory/vm_events.h"

namespace koi::kapi {
namespace {

using mm::Gfp;
using runtime::FrameEvent;
using runtime::OomVictims;
using sched::Task;

constexpr u64 kVictimNs = 4'000'000;           // a tick
constexpr u64 kReaperDelayNs = 2'000'000'000;  // OOM_REAPER_DELAY

// struct koi_oom_facts of kernel/mm/oom.c.
struct Facts {
  s64 unkillable, killed, oom_score_adj, uid, tgid;
  u64 total_vm, rss_anon, rss_file, rss_shmem, swap, page_table_bytes;
  [[nodiscard]] u64 rss() const { return rss_anon + rss_file + rss_shmem; }
};

Facts facts_of(const Task& task) {
  Facts facts{};
  current().core().function<void(u64, Facts*)>("koi_oom_facts")(task.guest, &facts);
  return facts;
}

std::vector<Task*> living_tasks() {
  std::vector<Task*> tasks;
  for (Task* const task : current().sched().tasks()) {
    if (task->state != sched::RunState::kDead) tasks.push_back(task);
  }
  return tasks;
}

mm::OomChoice choose(const std::vector<Task*>& tasks, u64 total_pages) {
  const OomVictims& victims = memory().oom_victims();
  std::vector<mm::OomTask> candidates;
  for (const Task* const task : tasks) {
    const Facts facts = facts_of(*task);
    mm::OomTask candidate;
    candidate.pid = task->pid;
    candidate.unkillable = facts.unkillable != 0;
    candidate.victim = victims.is_victim(task->pid);
    candidate.reaped = victims.is_reaped(task->pid);
    candidate.oom_score_adj = static_cast<s32>(facts.oom_score_adj);
    candidate.rss = facts.rss();
    candidate.swap = facts.swap;
    candidate.page_table_pages = facts.page_table_bytes / host::kPageSize;
    candidates.push_back(candidate);
  }
  return mm::choose_oom_victim(candidates, total_pages);
}

// ---- the report ----

std::string task_line(const Task& task) {
  const Facts f = facts_of(task);
  const std::string rss =
      current().is_6_12() ? fmt::format("{:8} {:8} {:8} {:9}", f.rss(), f.rss_anon, f.rss_file, f.rss_shmem)
                          : fmt::format("{:8}", f.rss());
  return fmt::format("[{:7}] {:5} {:5} {:8} {} {:8} {:8}         {:5} {}", task.pid, f.uid, f.tgid,
                     f.total_vm, rss, f.page_table_bytes, f.swap, f.oom_score_adj, task.comm);
}

void show_tasks(const std::vector<Task*>& tasks) {
  print(6, "Tasks state (memory values in pages):");
  print(6,
        current().is_6_12()
            ? "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents "
              "oom_score_adj name"
            : "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
  for (const Task* const task : tasks) {
    if (facts_of(*task).unkillable == 0) print(6, task_line(*task));
  }
}

// Newest cache first, as the kernel's list is.
void show_unreclaimable_slabs() {
  const mm::SlabAllocator& slabs = memory().slabs();
  const std::vector<mm::Cache*> caches = slabs.caches();
  print(6, "Unreclaimable slab info:");
  print(6, "Name                      Used          Total");
  for (auto cache = caches.rbegin(); cache != caches.rend(); ++cache) {
    if (((*cache)->flags() & mm::slab_flag::kReclaimAccount) != 0) continue;
    const mm::SlabInfo info = slabs.slab_info(*cache);
    if (info.objects == 0) continue;
    const u64 size = (*cache)->geometry().size;
    print(6, fmt::format("{:<17} {:10}KB {:10}KB", (*cache)->name(), info.active_objects * size / 1024,
                         info.objects * size / 1024));
  }
}

void show_group(const mm::Memcg& group) {
  print(6, fmt::format("memory: usage {}kB, limit {}kB, failcnt {}", group.usage() * kKbPerPage,
                       group.limit() * kKbPerPage, group.failures()));
  print(6, fmt::format("swap: usage 0kB, limit {}kB, failcnt 0", mm::Memcg::kNoLimit * kKbPerPage));
  print(6, "Memory cgroup stats for /koi:");
  const std::string text = group.stat_text();
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    print(6, text.substr(at, end - at));
    at = end + 1;
  }
}

void show_invocation(u32 order, Gfp gfp) {
  const u32 flags = gfp;
  const Task& self = *current().sched().current();
  print(4,
        fmt::format("{} invoked oom-killer: gfp_mask={:#x}({}), order={}, oom_score_adj={}", self.comm, gfp,
                    kernel_text("%pGg", {guest::address_of(&flags)}), order, facts_of(self).oom_score_adj));
}

void dump_header(u32 order, Gfp gfp, const std::vector<Task*>& tasks, FrameEvent event) {
  show_invocation(order, gfp);
  current().traps().dump_stack(4, event);
  show_memory();
  // There is no page cache: whatever slab there is outweighs it.
  if (unreclaimable_slab_pages() != 0) show_unreclaimable_slabs();
  show_tasks(tasks);
}

void dump_group_header(const mm::Memcg& group, u32 order, Gfp gfp, const std::vector<Task*>& tasks) {
  show_invocation(order, gfp);
  current().traps().dump_stack(4);
  show_group(group);
  show_tasks(tasks);
}

// ---- the victim ----

// What the task has of user memory is gone after two seconds, whether it is or not: the OOM killer may go on.
void reap(void* pid_as_pointer) {
  const auto pid = static_cast<s32>(reinterpret_cast<u64>(pid_as_pointer));
  const Task* const task = current().sched().find(pid);
  if (task == nullptr || task->state == sched::RunState::kDead) return;
  memory().oom_victims().set_reaped(pid);
  const Facts f = facts_of(*task);
  print(6, fmt::format("oom_reaper: reaped process {} ({}), now anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB",
                       pid, task->comm, f.rss_anon * kKbPerPage, f.rss_file * kKbPerPage,
                       f.rss_shmem * kKbPerPage));
}

void kill(Task& victim) {
  runtime::Kernel& kernel = current();
  memory().oom_victims().add(victim.pid);
  host::upcall(kernel.core().address_of("koi_oom_kill"), victim.guest);
  kernel.sched().add_timer(VirtualTime{kernel.sched().now().value + kReaperDelayNs}, victim.cpu, reap,
                           reinterpret_cast<void*>(static_cast<u64>(victim.pid)));
}

// "global_oom", or the group whose limit was met; and the victim's group.
std::string group_names(const mm::Memcg* group) {
  if (memory().facts().memcg == 0) return "";
  const std::string_view tasks = runtime::memcg() != nullptr ? "/koi" : "/";
  return fmt::format(",{},task_memcg={}", group != nullptr ? "oom_memcg=/koi" : "global_oom", tasks);
}

// `group`: whose limit was met; nullptr: the machine's memory is out.
void kill_and_say_so(const mm::Memcg* group, Task& victim, u32 order, Gfp gfp,
                     const std::vector<Task*>& tasks) {
  if (memory().oom_reports().admits(current().sched().now().value)) {
    if (group != nullptr)
      dump_group_header(*group, order, gfp, tasks);
    else
      dump_header(order, gfp, tasks, FrameEvent::kOomKill);
    const Facts f = facts_of(victim);
    print(6, fmt::format("oom-kill:constraint={},nodemask=(null),cpuset=/,mems_allowed={}{},"
                         "task={},pid={},uid={}",
                         group != nullptr ? "CONSTRAINT_MEMCG" : "CONSTRAINT_NONE", all_nodes(),
                         group_names(group), victim.comm, victim.pid, f.uid));
  }
  const Facts f = facts_of(victim);
  const std::string text = fmt::format("{}: Killed process {} ({})",
                                       group != nullptr ? "Memory cgroup out of memory" : "Out of memory",
                                       victim.pid, victim.comm);
  kill(victim);
  print(3, fmt::format("{} total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB, UID:{} pgtables:{}kB "
                       "oom_score_adj:{}",
                       text, f.total_vm * kKbPerPage, f.rss_anon * kKbPerPage, f.rss_file * kKbPerPage,
                       f.rss_shmem * kKbPerPage, f.uid, f.page_table_bytes / 1024, f.oom_score_adj));
  ++runtime::vm_event(current(), runtime::VmEvent::kOomKill);
  if (runtime::memcg() != nullptr) runtime::memcg()->note(mm::Memcg::Event::kOomKill);
  current().note(observe::EventKind::kOomKill, text);
}

}  // namespace

bool current_is_oom_victim() { return memory().oom_victims().is_victim(current().sched().current()->pid); }

bool current_is_reaped() { return memory().oom_victims().is_reaped(current().sched().current()->pid); }

bool current_is_dying() {
  return current_is_oom_victim() || facts_of(*current().sched().current()).killed != 0;
}

bool current_has_fatal_signal() {
  runtime::Kernel& kernel = current();
  return kernel.core().function<int(u64)>("koi_fatal_signal")(kernel.sched().current()->guest) != 0;
}

OomResult out_of_memory(u32 order, Gfp gfp) {
  runtime::Kernel& kernel = current();
  Task& self = *kernel.sched().current();
  OomVictims& victims = memory().oom_victims();
  // Who dies anyway need not be chosen.
  const Facts own = facts_of(self);
  if (own.unkillable == 0 && own.killed != 0 && !victims.is_reaped(self.pid)) {
    if (!victims.is_victim(self.pid)) kill(self);
    return OomResult::kKilledCurrent;
  }
  // Without __GFP_FS reclaim could do little, so that little says that memory is really gone.
  if ((gfp & memory().pages().gfp().fs) == 0) return OomResult::kWait;
  const std::vector<Task*> tasks = living_tasks();
  const mm::OomChoice choice = choose(tasks, memory().pages().managed_pages());
  switch (choice.verdict) {
    case mm::OomVerdict::kWait:
      return OomResult::kWait;
    case mm::OomVerdict::kNobody:
      dump_header(order, gfp, tasks, FrameEvent::kOomNobody);
      print(4, "Out of memory and no killable processes...");
      kernel.traps().panic("System is deadlocked on memory", FrameEvent::kOomPanic);
    case mm::OomVerdict::kKill:
      break;
  }
  Task& victim = *tasks[choice.index];
  kill_and_say_so(nullptr, victim, order, gfp, tasks);
  return &victim == &self ? OomResult::kKilledCurrent : OomResult::kWait;
}

bool memcg_out_of_memory(mm::Memcg& group, u32 order, Gfp gfp) {
  if (group.margin() >= u64{1} << order || current_is_dying()) return true;
  runtime::Kernel& kernel = current();
  const std::vector<Task*> tasks = living_tasks();
  const mm::OomChoice choice = choose(tasks, group.limit());
  if (choice.verdict == mm::OomVerdict::kNobody) {
    dump_group_header(group, order, gfp, tasks);
    print(4, "Out of memory and no killable processes...");
    return false;
  }
  Task& self = *kernel.sched().current();
  const bool kills = choice.verdict == mm::OomVerdict::kKill;
  if (kills) kill_and_say_so(&group, *tasks[choice.index], order, gfp, tasks);
  // The victim needs a CPU to die.
  if (!kills || tasks[choice.index] != &self) kernel.sleep_ns(kVictimNs);
  return true;
}

}  // namespace koi::kapi
