// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/traps.h"

#include <Zydis/Zydis.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/check.h"
#include "engine/printk/format.h"
#include "host/address_map.h"
#include "host/fault_signals.h"
#include "host/guest_memory.h"
#include "runtime/bug_bundle.h"
#include "runtime/console.h"
#include "runtime/core_frames.h"
#include "runtime/kernel.h"
#include "runtime/modules.h"

namespace koi::runtime {
namespace {

Traps* g_traps = nullptr;  // the signal path carries no `this`

// Ticks of CPU time since boot, counted by the signal handler.
constexpr u64 kCpuTicksPerSecond = 4;
volatile u64 g_cpu_ticks = 0;
volatile u64 g_cpu_tick_limit = 0;  // --timeout; 0: none
constexpr u64 kGraceSeconds = 3;    // to unload what was loaded before the time was up

// True: module text is to be interrupted at once, the time is used up.
bool count_cpu_tick() {
  g_cpu_ticks = g_cpu_ticks + 1;
  const bool used_up = g_cpu_tick_limit != 0 && g_cpu_ticks >= g_cpu_tick_limit;
  // The next way out of koi looks, too.
  if (used_up) host::gs_area()->clock->deadline_ns = 0;
  // Nothing has come by a border for long: the process ends itself rather than never.
  constexpr int kExitFinding = 3;
  if (used_up && g_cpu_ticks >= g_cpu_tick_limit + 4 * kCpuTicksPerSecond) _exit(kExitFinding);
  return used_up;
}

constexpr u64 kVectorDivide = 0;
constexpr u64 kVectorInt3 = 3;
constexpr u64 kVectorUndefined = 6;
constexpr u64 kVectorStackSegment = 12;
constexpr u64 kVectorProtection = 13;
constexpr u64 kVectorPageFault = 14;
constexpr u64 kVectorAlignment = 17;

constexpr u64 kErrorWrite = 2;
constexpr u64 kErrorFetch = 16;

constexpr u16 kBugWarning = 1;
constexpr u16 kBugOnce = 2;
constexpr u16 kBugNoCutHere = 8;

constexpr u64 kInterruptFlag = 0x200;
constexpr u32 kNeedReschedInverted = 0x8000'0000;

// The addresses that a real kernel would take for the calling process's: all that is not of koi's world.
constexpr bool is_user_address(u64 address) {
  return !host::in_window(address) && !(address >= host::kDirectMap && address < host::kUserMemory) &&
         address < 0x0000'8000'0000'0000;
}

constexpr u64 kTaintDie = 7;
constexpr u64 kTaintWarn = 9;
constexpr u64 kTaintSoftLockup = 14;

constexpr u64 kFirstYieldNs = 1'000;
constexpr u64 kLongestYieldAfterLockupNs = 16'000;
constexpr u64 kLongestBusyYieldNs = 10'000;
// What a forced preemption is worth in virtual time: such a loop would go on for ever, so the watchdog may see it at once.
constexpr u64 kForcedStepNs = 30'000'000'000;

constexpr u64 kTscPerNs = 2;  // tsc_khz of koi_core_init: 2 GHz

constexpr u32 kExceptionTypeDefault = 1;
constexpr u32 kExceptionTypeUserAccess = 3;
constexpr u32 kExceptionTypeImmediate = 17;

}  // namespace

std::optional<Symbol> KernelSymbols::lookup(u64 address) const {
  if (ModuleInstance* const module = kernel_.modules().find_by_address(address); module != nullptr) {
    const auto init =
        module->init_freed ? module::ModuleSymbols::Init::kFreed : module::ModuleSymbols::Init::kPresent;
    const auto found = module->symbols->find(address, init);
    if (!found) return std::nullopt;
    return Symbol{std::string(found->name), found->offset, found->size, module->name()};
  }
  if (const CoreFunction* const function = kernel_.core().function_at(address); function != nullptr) {
    return Symbol{function->name, address - function->address, function->size, {}};
  }
  return kernel_.stub_symbol(address);
}

u64 FrameEntries::frame_address(std::string_view name) const { return kernel_.name_address(name); }

Traps::Traps(Kernel& kernel) : kernel_(kernel), frames_(kernel), symbols_(kernel) {}

void Traps::install() {
  g_traps = this;
  host::set_trap_dispatcher(&Traps::dispatch);
  host::set_border_slow_path([] { g_traps->border(); });
  host::FaultSignalConfig signals;
  signals.cpu_tick = count_cpu_tick;
  signals.bug_reporter = [](int signal, u64 rip, u64 address) {
    write_bug_bundle(signal == SIGSEGV ? "a bad memory access of its own" : "a fatal signal", rip, address);
  };
  g_cpu_ticks = 0;
  g_cpu_tick_limit = kernel_.config().timeout_s * kCpuTicksPerSecond;
  host::install_fault_signals(signals);
  set_check_failure_handler([](const char* /*file*/, int /*line*/, std::string_view message) {
    const std::string text(message);
    write_bug_bundle(text.c_str(), reinterpret_cast<u64>(__builtin_return_address(0)), 0);
  });
  // Where the host lacks it, a module's own system call instruction is still caught: the loader replaces it.
  static_cast<void>(host::catch_module_system_calls());
}

void Traps::dispatch(host::TrapFrame* frame) { g_traps->handle(*frame); }

void Traps::handle(host::TrapFrame& frame) {
  switch (frame.trap_number) {
    case host::kTrapPreempt:
      preempt_by_force(frame);
      return;
    case kVectorUndefined:
      if (handle_undefined(frame)) return;
      break;
    case kVectorPageFault:
      if (handle_page_fault(frame)) return;
      break;
    default:
      if (fix_up(frame)) return;
      break;
  }
  oops(frame);
}

// ---- what goes on ----

bool Traps::handle_page_fault(host::TrapFrame& frame) {
  if (jiffies_page_ != 0 && frame.cr2 - jiffies_page_ < host::kPageSize) return read_jiffies(frame);
  return fix_up(frame);
}

std::optional<u64> Traps::jiffies_page() {
  if (jiffies_page_ == 0) {
    auto page = kernel_.world().window_take(host::kPageSize);
    auto slots = kernel_.world().window_take(host::kPageSize);
    if (!page.ok() || !slots.ok()) return std::nullopt;
    jiffies_page_ = *page;
    slots_ = *slots;
  }
  return jiffies_page_;
}

// The instruction runs from a copy that reads the true variable; its copy is made once.
bool Traps::read_jiffies(host::TrapFrame& frame) {
  const u64 slot = jiffies_slot(frame.rip);
  if (slot == 0) return false;
  advance_spinner();
  kernel_.sched().border();
  check_soft_lockup(&frame);
  frame.rip = slot;
  return true;
}

u64 Traps::jiffies_slot(u64 rip) {
  if (const auto known = jiffies_slots_.find(rip); known != jiffies_slots_.end()) return known->second;
  u8 code[ZYDIS_MAX_INSTRUCTION_LENGTH] = {};
  const u64 unread = guest::copy_in(code, rip, sizeof(code));
  ZydisDecoder decoder;
  ZydisDecodedInstruction instruction;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  if (!ZYAN_SUCCESS(
          ZydisDecoderDecodeInstruction(&decoder, nullptr, code, sizeof(code) - unread, &instruction)) ||
      instruction.raw.disp.size != 32) {
    return 0;
  }
  constexpr u64 kSlotBytes = 32;
  if (slots_used_ + kSlotBytes > host::kPageSize) return 0;
  const u64 slot = slots_ + slots_used_;
  slots_used_ += kSlotBytes;
  const bool rip_relative = instruction.raw.modrm.mod == 0 && instruction.raw.modrm.rm == 5;
  const u64 variable = kernel_.core().address_of("jiffies_64");
  const auto displacement =
      static_cast<u32>(rip_relative ? variable - (slot + instruction.length) : variable);
  std::memcpy(code + instruction.raw.disp.offset, &displacement, sizeof(displacement));
  const auto back = static_cast<u32>(rip + instruction.length - (slot + instruction.length + 5));
  host::protect(slots_, host::kPageSize, host::Protection::kReadWrite);
  std::memcpy(reinterpret_cast<void*>(slot), code, instruction.length);
  *reinterpret_cast<u8*>(slot + instruction.length) = 0xe9;
  std::memcpy(reinterpret_cast<void*>(slot + instruction.length + 1), &back, sizeof(back));
  host::protect(slots_, host::kPageSize, host::Protection::kReadExecute);
  jiffies_slots_.emplace(rip, slot);
  return slot;
}

bool Traps::handle_undefined(host::TrapFrame& frame) {
  if (const auto site = sites_.find(frame.rip); site != sites_.end()) {
    stand_in(frame, site->second.site);
    return true;
  }
  const auto bug = find_bug(frame.rip);
  if (!bug || (bug->flags & kBugWarning) == 0) return false;
  const bool once = (bug->flags & kBugOnce) != 0;
  if (!once || bugs_done_.insert(frame.rip).second) {
    warn_at(frame, bug->file, bug->line, (bug->flags & kBugNoCutHere) == 0);
  }
  frame.rip += 2;
  return true;
}

bool Traps::stands_in_for(module::TrapKind kind) {
  switch (kind) {
    case module::TrapKind::kPause:
    case module::TrapKind::kRdtsc:
    case module::TrapKind::kRdtscp:
    case module::TrapKind::kRdrand:
    case module::TrapKind::kRdseed:
    case module::TrapKind::kCpuid:
    case module::TrapKind::kSyscall:
      return true;
    default:
      return false;  // these fault by themselves
  }
}

// A loop that only spins advances faster and faster, so that a long busy wait costs few traps.
void Traps::advance_spinner() {
  end_if_timed_out();
  // Nothing but traps since the last one of this virtual CPU: it only spins. Where the core's own functions were called
  // in between the steps stay short.
  const VcpuId cpu = kernel_.sched().running_vcpu();
  const u64 progress = kernel_.sched().clock(cpu).crossings * 64 + cpu.value + 1;
  const u64 now_ns = kernel_.sched().now().value;
  if (progress != last_yield_progress_) {
    yield_step_ns_ = kFirstYieldNs;
  } else {
    yield_step_ns_ = std::min(yield_step_ns_ * 2, now_ns == last_yield_ns_
                                                      ? longest_yield_ns_
                                                      : std::min(longest_yield_ns_, kLongestBusyYieldNs));
  }
  last_yield_progress_ = progress;
  last_yield_ns_ = now_ns + yield_step_ns_;
  kernel_.sched().advance(yield_step_ns_);
}

void Traps::stand_in(host::TrapFrame& frame, const module::TrapSite& site) {
  switch (site.kind) {
    case module::TrapKind::kPause:
      advance_spinner();
      break;
    case module::TrapKind::kRdtsc:
    case module::TrapKind::kRdtscp: {
      advance_spinner();
      const u64 tsc = kernel_.sched().now().value * kTscPerNs;
      frame.rax = tsc & 0xffff'ffff;
      frame.rdx = tsc >> 32;
      if (site.kind == module::TrapKind::kRdtscp) frame.rcx = kernel_.sched().running_vcpu().value;
      break;
    }
    case module::TrapKind::kSyscall:
      unsupported(
          fmt::format("the module's own system call instruction at {}", symbol_text(symbols_, frame.rip)));
    default:
      unsupported(fmt::format("the instruction {} at {}", module::trap_kind_name(site.kind),
                              symbol_text(symbols_, frame.rip)));
  }
  frame.rip += site.length;
  kernel_.sched().border();
  check_soft_lockup(&frame);
}

void Traps::preempt_by_force(host::TrapFrame& frame) {
  end_if_timed_out();
  if (kernel_.journal().count(observe::EventKind::kForcedPreemption) == 0) {
    kernel_.note(observe::EventKind::kForcedPreemption, "a loop without calls into the kernel");
  }
  kernel_.sched().advance(kForcedStepNs);
  kernel_.sched().border();
  check_soft_lockup(&frame);
}

bool Traps::fix_up(host::TrapFrame& frame) {
  struct Found {
    u64 fixup;
    u32 type;
  };
  std::optional<Found> found;
  for (const CoreImage::ExceptionEntry& entry : kernel_.core().exceptions()) {
    if (entry.instruction == frame.rip) found = Found{entry.fixup, entry.type};
  }
  if (ModuleInstance* const module = kernel_.modules().find_by_address(frame.rip); module != nullptr) {
    if (const module::ExceptionFixup* const fixup = module->tables.find_exception(frame.rip);
        fixup != nullptr) {
      found = Found{fixup->fixup, fixup->data};
    }
  }
  if (!found) return false;
  const u32 type = found->type & 0xff;
  if (type == kExceptionTypeImmediate) {
    // Register number as the instruction encodes it, and the value.
    u64* const registers[16] = {&frame.rax, &frame.rcx, &frame.rdx, &frame.rbx, &frame.rsp, &frame.rbp,
                                &frame.rsi, &frame.rdi, &frame.r8,  &frame.r9,  &frame.r10, &frame.r11,
                                &frame.r12, &frame.r13, &frame.r14, &frame.r15};
    *registers[found->type >> 8 & 0xf] =
        static_cast<u64>(static_cast<s64>(static_cast<s16>(found->type >> 16)));
  } else if (type != kExceptionTypeDefault && type != kExceptionTypeUserAccess) {
    return false;
  }
  frame.rip = found->fixup;
  return true;
}

std::optional<Traps::BugEntry> Traps::find_bug(u64 address) {
  for (const CoreImage::BugEntry& bug : kernel_.core().bugs()) {
    if (bug.address != address) continue;
    return BugEntry{reinterpret_cast<const char*>(bug.file), bug.line, bug.flags};
  }
  ModuleInstance* const module = kernel_.modules().find_by_address(address);
  if (module == nullptr) return std::nullopt;
  const module::BugSite* const site = module->tables.find_bug(address);
  if (site == nullptr) return std::nullopt;
  return BugEntry{site->file, site->line, site->flags};
}

// ---- what is printed ----

SplatContext Traps::context() {
  SplatContext context;
  context.series = kernel_.series();
  context.cpu = kernel_.sched().running_vcpu().value;
  const sched::Task* const task = kernel_.sched().current();
  context.pid = task->pid;
  context.comm = task->comm;
  context.taint = kernel_.modules().taint().mask;
  context.release = kernel_.config().release;
  const std::string_view version = kernel_.core().text_symbol("koi_version");
  const size_t package = version.find("Debian ");
  if (package != std::string_view::npos) {
    const std::string_view rest = version.substr(package);
    context.package = fmt::format(" {}", rest.substr(0, rest.find(" (")));
  }
  context.hardware = "koi virtual machine";
  context.oops_options = " PREEMPT SMP NOPTI";
  context.modules = kernel_.modules().mentions();
  context.last_unloaded = kernel_.modules().last_unloaded();
  return context;
}

std::vector<TraceItem> Traps::trace(const host::TrapFrame* trap, FrameEvent event) {
  std::vector<CodeRegion> code;
  code.push_back(
      CodeRegion{kernel_.core().text_begin(), kernel_.core().text_end(), CodeKind::kCore, nullptr});
  for (const auto& module : kernel_.modules().all()) {
    const module::OrcTable* const orc = module->orc ? &*module->orc : nullptr;
    const auto add = [&](module::MemoryKind kind, u64 base) {
      const module::Region& region = module->loaded.layout.region(kind);
      if (region.size == 0) return;
      code.push_back(
          CodeRegion{base + region.offset, base + region.offset + region.size, CodeKind::kModule, orc});
    };
    add(module::MemoryKind::kText, module->loaded.placement.core_base);
    if (!module->init_freed) add(module::MemoryKind::kInitText, module->loaded.placement.init_base);
  }
  const sched::Task* const task = kernel_.sched().current();
  const StackRange stack{task->kernel_stack, task->kernel_stack + host::kThreadSize};
  UnwindInput input;
  input.code = code;
  input.stacks = {&stack, 1};
  input.upcall_return_stub = kernel_.stubs().upcall_return_stub();
  input.border = host::gs_area()->border;
  input.trap = trap;
  input.function_start = [this](u64 address) -> std::optional<u64> {
    const CoreFunction* const function = kernel_.core().function_at(address);
    if (function == nullptr) return std::nullopt;
    return function->address;
  };
  input.saves_all = [this](u32 index) {
    return kernel_.export_at(index).kind == host::CrossingKind::kSaveAll;
  };
  TraceComposition composition;
  composition.series = kernel_.series();
  composition.event = event;
  composition.context = static_cast<FrameContext>(task->context);
  composition.boot_cpu = kernel_.sched().running_vcpu().value == 0;
  composition.export_name = [this](u32 index) { return std::string_view(kernel_.export_at(index).name); };
  const auto core_name = [this](u64 address) -> std::string_view {
    const CoreFunction* const function = kernel_.core().function_at(address);
    return function == nullptr ? std::string_view() : std::string_view(function->name);
  };
  const CoreFrames split = split_core_frames(unwind(input), core_name);
  if (split.context) composition.context = *split.context;
  if (split.in_interrupt && task->kind != sched::TaskKind::kIdle) {
    // What was interrupted, without the markers of its stack.
    TraceComposition below = composition;
    below.event = FrameEvent::kNone;
    const CoreFrames outer = split_core_frames(split.interrupted, core_name);
    below.context = outer.context.value_or(static_cast<FrameContext>(task->context));
    composition.interrupted = compose_trace(outer.frames, below, frames_);
    if (composition.interrupted.size() >= 2) {
      composition.interrupted.erase(composition.interrupted.begin());
      composition.interrupted.pop_back();
    }
  }
  return compose_trace(split.frames, composition, frames_);
}

void Traps::restore_code_bytes(SplatRegisters& registers) const {
  if (!registers.code) return;
  const u64 first = registers.rip - kCodePrologueBytes;
  for (const auto& [address, site] : sites_) {
    for (u64 i = 0; i < site.original.size(); ++i) {
      if (const u64 at = address + i - first; at < registers.code->size())
        (*registers.code)[at] = site.original[i];
    }
  }
}

SplatInput Traps::input_for(const SplatRegisters& registers, const host::TrapFrame* trap, FrameEvent event) {
  SplatInput input;
  input.context = context();
  input.registers = registers;
  restore_code_bytes(input.registers);
  input.control.gs_base = kernel_.world().percpu_area(kernel_.sched().running_vcpu());
  if (trap != nullptr) input.control.cr2 = trap->cr2;
  input.trace = trace(trap, event);
  input.source = source_of(registers.rip);
  return input;
}

void Traps::warn_at(const host::TrapFrame& frame, const std::string& file, u32 line, bool cut_here) {
  WarnEvent event;
  event.file = file;
  event.line = line;
  event.cut_here = cut_here;
  const SplatInput input = input_for(registers_from_trap(frame), &frame);
  kernel_.console().print(warn_splat(input, event, symbols_));
  kernel_.modules().taint().mask |= 1ULL << kTaintWarn;
  kernel_.note(observe::EventKind::kWarning, fmt::format("WARNING at {}:{}", file, line));
}

void Traps::classify(const host::TrapFrame& frame, OopsEvent& event) {
  event.error_code = kernel_error_code(frame.error_code);
  switch (frame.trap_number) {
    case kVectorDivide:
      event.kind = OopsKind::kDivideError;
      event.error_code = 0;
      return;
    case kVectorInt3:
      event.kind = OopsKind::kInt3;
      return;
    case kVectorUndefined: {
      event.error_code = 0;
      const auto bug = find_bug(frame.rip);
      event.kind = bug ? OopsKind::kBug : OopsKind::kInvalidOpcode;
      if (bug) {
        event.file = bug->file;
        event.line = bug->line;
      }
      return;
    }
    case kVectorStackSegment:
      event.kind = OopsKind::kStackSegment;
      return;
    case kVectorProtection:
      event.kind = OopsKind::kGeneralProtection;
      event.error_code = 0;
      return;
    case kVectorAlignment:
      event.kind = OopsKind::kAlignmentCheck;
      return;
    default:
      break;
  }
  event.kind = OopsKind::kPageFault;
  event.address = frame.cr2;
  event.page_table = "PGD 0 P4D 0 ";
  event.executed_nx_page = (event.error_code & kErrorFetch) != 0 && host::in_window(frame.cr2);
  const sched::Task* const task = kernel_.sched().current();
  const u64 guard = task->kernel_stack - host::kThreadSize;
  if (frame.cr2 >= guard && frame.cr2 < task->kernel_stack) {
    event.kind = OopsKind::kStackGuardPage;
    event.error_code = 0;  // it comes as a double fault
    const auto hashed = [&](u64 address) {
      const std::array<u64, 1> words = {address};
      printk::VaList arguments(words);
      std::string text;
      static_cast<void>(printk::format_string(text, 64, "%p", arguments, kernel_.console().environment()));
      return text;
    };
    event.fault_text = hashed(frame.cr2);
    event.stack_begin_text = hashed(task->kernel_stack);
    event.stack_end_text = hashed(task->kernel_stack + host::kThreadSize - 1);
  }
}

void Traps::oops(const host::TrapFrame& frame) {
  OopsEvent event;
  classify(frame, event);
  die(input_for(registers_from_trap(frame), &frame), event);
}

void Traps::die(const SplatInput& input, const OopsEvent& made) {
  OopsEvent event = made;
  event.number = ++oops_count_;
  const SplatRegisters first = first_oops_.value_or(input.registers);
  if (first_oops_)
    event.first = &first;
  else
    first_oops_ = input.registers;
  const SplatText text = oops_splat(input, event, symbols_);
  kernel_.console().print(text);
  kernel_.modules().taint().mask |= 1ULL << kTaintDie;
  kernel_.note(observe::EventKind::kOops, text.empty() ? "oops" : text.front().text);
  // A fault on an address of the kernel's is handled with interrupts off.
  const bool kernel_address = event.kind == OopsKind::kPageFault && !is_user_address(event.address);
  const bool interrupts_off = host::gs_area()->interrupt_flag == 0 || kernel_address;
  const auto preempt_count = static_cast<u32>(kernel_.preempt_count()) & ~kNeedReschedInverted;
  kernel_.console().print(exit_notes(input.context, interrupts_off, preempt_count));
  // make_task_dead(): a page fault kills with SIGKILL, every other oops with SIGSEGV.
  kill_current(event.kind == OopsKind::kPageFault ? SIGKILL : SIGSEGV);
}

void Traps::kill_current(int signal) {
  sched::Task* const task = kernel_.sched().current();
  if (task->kind == sched::TaskKind::kIdle) {
    panic("Fatal exception in interrupt", FrameEvent::kNone, PanicDump::kNone);
  }
  task->killed = true;
  host::upcall(kernel_.core().address_of("koi_task_dying"));
  kernel_.sched().exit_current(signal);
}

void Traps::panic(std::string_view message, FrameEvent event, PanicDump dump) {
  PanicEvent panic;
  panic.message = message;
  panic.dump = dump;
  // panic_timeout: 0 stays, anything else reboots (at once, if negative).
  const auto timeout = guest::load<s32>(kernel_.core().address_of("panic_timeout"));
  panic.end = timeout.value_or(0) == 0 ? PanicEnd::kStays : PanicEnd::kReboots;
  kernel_.console().print(panic_splat(input_at_border(event), panic, symbols_));
  kernel_.console().log().finalize_open();
  kernel_.note(observe::EventKind::kPanic, message);
  kernel_.halt(TaskEnd::How::kPanicked);
}

// ---- koi's own functions ----

std::string_view Traps::border_export() const {
  const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
  if (!record || record->export_index >= host::kBorderBase) return {};
  return kernel_.export_at(static_cast<u32>(record->export_index)).name;
}

// The event's place is koi's: no code bytes, and of the registers those that the caller's frame keeps.
SplatInput Traps::input_at_border(FrameEvent event) {
  const std::string_view exported = border_export();
  const EventFrames frames = event_frames(kernel_.series(), exported, event);
  SplatRegisters registers;
  const std::string_view place = frames.place.empty() ? exported : frames.place;
  registers.rip = place.empty() ? 0 : kernel_.name_address(place) + kFrameOffset;
  const u64 border = host::gs_area()->border;
  if (const auto record = guest::load<host::BorderRecord>(border)) {
    registers.rsp = border + sizeof(host::BorderRecord);
    registers.rbx = record->rbx;
    registers.rbp = record->rbp;
    registers.r12 = record->r12;
    registers.r13 = record->r13;
    registers.r14 = record->r14;
    registers.r15 = record->r15;
  }
  return input_for(registers, nullptr, event);
}

std::vector<SourcePlace> Traps::source_of(u64 address) {
  ModuleInstance* const module = kernel_.modules().find_by_address(address);
  if (module == nullptr) return {};
  return module->source_places(address);
}

void Traps::fault_at_border(u64 address, bool write) {
  pending_ = PendingFault{address, write};
  kernel_.sched().request_border();
}

void Traps::warn(FrameEvent event, const KernelPlace& place, std::string_view message) {
  WarnEvent warning;
  warning.file = place.file;
  warning.line = kernel_.is_6_12() ? place.line_6_12 : place.line_6_1;
  warning.message = message;
  const SplatInput input = input_at_border(event);
  kernel_.console().print(warn_splat(input, warning, symbols_));
  kernel_.modules().taint().mask |= 1ULL << kTaintWarn;
  kernel_.note(observe::EventKind::kWarning, fmt::format("WARNING at {}:{} {}", warning.file, warning.line,
                                                         symbol_text(symbols_, input.registers.rip)));
}

void Traps::bug(FrameEvent event, const KernelPlace& place) {
  OopsEvent oops;
  oops.kind = OopsKind::kBug;
  oops.file = place.file;
  oops.line = kernel_.is_6_12() ? place.line_6_12 : place.line_6_1;
  die(input_at_border(event), oops);
}

void Traps::fault(FrameEvent event, u64 address, bool write) {
  OopsEvent oops;
  oops.kind = OopsKind::kPageFault;
  oops.address = address;
  oops.error_code = write ? kErrorWrite : 0;
  oops.page_table = "PGD 0 P4D 0 ";
  SplatInput input = input_at_border(event);
  input.control.cr2 = address;
  die(input, oops);
}

void Traps::trap(FrameEvent event, OopsKind kind) {
  OopsEvent oops;
  oops.kind = kind;
  die(input_at_border(event), oops);
}

void Traps::scheduling_while_atomic(u32 preempt_count) {
  SplatInput input = input_at_border(FrameEvent::kScheduleWhileAtomic);
  const SplatText text = scheduling_while_atomic_splat(input, preempt_count, {}, symbols_);
  kernel_.console().print(text);
  kernel_.modules().taint().mask |= 1ULL << kTaintWarn;
  kernel_.note(observe::EventKind::kWarning, text.empty() ? "scheduling while atomic" : text.front().text);
}

void Traps::check_soft_lockup(const host::TrapFrame* frame) {
  const auto lockup = kernel_.sched().take_lockup();
  if (!lockup) return;
  const SplatInput input = frame != nullptr ? input_for(registers_from_trap(*frame), frame)
                                            : input_at_border(FrameEvent::kSpinDeadlock);
  const SplatText text = soft_lockup_splat(input, lockup->seconds, symbols_);
  kernel_.console().print(text);
  kernel_.modules().taint().mask |= 1ULL << kTaintSoftLockup;
  // Time has shown what it had to: from here on a spinner's steps are short, so that the log does not fill.
  longest_yield_ns_ = kLongestYieldAfterLockupNs;
  kernel_.note(observe::EventKind::kLockup, text.empty() ? "soft lockup" : text.front().text);
}

void Traps::dump_stack(u8 level) { dump_stack(level, FrameEvent::kDumpStack); }

void Traps::dump_stack(u8 level, FrameEvent event) {
  kernel_.console().print(stack_dump(input_at_border(event), symbols_, level));
}

void Traps::dump_loader_stack() {
  SplatInput input = input_at_border(FrameEvent::kNone);
  input.trace = {trace_stack_begin("TASK")};
  const auto add = [&](std::string_view name) {
    input.trace.push_back(trace_address(kernel_.name_address(name) + kFrameOffset));
  };
  add("dump_stack_lvl");
  // do_one_initcall has returned: the loader is its caller.
  const ContextFrames callers = context_frames(kernel_.series(), FrameContext::kModuleInit);
  for (size_t i = 1; i < callers.callers.size(); ++i) {
    // The unlikely branch that prints this was split off.
    add(i == 1 && !kernel_.is_6_12() ? "do_init_module.cold" : callers.callers[i]);
  }
  input.trace.push_back(trace_stack_end("TASK"));
  kernel_.console().print(stack_dump(input, symbols_, 4));
}

void Traps::check_initcall(u64 function, s32 preempt_count) {
  std::string what;
  if (kernel_.preempt_count() != preempt_count) {
    what += "preemption imbalance ";
    kernel_.preempt_count() = preempt_count;
  }
  if (host::gs_area()->interrupt_flag == 0) {
    what += "disabled interrupts ";
    host::gs_area()->interrupt_flag = kInterruptFlag;
  }
  if (what.empty()) return;
  const EventFrames frames = initcall_imbalance_frames(kernel_.series());
  WarnEvent warning;
  warning.file = "init/main.c";
  warning.line = kernel_.is_6_12() ? 1253 : 1284;
  warning.message = fmt::format("initcall {} returned with {}", symbol_text(symbols_, function), what);
  SplatRegisters registers;
  registers.rip = kernel_.name_address(frames.place) + kFrameOffset;
  SplatInput input = input_for(registers, nullptr);
  input.trace = {trace_stack_begin("TASK")};
  for (const std::string_view name : frames.callers) {
    input.trace.push_back(trace_address(kernel_.name_address(name) + kFrameOffset));
  }
  input.trace.push_back(trace_stack_end("TASK"));
  kernel_.console().print(warn_splat(input, warning, symbols_));
  kernel_.modules().taint().mask |= 1ULL << kTaintWarn;
  kernel_.note(observe::EventKind::kWarning, warning.message);
}

void Traps::format_warning(printk::FormatWarning kind, std::string_view text) {
  constexpr const char* kFile = "lib/vsprintf.c";
  switch (kind) {
    case printk::FormatWarning::kUnsupportedConversion:
      return warn(FrameEvent::kFormatWarning, {kFile, 2661, 2659}, text);
    case printk::FormatWarning::kWidthTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2693, 2691}, text);
    case printk::FormatWarning::kPrecisionTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2702, 2700}, text);
    case printk::FormatWarning::kSizeTooLarge:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2743, 2741}, text);
    case printk::FormatWarning::kRust:
      return warn(FrameEvent::kVsnprintfWarning, {kFile, 2466, 2464}, text);
  }
}

void Traps::unsupported(std::string_view what) {
  kernel_.console().print(0, fmt::format("koi: not supported: {}", what));
  kernel_.note(observe::EventKind::kUnsupported, what);
  bug(FrameEvent::kNone, {"koi", 0, 0});
}

const void* Traps::missing_function() {
  void (*const function)() = [] {
    const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
    CHECK(record.has_value());
    g_traps->unsupported(g_traps->kernel_.export_at(static_cast<u32>(record->export_index)).name);
  };
  return reinterpret_cast<const void*>(function);
}

void Traps::end_if_timed_out() {
  if (g_cpu_tick_limit == 0 || g_cpu_ticks < g_cpu_tick_limit) return;
  kernel_.note(observe::EventKind::kTimeout,
               fmt::format("{} s of CPU time are used up (--timeout)", kernel_.config().timeout_s));
  sched::Task* const task = kernel_.sched().current();
  if (kernel_.timed_out() || task->kind == sched::TaskKind::kIdle) kernel_.halt(TaskEnd::How::kTimedOut);
  // The task dies as if it had been killed; some time is left to unload what was loaded before.
  g_cpu_tick_limit = g_cpu_ticks + kGraceSeconds * kCpuTicksPerSecond;
  kernel_.note_timeout();
  kill_current(SIGKILL);
}

void Traps::border() {
  end_if_timed_out();
  if (pending_) {
    const PendingFault fault = *pending_;
    pending_.reset();
    this->fault(FrameEvent::kFaultInside, fault.address, fault.write);
  }
  kernel_.sched().border();
  check_soft_lockup(nullptr);
}

void Traps::remove_sites(u64 begin, u64 end) {
  std::erase_if(jiffies_slots_, [&](const auto& slot) { return slot.first >= begin && slot.first < end; });
  std::erase_if(sites_, [&](const auto& site) { return site.first >= begin && site.first < end; });
  std::erase_if(bugs_done_, [&](u64 site) { return site >= begin && site < end; });
}

}  // namespace koi::runtime
