// SPDX-License-Identifier: GPL-2.0-only
// What a splat is made of: the context, the registers, the call trace, at a trap or at the border.
#include "runtime/splat/traps.h"

#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/core/core_frames.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {

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

std::vector<Frame> Traps::unwound(const sched::Task& task, u64 border, const host::TrapFrame* trap) {
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
  const StackRange stack{task.kernel_stack, task.kernel_stack + host::kThreadSize};
  UnwindInput input;
  input.code = code;
  input.stacks = {&stack, 1};
  input.upcall_return_stub = kernel_.stubs().upcall_return_stub();
  input.border = border;
  input.trap = trap;
  input.function_start = [this](u64 address) -> std::optional<u64> {
    const CoreFunction* const function = kernel_.core().function_at(address);
    if (function == nullptr) return std::nullopt;
    return function->address;
  };
  input.saves_all = [this](u32 index) {
    return kernel_.export_at(index).kind == host::CrossingKind::kSaveAll;
  };
  return unwind(input);
}

std::vector<u64> Traps::module_frames() {
  std::vector<u64> addresses;
  for (const Frame& frame : unwound(*kernel_.sched().current(), host::gs_area()->border, nullptr)) {
    if (frame.kind != FrameKind::kText || !frame.reliable) continue;
    if (kernel_.modules().find_by_address(frame.address - 1) != nullptr) addresses.push_back(frame.address);
  }
  return addresses;
}

std::vector<TraceItem> Traps::trace(const host::TrapFrame* trap, FrameEvent event) {
  return trace_of(*kernel_.sched().current(), host::gs_area()->border, trap, event);
}

std::vector<TraceItem> Traps::trace_of(const sched::Task& task, u64 border, const host::TrapFrame* trap,
                                       FrameEvent event) {
  TraceComposition composition;
  composition.series = kernel_.series();
  composition.event = event;
  composition.context = static_cast<FrameContext>(task.context);
  composition.boot_cpu = kernel_.sched().running_vcpu().value == 0;
  composition.export_name = [this](u32 index) { return std::string_view(kernel_.export_at(index).name); };
  const auto core_name = [this](u64 address) -> std::string_view {
    const CoreFunction* const function = kernel_.core().function_at(address);
    return function == nullptr ? std::string_view() : function->name;
  };
  const CoreFrames split = split_core_frames(unwound(task, border, trap), core_name);
  if (split.context) composition.context = *split.context;
  if (split.in_interrupt && task.kind != sched::TaskKind::kIdle) {
    // What was interrupted, without the markers of its stack.
    TraceComposition below = composition;
    below.event = FrameEvent::kNone;
    const CoreFrames outer = split_core_frames(split.interrupted, core_name);
    below.context = outer.context.value_or(static_cast<FrameContext>(task.context));
    composition.interrupted = compose_trace(outer.frames, below, frames_);
    if (composition.interrupted.size() >= 2) {
      composition.interrupted.erase(composition.interrupted.begin());
      composition.interrupted.pop_back();
    }
  }
  if (split.in_interrupt && task.kind == sched::TaskKind::kIdle) {
    // It waits in hlt, at the top of its stack.
    SplatRegisters idle;
    idle.rip = kernel_.name_address(idle_place(kernel_.series())) + kFrameOffset;
    idle.rsp = task.kernel_stack + host::kThreadSize;
    composition.idle = idle;
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

}  // namespace koi::runtime
