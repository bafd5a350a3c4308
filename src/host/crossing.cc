// SPDX-License-Identifier: GPL-2.0-only
#include "host/crossing.h"

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/border_hook.h"
#include "host/guest_memory.h"

extern "C" {
// Read by crossing.S.
const void* const* koi_export_functions __attribute__((visibility("hidden"))) = nullptr;
void (*koi_border_slow_path)() __attribute__((visibility("hidden"))) = nullptr;
koi::u64 koi_upcall_return_stub_address __attribute__((visibility("hidden"))) = 0;
// What koi_leaf_return_cleared may use on this processor.
bool koi_has_avx __attribute__((visibility("hidden"))) = __builtin_cpu_supports("avx") != 0;

extern const char koi_crossing_prologue_begin[];
extern const char koi_crossing_prologue_end[];
void koi_cross();
void koi_cross_pair();
void koi_cross_stack();
void koi_cross_variadic();
void koi_cross_save_all();
void koi_leaf_slow();
extern const char __start_koi_leaf_text[] __attribute__((weak, visibility("hidden")));
extern const char __stop_koi_leaf_text[] __attribute__((weak, visibility("hidden")));
void koi_upcall_return();
void koi_trap_entry();
koi::u64 koi_upcall(koi::u64 function, const koi::u64* arguments);
void koi_trap_entered(koi::host::TrapFrame* frame) __attribute__((visibility("hidden")));
}

namespace koi::host {
namespace {

TrapDispatcher g_trap_dispatcher = nullptr;
TrapFrame g_trap_staging;

// HWCAP2_FSGSBASE: the kernel lets user space use rdgsbase and wrgsbase.
struct HasFsgsbase {
  bool value = (getauxval(AT_HWCAP2) & 2U) != 0;
};

}  // namespace

void set_trap_dispatcher(TrapDispatcher dispatcher) { g_trap_dispatcher = dispatcher; }
void set_border_slow_path(BorderSlowPath slow_path) { koi_border_slow_path = slow_path; }
BorderSlowPath border_slow_path() { return koi_border_slow_path; }
void set_export_functions(const void* const* functions) { koi_export_functions = functions; }

const void* crossing_entry(CrossingKind kind) {
  switch (kind) {
    case CrossingKind::kPlain:
      return reinterpret_cast<const void*>(&koi_cross);
    case CrossingKind::kPair:
      return reinterpret_cast<const void*>(&koi_cross_pair);
    case CrossingKind::kStackArgs:
      return reinterpret_cast<const void*>(&koi_cross_stack);
    case CrossingKind::kVariadic:
      return reinterpret_cast<const void*>(&koi_cross_variadic);
    case CrossingKind::kSaveAll:
      return reinterpret_cast<const void*>(&koi_cross_save_all);
  }
  return nullptr;
}

u64 upcall(u64 function, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  const u64 arguments[6] = {a0, a1, a2, a3, a4, a5};
  return koi_upcall(function, arguments);
}

u64 trap_entry_address() { return reinterpret_cast<u64>(&koi_trap_entry); }

bool in_crossing_prologue(u64 rip) {
  return rip >= reinterpret_cast<u64>(koi_crossing_prologue_begin) &&
         rip < reinterpret_cast<u64>(koi_crossing_prologue_end);
}

const void* leaf_off() { return reinterpret_cast<const void*>(&koi_leaf_slow); }
bool in_leaf_text(u64 rip) {
  return rip >= reinterpret_cast<u64>(__start_koi_leaf_text) &&
         rip < reinterpret_cast<u64>(__stop_koi_leaf_text);
}

TrapFrame* trap_staging() { return &g_trap_staging; }

GsArea* gs_area() {
  u64 base = 0;
  if (static const HasFsgsbase fsgsbase; fsgsbase.value) {
    asm volatile("rdgsbase %0" : "=r"(base));
  } else {
    syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
  }
  return reinterpret_cast<GsArea*>(base);
}

void set_gs_base(u64 base) {
  if (static const HasFsgsbase fsgsbase; fsgsbase.value) {
    asm volatile("wrgsbase %0" : : "r"(base) : "memory");
    return;
  }
  const long rc = syscall(SYS_arch_prctl, ARCH_SET_GS, base);
  CHECK(rc == 0);
}

}  // namespace koi::host

// The trapped frames must survive upcalls made while the trap is handled: a border record below them protects them.
// A stack pointer that cannot hold a record (stack overflow, a wild rsp) leaves the older border in place.
extern "C" void koi_trap_entered(koi::host::TrapFrame* frame) {
  using namespace koi;
  using namespace koi::host;
  *frame = g_trap_staging;
  GsArea* const area = gs_area();
  const u64 outer = area->border;
  BorderRecord record{};
  record.previous = outer;
  record.export_index = kBorderTrap;
  record.return_rip = reinterpret_cast<u64>(frame);
  const u64 at = ((frame->rsp - sizeof(BorderRecord)) & ~15ULL) - 16;
  if (at < outer && outer - at < kThreadSize && guest::copy_out(at, &record, sizeof(record)) == 0) {
    area->border = at;
  }
  CHECK(g_trap_dispatcher != nullptr);
  g_trap_dispatcher(frame);
  gs_area()->border = outer;
}
