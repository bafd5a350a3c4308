// SPDX-License-Identifier: GPL-2.0-only
// What the C core calls: koi_core.h, and the entries that the compiler's and the headers' output expects.
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {
namespace {

using host::CrossingKind;

void koi_unsupported(guest::Address what) {
  current().traps().unsupported(guest::load_string(what, 256).value_or("(an unreadable name)"));
}

// The fixed virtual CPU: qemu64 as the reference machines had it.
void koi_cpuid(guest::Address eax, guest::Address ebx, guest::Address ecx, guest::Address edx) {
  const u32 leaf = guest::load<u32>(eax).value_or(0);
  u32 values[4] = {0, 0, 0, 0};
  if (leaf == 0) {
    values[0] = 0xd;
    values[1] = 0x68747541;
    values[2] = 0x444d4163;
    values[3] = 0x69746e65;
  } else if (leaf == 1) {
    values[0] = 0x60fb1;
    values[2] = 0x80802001;
    values[3] = 0x178bfbfd;
  }
  const guest::Address places[4] = {eax, ebx, ecx, edx};
  for (int i = 0; i < 4; ++i) static_cast<void>(guest::store(places[i], values[i]));
}

s32 koi_param_set(guest::Address ops, guest::Address value, guest::Address record) {
  const auto name = guest::load_string(ops, 64);
  std::optional<std::string> text;
  if (value != 0) text = guest::load_string(value, 4096);
  if (!name || (value != 0 && !text)) {
    raise(guest::last_fault());
    return 0;
  }
  return current().modules().param_set(*name, text, record);
}

s32 koi_param_get(guest::Address ops, guest::Address buffer, guest::Address record) {
  int error = 0;
  const std::string text =
      current().modules().param_get(guest::load_string(ops, 64).value_or(""), record, error);
  if (error != 0) return error;
  if (guest::copy_out(buffer, text.c_str(), text.size() + 1) != 0) raise(guest::last_fault());
  return static_cast<s32>(text.size());
}

void preempt_schedule() {
  runtime::Kernel& kernel = current();
  if (kernel.preempt_count() == 0) kernel.sched().schedule();
}

void stack_chk_fail() {
  runtime::Kernel& kernel = current();
  const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
  const u64 caller = record ? record->return_rip : 0;
  kernel.traps().panic("stack-protector: Kernel stack is corrupted in: " +
                           runtime::backtrace_text(kernel.traps().symbols(), caller),
                       runtime::FrameEvent::kStackProtector);
}

void bug_func() { current().traps().unsupported("a paravirtual call that the kernel patches (BUG_func)"); }

}  // namespace

runtime::ExportTable core_exports() {
  static const runtime::Export table[] = {
      {"koi_unsupported", address(koi_unsupported)},
      {"koi_cpuid", address(koi_cpuid)},
      {"koi_param_set", address(koi_param_set)},
      {"koi_param_get", address(koi_param_get)},
      {"BUG_func", address(bug_func)},
      {"__stack_chk_fail", address(stack_chk_fail)},
      {"__SCT__preempt_schedule", address(preempt_schedule), CrossingKind::kSaveAll},
      {"__SCT__preempt_schedule_notrace", address(preempt_schedule), CrossingKind::kSaveAll},
      {"preempt_schedule", address(preempt_schedule)},
  };
  return table;
}

}  // namespace koi::kapi
