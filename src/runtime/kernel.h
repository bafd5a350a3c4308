// SPDX-License-Identifier: GPL-2.0-only
// Kernel: one booted virtual machine. It owns the engines and is the place where they meet; kapi/ holds the only pointer
// to it that C calls can reach.
//
//   boot: reserve the world → compile or fetch core.o → stubs for the exports → load core.o → per-CPU areas → memory engines
//         → scheduler with idle tasks → log
//
// Context of the member functions: run_task() and the observers from the boot fiber; the rest from tasks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "engine/sched/scheduler.h"
#include "host/stub_area.h"
#include "host/world.h"
#include "observe/journal.h"
#include "runtime/boot_options.h"
#include "runtime/core/core_image.h"
#include "runtime/export.h"
#include "runtime/splat/splat.h"
#include "runtime/task_counts.h"

namespace koi::runtime {

class CallSites;
class ModuleTable;
class Traps;
class Console;
class Memory;
class VirtualFiles;
class Guard;
class HungTasks;
class Sanitizers;

// What koi looks for beyond what the presented kernel's own configuration does: sleeping in atomic context, objects that
// are freed while in use, what a module leaves behind, lock order.
enum class Checks : u8 {
  kAll,
  kStock,  // nothing: the module hears what it would hear from the distribution's kernel
};
class LockChecks;

// Which slab objects lie beside guard pages (guard.h).
enum class GuardObjects : u8 { kOff, kSample, kAll };

struct KernelConfig {
  std::string release;    // "6.1.0-56-amd64"
  std::string build_dir;  // its header tree
  u32 cpus = 2;
  u64 memory_bytes = 1ULL << 30;
  u32 nodes = 1;  // NUMA nodes, which share RAM and CPUs (engine/mm/nodes.h)
  u64 seed = 1;
  bool lazy = false;
  bool for_gdb = false;    // register modules with gdb's JIT interface
  u32 timeout_s = 30;      // CPU time
  bool no_leaves = false;  // every call crosses the border: a test that it makes no difference
  bool accounting = true;  // keep who asked for each live object
  GuardObjects guard = GuardObjects::kOff;
  Checks checks = Checks::kAll;
  sched::InterleaverConfig schedule;  // its seed is the machine's
  BootOptions boot;
};

// How a task that run_task() started came to its end.
struct TaskEnd {
  enum class How : u8 {
    kReturned,
    kKilled,
    kSignalled,
    kNeverEnds,
    kPanicked,
    kTimedOut
  } how = How::kReturned;
  s32 value =
      0;  // kReturned: what the function returned; kKilled (an oops), kSignalled: the signal that it died by
};

// A task that start_task() made and finish_task() waits for. Its body must outlive it.
struct BackgroundTask {
  sched::Task* task = nullptr;
  class Kernel* kernel = nullptr;
  const std::function<s32()>* body = nullptr;
};

class Kernel final : public sched::TaskHost {
 public:
  // Errors: no header tree, the core cannot be compiled, an address range is taken, too little memory allowed.
  static Result<std::unique_ptr<Kernel>> boot(const KernelConfig& config,
                                              std::span<const ExportTable> exports);
  ~Kernel() override;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Runs `body` as a new user task called `comm` (as a system call of that process) and everything that becomes
  // runnable meanwhile, until the task has ended.
  TaskEnd run_task(std::string_view comm, const std::function<s32()>& body);
  // The same in two halves, for sessions with tasks in the background.
  std::unique_ptr<BackgroundTask> start_task(std::string_view comm, const std::function<s32()>& body);
  TaskEnd finish_task(BackgroundTask& started);
  // Everything that the boot drew from its own fixed seed is drawn anew: canaries, keys of hashed pointers, the order of free
  // objects, random numbers, the order of virtual CPUs. boot() does it with the configuration's seed; so a machine that
  // was forked after its boot becomes the one that booted with `seed`. Requires: no task has run.
  void apply_seed(u64 seed, const sched::InterleaverConfig& schedule);
  // Runs what is still to run, for at most that long in virtual time.
  void settle(u64 ns);

  // ---- parts ----
  [[nodiscard]] const KernelConfig& config() const { return config_; }
  [[nodiscard]] host::World& world() { return *world_; }
  [[nodiscard]] host::StubArea& stubs() { return *stubs_; }
  [[nodiscard]] CoreImage& core() { return *core_; }
  [[nodiscard]] sched::Scheduler& sched() { return *scheduler_; }
  [[nodiscard]] observe::Journal& journal() { return *journal_; }
  [[nodiscard]] ModuleTable& modules() { return *modules_; }
  [[nodiscard]] CallSites& call_sites() { return *call_sites_; }
  [[nodiscard]] Traps& traps() { return *traps_; }
  [[nodiscard]] Console& console() { return *console_; }
  [[nodiscard]] Memory& memory() { return *memory_; }
  [[nodiscard]] VirtualFiles& files() { return *files_; }
  [[nodiscard]] LockChecks& locks() { return *locks_; }
  [[nodiscard]] Sanitizers& sanitizers() { return *sanitizers_; }
  [[nodiscard]] Release series() const { return series_; }
  [[nodiscard]] bool is_6_12() const { return series_ == Release::k6_12; }
  // nullptr: no object is guarded.
  [[nodiscard]] Guard* guard() const { return guard_.get(); }
  [[nodiscard]] HungTasks& hung_tasks() { return *hung_tasks_; }
  // Where task_struct has rcu_read_lock_nesting.
  [[nodiscard]] u64 task_rcu_offset() const { return task_rcu_offset_; }
  [[nodiscard]] u64 tick_ns() const { return tick_ns_; }

  // ---- exports ----
  [[nodiscard]] std::optional<u64> export_stub(std::string_view name);
  [[nodiscard]] const Export& export_at(u32 index) const { return exports_[index]; }
  [[nodiscard]] std::optional<u32> export_index(std::string_view name) const;
  [[nodiscard]] const std::unordered_map<std::string_view, u32>& export_names() const {
    return export_index_;
  }
  // With --gdb: a debugger learns the names of the stubs made so far.
  void tell_gdb_stubs();
  // A stub for a function that koi lacks: its call is an oops that names it.
  [[nodiscard]] u64 missing_stub(std::string_view name);
  // What a module that imports `name` gets: a datum or function of the core, or the stub of an export.
  [[nodiscard]] std::optional<u64> provided_symbol(std::string_view name);
  // A window address that stands for the kernel function `name` in call traces: its stub, its place in the core, or an
  // entry made for the name.
  [[nodiscard]] u64 name_address(std::string_view name);
  // The name and start of a stub or name entry that covers `address`.
  [[nodiscard]] std::optional<Symbol> stub_symbol(u64 address) const;

  [[nodiscard]] u64 jiffies() const { return last_jiffy_; }
  // The running task sleeps. Context: a task's host stack.
  void sleep_ns(u64 ns);
  // The running task's system call is over: a pending SIGKILL ends it here; then it does not return.
  void return_to_user();

  void note(observe::EventKind kind, std::string_view text);
  // oops=panic, or /proc/sys/kernel/panic_on_oops.
  [[nodiscard]] bool panic_on_oops() const { return config_.boot.panic_on_oops; }
  void set_panic_on_oops(bool panics) { config_.boot.panic_on_oops = panics; }
  // The machine is dead: no task runs any more (panic, timeout). Ends the running task.
  [[noreturn]] void halt(TaskEnd::How how);
  // The time limit killed the task that used it up; what was loaded before may still be unloaded.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  void note_timeout() { timed_out_ = true; }
  // The running task spins for something that nothing will ever bring.
  void note_never_ends() { never_ends_ = true; }
  [[nodiscard]] bool halted() const { return halted_.has_value(); }

  // Virtual memory of a task's kernel stack.
  [[nodiscard]] static u64 kernel_stack_at(u32 stack_index);
  [[nodiscard]] s32& preempt_count(VcpuId cpu) { return *preempt_counts_[cpu.value]; }
  [[nodiscard]] s32& preempt_count() { return preempt_count(sched().running_vcpu()); }

  // Upcall: runs a function of the core as an interrupt of the virtual CPU that is running.
  void run_interrupt(const char* function) const;

  // A task_struct that nobody refers to any more may be used again.
  void free_task_struct(u64 task_struct) { free_task_structs_.push_back(task_struct); }

  // sched::TaskHost
  void task_switched_in(sched::Task& task) override;
  [[nodiscard]] u32 guest_state(const sched::Task& task) const override;
  static constexpr u32 kTaskUninterruptible = 2;  // TASK_UNINTERRUPTIBLE of task_struct's __state
  void set_guest_state(sched::Task& task, u32 state) override;
  void set_need_resched(sched::Task& task) override;
  void time_passed(VirtualTime now) override;
  void tick_interrupt() override { run_interrupt("koi_tick_interrupt"); }
  [[nodiscard]] bool holds_grace_period(const sched::Task& task) const override;
  void rt_throttled() override;
  void task_counted(const sched::Task& task, VirtualTime now) override;
  [[nodiscard]] bool background_wanted() const override;
  void task_created(sched::Task& task) override;
  void task_released(sched::Task& task) override;

 private:
  Kernel() = default;
  Status start(std::span<const ExportTable> exports);
  Status load_core(std::span<const ExportTable> exports);
  void collect_exports(std::span<const ExportTable> tables);
  void start_vcpus();
  // From the first page frame's address to the end of the last one's: RAM, and the hole below 4 GiB if there is one.
  [[nodiscard]] u64 frame_span_bytes() const;
  void apply_boot_options();

  KernelConfig config_;
  Release series_ = Release::k6_1;
  host::World* world_ = nullptr;
  std::optional<host::StubArea> stubs_;
  std::optional<CoreImage> core_;
  // With --gdb: what a debugger knows besides the modules.
  std::unique_ptr<module::GdbJitModule> core_for_gdb_;
  std::unique_ptr<module::GdbJitModule> stubs_for_gdb_;
  std::deque<Export> exports_;
  std::deque<std::string> missing_names_;
  std::vector<const void*> export_functions_;
  std::unordered_map<std::string_view, u32> export_index_;
  std::unordered_map<u32, u64> export_stubs_;
  std::unordered_map<u64, std::string> stub_names_;  // by stub address
  std::unordered_map<std::string, u64> name_entries_;
  std::optional<sched::Scheduler> scheduler_;
  std::optional<observe::Journal> journal_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<CallSites> call_sites_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<VirtualFiles> files_;
  std::unique_ptr<LockChecks> locks_;
  std::unique_ptr<Sanitizers> sanitizers_;
  std::unique_ptr<ModuleTable> modules_;
  std::unique_ptr<Traps> traps_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<HungTasks> hung_tasks_;
  std::vector<s32*> preempt_counts_;
  std::optional<TaskEnd::How> halted_;
  bool timed_out_ = false;
  bool never_ends_ = false;

  u64 task_struct_bytes_ = 0;
  u64 task_block_bytes_ = 0;
  u64 task_state_offset_ = 0;
  u64 task_flags_offset_ = 0;  // thread_info.flags
  u64 task_rcu_offset_ = 0;    // rcu_read_lock_nesting
  u64 jiffies_address_ = 0;
  u64 first_jiffy_ = 0;
  u64 last_jiffy_ = 0;
  u64 tick_ns_ = 0;
  TaskCountsWriter task_counted_ = nullptr;
  int (*task_release_)(u64 task) = nullptr;
  std::vector<u64> free_task_structs_;
  void (*set_current_)(u64 area, u64 task, u64 stack_top) = nullptr;
  void (*task_init_)(u64 task, s32 pid, const char* comm, u64 stack, u64 parent, int is_kthread) = nullptr;
};

}  // namespace koi::runtime
