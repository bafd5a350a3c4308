// SPDX-License-Identifier: GPL-2.0-only
// What the C core's lock functions tell the lock validator (kernel/koi_core.h).
#include <fmt/format.h>

#include "host/guest_memory.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/checks/lock_checks.h"

namespace koi::kapi {
namespace {

using guest::Address;

void koi_lockdep_acquire(Address lock, u32 how, u64 ip) { current().locks().acquire(lock, how, ip); }
void koi_lockdep_release(Address lock, u32 how, u64 ip) { current().locks().release(lock, how, ip); }
void koi_lockdep_downgrade(Address lock) { current().locks().downgrade(lock); }
void koi_lockdep_init(Address lock, u64 bytes, Address name, u64 ip) {
  current().locks().initialised(lock, bytes, name, ip);
}
void koi_lockdep_irqs_on(s32 soft) { current().locks().interrupts_on(soft != 0); }
void koi_lockdep_waits(Address lock, u64 ip) { current().locks().waits(lock, ip); }
void koi_lockdep_contended(Address lock, u64 wait_ns) { current().locks().contended(lock, wait_ns); }
void koi_lockdep_show_held() { current().locks().show_held(); }
void koi_lockdep_describe(s32 irqs_off) { current().locks().describe(irqs_off != 0); }
void koi_lockdep_uninitialised() { current().locks().uninitialised(); }
void koi_lockdep_suspicious_rcu(Address file, u32 line, Address what) {
  current().locks().suspicious_rcu(fmt::format("{}:{} {}!", guest::load_string(file, 64).value_or(""), line,
                                               guest::load_string(what, 128).value_or("")));
}

}  // namespace

runtime::ExportTable lockdep_exports() {
  static const runtime::Export table[] = {
      {"koi_lockdep_acquire", address(koi_lockdep_acquire)},
      {"koi_lockdep_release", address(koi_lockdep_release)},
      {"koi_lockdep_downgrade", address(koi_lockdep_downgrade)},
      {"koi_lockdep_init", address(koi_lockdep_init)},
      {"koi_lockdep_irqs_on", address(koi_lockdep_irqs_on)},
      {"koi_lockdep_waits", address(koi_lockdep_waits)},
      {"koi_lockdep_contended", address(koi_lockdep_contended)},
      {"koi_lockdep_show_held", address(koi_lockdep_show_held)},
      {"koi_lockdep_describe", address(koi_lockdep_describe)},
      {"koi_lockdep_uninitialised", address(koi_lockdep_uninitialised)},
      {"koi_lockdep_suspicious_rcu", address(koi_lockdep_suspicious_rcu)},
  };
  return table;
}

}  // namespace koi::kapi
