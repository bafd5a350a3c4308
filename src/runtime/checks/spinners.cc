// SPDX-License-Identifier: GPL-2.0-only
// Loops that wait for something: the instructions that koi stands in for (pause, rdtsc, reads of jiffies), forced
// preemption.
#include "runtime/splat/traps.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr u64 kFirstYieldNs = 1'000;
constexpr u64 kLongestBusyYieldNs = 10'000;
constexpr u64 kFirstSpinNs = 1'000;
constexpr u64 kLongestSpinNs = 100'000;
// What a forced preemption is worth in virtual time: such a loop would go on for ever, so the watchdog may see it at once.
constexpr u64 kForcedStepNs = 1'000'000'000;
constexpr u64 kForcedSteps = 30;

constexpr u64 kTscPerNs = 2;  // tsc_khz of koi_core_init: 2 GHz

}  // namespace

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
  check_stalls(&frame);
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

u64 Traps::spin_step_ns(u64 lock) {
  const u64 longest_ns = std::min(kLongestSpinNs, longest_yield_ns_);
  last_spin_step_ns_ = lock == spins_for_ ? std::min(last_spin_step_ns_ * 2, longest_ns) : kFirstSpinNs;
  spins_for_ = lock;
  return last_spin_step_ns_;
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
  check_stalls(&frame);
}

void Traps::preempt_by_force(host::TrapFrame& frame) {
  end_if_timed_out();
  if (kernel_.journal().count(observe::EventKind::kForcedPreemption) == 0) {
    kernel_.note(observe::EventKind::kForcedPreemption, "a loop without calls into the kernel");
  }
  for (u64 second = 0; second < kForcedSteps; ++second) {
    kernel_.sched().advance(kForcedStepNs);
    kernel_.sched().border();
    check_stalls(&frame);
  }
}

}  // namespace koi::runtime
