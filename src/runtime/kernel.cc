// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/kernel.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/fault_signals.h"
#include "host/pace.h"
#include "module/gdb_names.h"
#include "module/module_file.h"
#include "runtime/bug_bundle.h"
#include "runtime/checks/guard.h"
#include "runtime/checks/hung_tasks.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/console.h"
#include "runtime/core/core_build.h"
#include "runtime/files/virtual_files.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

constexpr u64 kStubAreaBytes = 1ULL << 20;
constexpr u64 kSiteStubBytes = 2ULL << 20;
constexpr u64 kKernelStackStride = 2 * host::kThreadSize;  // the lower half is the guard
constexpr s32 kFirstUserPid = 92;  // what insmod got on the machines that the reference was measured on

// What koi_core_init reads: struct koi_boot_facts.
struct BootFacts {
  u64 cpus;
  u64 page_offset;
  u64 page_array;
  u64 vmalloc_start;
  u64 max_pfn;
  u64 tsc_khz;
};

}  // namespace

Result<std::unique_ptr<Kernel>> Kernel::boot(const KernelConfig& config,
                                             std::span<const ExportTable> exports) {
  std::unique_ptr<Kernel> kernel(new Kernel());
  kernel->config_ = config;
  kernel->series_ = config.release.starts_with("6.1.") ? Release::k6_1 : Release::k6_12;
  TRY(kernel->start(exports));
  return kernel;
}

Kernel::~Kernel() {
  forget_bug_bundle();
  host::stop_cpu_ticks();
  hung_tasks_.reset();
  modules_.reset();
  files_.reset();
  traps_.reset();
  console_.reset();
  call_sites_.reset();
  guard_.reset();
  memory_.reset();
  sanitizers_.reset();
  locks_.reset();
  scheduler_.reset();
  journal_.reset();
  if (world_ != nullptr) host::World::destroy(world_);
}

Status Kernel::start(std::span<const ExportTable> exports) {
  world_ = TRY(host::World::create(host::WorldConfig{frame_span_bytes(), config_.cpus}));
  journal_.emplace(world_->heap());
  TRY(load_core(exports));
  memory_ = TRY(Memory::create(*this));
  call_sites_ = std::make_unique<CallSites>(
      TRY(host::SiteStubs::create(*world_, kSiteStubBytes)), memory_->accounting().sites(),
      [this](u64 address) { return address >= core_->text_begin() && address < core_->text_end(); });
  sched::SchedulerConfig scheduling;
  scheduling.vcpus = config_.cpus;
  scheduling.tick_ns = tick_ns_;
  scheduling.fair = is_6_12() ? sched::FairPolicy::kEevdf : sched::FairPolicy::kCfs;
  scheduler_.emplace(scheduling, *this, world_->heap());
  core_->function<void(int)>("koi_set_checks")(config_.checks == Checks::kAll ? 1 : 0);
  locks_ = std::make_unique<LockChecks>(*this);
  sanitizers_ = std::make_unique<Sanitizers>(*this);
  start_vcpus();
  apply_boot_options();
  console_ = std::make_unique<Console>(*this);
  files_ = std::make_unique<VirtualFiles>(*this);
  modules_ = std::make_unique<ModuleTable>(*this);
  traps_ = std::make_unique<Traps>(*this);
  traps_->install();
  hung_tasks_ = std::make_unique<HungTasks>(*this);
  hung_tasks_->start();
  if (config_.checks == Checks::kAll) locks_->enable();
  apply_seed(config_.seed, config_.schedule);
  if (config_.guard != GuardObjects::kOff)
    guard_ = std::make_unique<Guard>(*this, config_.guard, world_->heap());
  return Ok{};
}

void Kernel::apply_seed(u64 seed, const sched::InterleaverConfig& schedule) {
  config_.seed = seed;
  config_.schedule = schedule;
  config_.schedule.seed = seed;
  memory_->apply_seed(seed);
  for (u32 cpu = 0; cpu < config_.cpus; ++cpu)
    reinterpret_cast<host::GsArea*>(world_->percpu_area(VcpuId{cpu}))->canary = memory_->canary();
  core_->function<void(u64)>("koi_random_init")(seed);
  console_->apply_seed(seed);
  scheduler_->interleave(config_.schedule);
  prepare_bug_bundle({fmt::format("seed {}\ncpus {}\nmemory {}\nkernel {}\n", config_.seed, config_.cpus,
                                  config_.memory_bytes, config_.release),
                      &*journal_});
}

void Kernel::collect_exports(std::span<const ExportTable> tables) {
  for (const ExportTable table : tables) exports_.insert(exports_.end(), table.begin(), table.end());
  export_functions_.reserve(exports_.size());
  export_index_.reserve(exports_.size());
  for (u32 i = 0; i < exports_.size(); ++i) {
    export_functions_.push_back(exports_[i].function);
    const bool fresh = export_index_.emplace(exports_[i].name, i).second;
    CHECK(fresh, "{} is exported twice", exports_[i].name);
  }
  host::set_export_functions(export_functions_.data());
}

Status Kernel::load_core(std::span<const ExportTable> exports) {
  const CoreObject object = TRY(ensure_core_object(config_.release, config_.build_dir));
  collect_exports(exports);
  stubs_.emplace(TRY(host::StubArea::create(*world_, kStubAreaBytes)));
  core_.emplace(
      TRY(CoreImage::load(object.path, *world_, [this](std::string_view name) -> std::optional<u64> {
        const auto stub = export_stub(name);
        return stub ? stub : std::optional<u64>(missing_stub(name));
      })));
  stubs_->seal();
  if (config_.for_gdb) {
    const module::ModuleFile file = TRY(module::read_module_file(object.path));
    core_for_gdb_ =
        TRY(module::GdbJitModule::create(file.bytes, core_->sections(), module::GdbDetail::kFramesOnly));
  }

  BootFacts facts{};
  facts.cpus = config_.cpus;
  facts.page_offset = host::kDirectMap;
  facts.page_array = host::kVmemmap;
  facts.vmalloc_start = host::kVmalloc;
  facts.max_pfn = frame_span_bytes() / host::kPageSize;
  facts.tsc_khz = 2'000'000;
  core_->function<void(const BootFacts*)>("koi_core_init")(&facts);
  task_struct_bytes_ = core_->layout_or_die("sizeof task_struct");
  task_block_bytes_ = core_->layout_or_die("sizeof koi_task_block");
  task_state_offset_ = core_->layout_or_die("task_struct.__state");
  task_flags_offset_ = core_->layout_or_die("task_struct.thread_info");
  tick_ns_ = 1'000'000'000 / core_->layout_or_die("HZ");
  task_rcu_offset_ = core_->layout_or_die("task_struct.rcu_read_lock_nesting");
  jiffies_address_ = core_->address_of("jiffies_64");
  std::memcpy(&first_jiffy_, reinterpret_cast<const void*>(jiffies_address_), sizeof(first_jiffy_));
  last_jiffy_ = first_jiffy_;
  task_counted_ = core_->function<void(u64, const TaskCounts*)>("koi_task_counted");
  task_release_ = core_->function<int(u64)>("koi_task_release");
  set_current_ = core_->function<void(u64, u64, u64)>("koi_set_current");
  task_init_ = core_->function<void(u64, s32, const char*, u64, u64, int)>("koi_task_init");
  return Ok{};
}

void Kernel::tell_gdb_stubs() {
  // A debugger looks up callers by the byte before the return address.
  std::vector<module::CodeName> names = {
      {"koi_upcall_return", stubs_->upcall_return_stub() - 1, host::kStubSize}};
  for (const auto& [address, name] : stub_names_)
    names.push_back({std::string(name), address, host::kStubSize});
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  stubs_for_gdb_ =
      std::make_unique<module::GdbJitModule>(module::elf_of_names(names, stubs_->base(), stubs_->end()));
}

// What of the command line is a variable of the core, that modules may read.
void Kernel::apply_boot_options() {
  const BootOptions& boot = config_.boot;
  const auto set = [this](std::string_view name, auto value) {
    std::memcpy(reinterpret_cast<void*>(core_->address_of(name)), &value, sizeof(value));
  };
  set("panic_timeout", boot.panic_timeout.value_or(0));
  set("panic_on_warn", boot.panic_on_warn);
  set("init_on_alloc", s32{boot.init_on_alloc ? 1 : 0});  // static_key.enabled
  set("init_on_free", s32{boot.init_on_free ? 1 : 0});
  if (boot.console_loglevel) set("console_printk", *boot.console_loglevel);
  // Reports of slub_debug show plain addresses.
  const bool slab_debug = boot.slab_debug && mm::slab_debug_enabled(*boot.slab_debug);
  if (boot.no_hash_pointers || slab_debug) set("no_hash_pointers", true);
  char* const line = static_cast<char*>(world_->heap()->allocate(boot.text.size() + 1));
  std::memcpy(line, boot.text.c_str(), boot.text.size() + 1);
  set("saved_command_line", reinterpret_cast<u64>(line));
}

u64 Kernel::frame_span_bytes() const {
  return mm::pc_ram_ranges(config_.memory_bytes).back().end() * host::kPageSize;
}

void Kernel::start_vcpus() {
  const auto percpu_init = core_->function<void(u32, u64)>("koi_percpu_init");
  const auto preempt_count_of = core_->function<s32*(u64)>("koi_preempt_count_of");
  const std::vector<u8>& image = core_->percpu_image();
  for (u32 cpu = 0; cpu < config_.cpus; ++cpu) {
    const u64 area = world_->percpu_area(VcpuId{cpu});
    std::memcpy(reinterpret_cast<void*>(area + core_->percpu_offset()), image.data(), image.size());
    reinterpret_cast<host::GsArea*>(area)->canary = memory_->canary();
    percpu_init(cpu, area);
    preempt_counts_.push_back(preempt_count_of(area));
    scheduler_->clock(VcpuId{cpu}).preempt_count = reinterpret_cast<const u16*>(preempt_counts_.back());
    scheduler_->attach_vcpu(VcpuId{cpu}, area);
  }
  memory_->publish_nodes();
  scheduler_->set_next_pid(kFirstUserPid);
  core_->function<void()>("koi_sched_init")();
}

u64 Kernel::kernel_stack_at(u32 stack_index) {
  return host::kVmalloc + stack_index * kKernelStackStride + host::kThreadSize;
}

// ---- tasks ----

void Kernel::task_created(sched::Task& task) {
  locks_->task_created(task);
  task.kernel_stack = kernel_stack_at(task.stack_index);
  host::protect(task.kernel_stack, host::kThreadSize, host::Protection::kReadWrite);
  std::memset(reinterpret_cast<void*>(task.kernel_stack), 0, host::kThreadSize);
  if (task.kind == sched::TaskKind::kIdle && task.cpu.value == 0) {
    task.guest = core_->address_of("init_task");
  } else if (!free_task_structs_.empty()) {
    task.guest = free_task_structs_.back();
    free_task_structs_.pop_back();
  } else {
    task.guest = reinterpret_cast<u64>(world_->heap()->allocate(task_block_bytes_, 64));
  }
  const bool is_static = task.guest == core_->address_of("init_task");
  std::memset(reinterpret_cast<void*>(task.guest), 0, is_static ? task_struct_bytes_ : task_block_bytes_);
  task_init_(task.guest, task.pid, task.comm, task.kernel_stack, core_->address_of("init_task"),
             task.kind == sched::TaskKind::kUser ? 0 : 1);
  sanitizers_->races().task_created(task);
  sanitizers_->addresses().forget(task.kernel_stack, host::kThreadSize);
}

void Kernel::task_released(sched::Task& task) {
  locks_->task_released(task);
  sanitizers_->races().task_released(task);
  // References that modules hold keep the task_struct alive.
  if (task_release_(task.guest) != 0) free_task_struct(task.guest);
}

void Kernel::task_switched_in(sched::Task& task) {
  set_current_(world_->percpu_area(task.cpu), task.guest, task.kernel_stack + host::kThreadSize);
  // RCU readers are on the list of held locks, where there is one.
  scheduler_->clock(task.cpu).rcu_nesting = locks_->enabled()
                                                ? reinterpret_cast<const s32*>(LockChecks::depth_place(task))
                                                : reinterpret_cast<const s32*>(task.guest + task_rcu_offset_);
  locks_->task_switched_in(task);
  sanitizers_->races().task_switched_in(task);
}

u32 Kernel::guest_state(const sched::Task& task) const {
  u32 state = 0;
  std::memcpy(&state, reinterpret_cast<const void*>(task.guest + task_state_offset_), sizeof(state));
  return state;
}

void Kernel::set_guest_state(sched::Task& task, u32 state) {
  std::memcpy(reinterpret_cast<void*>(task.guest + task_state_offset_), &state, sizeof(state));
}

void Kernel::set_need_resched(sched::Task& task) {
  constexpr u64 kTifNeedResched = 1U << 3;
  u64 flags = 0;
  std::memcpy(&flags, reinterpret_cast<const void*>(task.guest + task_flags_offset_), sizeof(flags));
  flags |= kTifNeedResched;
  std::memcpy(reinterpret_cast<void*>(task.guest + task_flags_offset_), &flags, sizeof(flags));
}

bool Kernel::holds_grace_period(const sched::Task& task) const {
  s32 nesting = 0;
  std::memcpy(&nesting, reinterpret_cast<const void*>(task.guest + task_rcu_offset_), sizeof(nesting));
  const auto count = static_cast<u32>(*preempt_counts_[task.cpu.value]);
  return nesting > 0 || (count & (preempt_count::kPreemptMask | preempt_count::kSoftirqMask)) != 0;
}

void Kernel::rt_throttled() { console_->print(splat_parts::kDefault, "sched: RT throttling activated"); }

void Kernel::task_counted(const sched::Task& task, VirtualTime now) {
  const TaskCounts counts = counts_of(task, scheduler_->running_on(task.cpu) == &task, now);
  task_counted_(task.guest, &counts);
}

bool Kernel::background_wanted() const { return hung_tasks_ != nullptr && hung_tasks_->wanted(); }

// jiffies_64 follows the clock that is furthest ahead.
void Kernel::time_passed(VirtualTime now) {
  const u64 jiffy = first_jiffy_ + now.value / tick_ns_;
  if (jiffy <= last_jiffy_) return;
  last_jiffy_ = jiffy;
  host::pace(now.value);
  std::memcpy(reinterpret_cast<void*>(jiffies_address_), &jiffy, sizeof(jiffy));
}

void Kernel::run_interrupt(const char* function) const {
  host::GsArea* const area = host::gs_area();
  const u64 flag = area->interrupt_flag;
  area->interrupt_flag = 0;
  host::upcall(core_->address_of(function));
  area->interrupt_flag = flag;
}

TaskEnd Kernel::run_task(std::string_view comm, const std::function<s32()>& body) {
  if (halted_) return TaskEnd{*halted_, 0};
  const auto started = start_task(comm, body);
  return finish_task(*started);
}

std::unique_ptr<BackgroundTask> Kernel::start_task(std::string_view comm, const std::function<s32()>& body) {
  auto started = std::make_unique<BackgroundTask>();
  started->kernel = this;
  started->body = &body;
  sched::Scheduler::NewTask wanted;
  wanted.comm = comm;
  wanted.argument = started.get();
  wanted.entry = [](sched::Task& /*self*/, void* opaque) {
    auto* const own = static_cast<BackgroundTask*>(opaque);
    const s32 value = (*own->body)();
    own->kernel->locks().check_return_to_user();
    host::upcall(own->kernel->core().address_of("koi_check_user_return"));
    own->kernel->return_to_user();
    own->kernel->sched().exit_current(value);
  };
  started->task = scheduler_->create(wanted);
  CHECK(started->task != nullptr, "no task can be made");
  scheduler_->hold(*started->task);
  return started;
}

TaskEnd Kernel::finish_task(BackgroundTask& started) {
  if (halted_) return TaskEnd{*halted_, 0};
  sched::Task* const task = started.task;
  host::start_cpu_ticks();
  const bool ended = scheduler_->run_until_dead(*task);
  host::stop_cpu_ticks();
  if (halted_) return TaskEnd{*halted_, 0};
  // A task that never ends stays held: it may still wake.
  if (!ended) return TaskEnd{TaskEnd::How::kNeverEnds, 0};
  const auto how = timed_out_    ? TaskEnd::How::kTimedOut
                   : never_ends_ ? TaskEnd::How::kNeverEnds
                                 : TaskEnd::How::kKilled;
  TaskEnd end{TaskEnd::How::kReturned, task->exit_code};
  if (task->killed) end.how = how;
  if (task->by_signal) end.how = TaskEnd::How::kSignalled;
  scheduler_->drop(*task);
  return end;
}

void Kernel::return_to_user() {
  sched::Task* const task = scheduler_->current();
  if (core_->function<int(u64)>("koi_fatal_signal")(task->guest) == 0) return;
  task->by_signal = true;
  host::upcall(core_->address_of("koi_task_dying"));
  scheduler_->exit_current(SIGKILL);
}

void Kernel::settle(u64 ns) {
  if (halted_) return;
  host::start_cpu_ticks();
  scheduler_->run_until_idle(VirtualTime{scheduler_->now().value + ns});
  host::stop_cpu_ticks();
}

void Kernel::sleep_ns(u64 ns) {
  struct Wake {
    Kernel* kernel;
    sched::Task* task;
  };
  Wake wake{this, scheduler_->current()};
  set_guest_state(*wake.task, kTaskUninterruptible);
  scheduler_->add_timer(
      VirtualTime{scheduler_->now().value + ns}, wake.task->cpu,
      [](void* opaque) {
        const auto* const w = static_cast<Wake*>(opaque);
        w->kernel->sched().wake(*w->task);
      },
      &wake);
  scheduler_->schedule();
}

void Kernel::halt(TaskEnd::How how) {
  halted_ = how;
  scheduler_->halt();
}

void Kernel::note(observe::EventKind kind, std::string_view text) {
  const sched::Task* const task = scheduler_->current();
  journal_->note(scheduler_->now(), scheduler_->running_vcpu(), task == nullptr ? 0 : task->pid, kind, text);
}

// ---- exports and names ----

std::optional<u32> Kernel::export_index(std::string_view name) const {
  const auto it = export_index_.find(name);
  if (it == export_index_.end()) return std::nullopt;
  return it->second;
}

std::optional<u64> Kernel::export_stub(std::string_view name) {
  const auto index = export_index(name);
  if (!index) return std::nullopt;
  if (const auto known = export_stubs_.find(*index); known != export_stubs_.end()) return known->second;
  const Export& exported = exports_[*index];
  stubs_->open();
  const u64 stub = stubs_->add(*index, exported.kind, exported.fixed_arguments, exported.leaf);
  stubs_->seal();
  export_stubs_.emplace(*index, stub);
  stub_names_.emplace(stub, exported.name);
  return stub;
}

u64 Kernel::missing_stub(std::string_view name) {
  if (const auto known = name_entries_.find(std::string(name)); known != name_entries_.end())
    return known->second;
  missing_names_.emplace_back(name);
  const auto index = static_cast<u32>(exports_.size());
  exports_.push_back(Export{missing_names_.back().c_str(), Traps::missing_function()});
  export_functions_.push_back(exports_.back().function);
  host::set_export_functions(export_functions_.data());
  stubs_->open();
  const u64 stub = stubs_->add(index, host::CrossingKind::kPlain, 0);
  stubs_->seal();
  name_entries_.emplace(name, stub);
  stub_names_.emplace(stub, name);
  return stub;
}

std::optional<u64> Kernel::provided_symbol(std::string_view name) {
  if (name.starts_with("koi_")) return std::nullopt;
  if (const auto symbol = core_->find(name)) return symbol->value;
  return export_stub(name);
}

u64 Kernel::name_address(std::string_view name) {
  if (const auto symbol = core_->find(name); symbol && !symbol->percpu) return symbol->value;
  if (const auto stub = export_stub(name)) return *stub;
  const auto known = name_entries_.find(std::string(name));
  if (known != name_entries_.end()) return known->second;
  stubs_->open();
  const u64 entry = stubs_->add_name_entry();
  stubs_->seal();
  name_entries_.emplace(name, entry);
  stub_names_.emplace(entry, name);
  return entry;
}

std::optional<Symbol> Kernel::stub_symbol(u64 address) const {
  if (const u64 function = call_sites_ == nullptr ? 0 : call_sites_->function_behind(address);
      function != 0) {
    if (const CoreFunction* const core = core_->function_at(function); core != nullptr)
      return Symbol{std::string(core->name), 0, core->size, {}};
    address = function;
  }
  if (address < stubs_->base() || address >= stubs_->end()) return std::nullopt;
  const u64 start = address & ~(host::kStubSize - 1);
  const auto it = stub_names_.find(start);
  if (it == stub_names_.end()) return std::nullopt;
  return Symbol{it->second, address - start, host::kStubSize, {}};
}

}  // namespace koi::runtime
