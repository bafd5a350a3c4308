// SPDX-License-Identifier: GPL-2.0-only
// What modules call that were built with --sanitize=address: before each access, for each file's globals, and around arrays of
// variable size; the memory functions, which look at all that they touch; those of the kernel's headers
// (kernel/instrumented/koi_kasan.h).
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/instrumented_call.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/checks/sanitizers.h"

namespace koi::kapi {
namespace {

using guest::Address;
using runtime::AccessKind;
using runtime::AddressChecks;

AddressChecks& checks() { return current().sanitizers().addresses(); }

template <u64 kBytes, AccessKind kKind>
void access(Address address) {
  checks().check(address, kBytes, kKind, instrumented_access());
}
template <AccessKind kKind>
void access_n(Address address, u64 bytes) {
  checks().check(address, bytes, kKind, instrumented_access());
}
template <u64 kBytes, AccessKind kKind>
void report(Address address) {
  checks().report(address, kBytes, kKind, instrumented_access());
}
template <AccessKind kKind>
void report_n(Address address, u64 bytes) {
  checks().report(address, bytes, kKind, instrumented_access());
}
void register_globals(Address globals, u64 count) { checks().register_globals(globals, count, true); }
void unregister_globals(Address globals, u64 count) { checks().register_globals(globals, count, false); }
void poison_alloca(Address address, u64 bytes) { checks().poison_alloca(address, bytes); }
void unpoison_allocas(Address top, Address bottom) { checks().unpoison_allocas(top, bottom); }
// The stack is looked at again when its next function writes its own shadow.
void nothing() {}
template <u8 kCode>
void set_shadow(Address shadow, u64 bytes) {
  checks().set_shadow(shadow, bytes, kCode);
}

// kasan_check_read(), kasan_check_write(): true when nothing is wrong.
template <AccessKind kKind>
bool check(Address address, u32 bytes) {
  checks().check(address, bytes, kKind, instrumented_access());
  return true;
}

Address copy(Address to, Address from, u64 bytes) {
  checks().check(from, bytes, AccessKind::kRead, instrumented_access());
  checks().check(to, bytes, AccessKind::kWrite, instrumented_access());
  // Forwards or backwards, so that overlapping ranges come out right; in pieces, since either side may be bad.
  u8 piece[256];
  const bool backwards = to > from;
  for (u64 done = 0; done < bytes;) {
    const u64 part = std::min<u64>(bytes - done, sizeof(piece));
    const u64 at = backwards ? bytes - done - part : done;
    if (guest::copy_in(piece, from + at, part) != 0 || guest::copy_out(to + at, piece, part) != 0) {
      raise(guest::last_fault());
      break;
    }
    done += part;
  }
  return to;
}

Address set(Address to, s32 value, u64 bytes) {
  checks().check(to, bytes, AccessKind::kWrite, instrumented_access());
  u8 piece[256];
  std::fill(std::begin(piece), std::end(piece), static_cast<u8>(value));
  for (u64 done = 0; done < bytes;) {
    const u64 part = std::min<u64>(bytes - done, sizeof(piece));
    if (guest::copy_out(to + done, piece, part) != 0) {
      raise(guest::last_fault());
      break;
    }
    done += part;
  }
  return to;
}

}  // namespace

#define KOI_ASAN_SIZE(bytes)                                                                 \
  {"__asan_load" #bytes, address(access<bytes, AccessKind::kRead>)},                         \
      {"__asan_store" #bytes, address(access<bytes, AccessKind::kWrite>)},                   \
      {"__asan_load" #bytes "_noabort", address(access<bytes, AccessKind::kRead>)},          \
      {"__asan_store" #bytes "_noabort", address(access<bytes, AccessKind::kWrite>)},        \
      {"__asan_report_load" #bytes "_noabort", address(report<bytes, AccessKind::kRead>)}, { \
    "__asan_report_store" #bytes "_noabort", address(report<bytes, AccessKind::kWrite>)      \
  }

runtime::ExportTable asan_exports() {
  static const runtime::Export table[] = {
      KOI_ASAN_SIZE(1),
      KOI_ASAN_SIZE(2),
      KOI_ASAN_SIZE(4),
      KOI_ASAN_SIZE(8),
      KOI_ASAN_SIZE(16),
      {"__asan_loadN", address(access_n<AccessKind::kRead>)},
      {"__asan_storeN", address(access_n<AccessKind::kWrite>)},
      {"__asan_loadN_noabort", address(access_n<AccessKind::kRead>)},
      {"__asan_storeN_noabort", address(access_n<AccessKind::kWrite>)},
      {"__asan_report_load_n_noabort", address(report_n<AccessKind::kRead>)},
      {"__asan_report_store_n_noabort", address(report_n<AccessKind::kWrite>)},
      {"__asan_register_globals", address(register_globals)},
      {"__asan_unregister_globals", address(unregister_globals)},
      {"__asan_handle_no_return", address(nothing)},
      {"__asan_alloca_poison", address(poison_alloca)},
      {"__asan_allocas_unpoison", address(unpoison_allocas)},
      {"__asan_set_shadow_00", address(set_shadow<0x00>)},
      {"__asan_set_shadow_f1", address(set_shadow<0xf1>)},
      {"__asan_set_shadow_f2", address(set_shadow<0xf2>)},
      {"__asan_set_shadow_f3", address(set_shadow<0xf3>)},
      {"__asan_set_shadow_f5", address(set_shadow<0xf5>)},
      {"__asan_set_shadow_f8", address(set_shadow<0xf8>)},
      {"__asan_memcpy", address(copy)},
      {"__asan_memmove", address(copy)},
      {"__asan_memset", address(set)},
      {"__hwasan_memcpy", address(copy)},  // what gcc 12 calls them in some configurations
      {"__hwasan_memmove", address(copy)},
      {"__hwasan_memset", address(set)},
      {"__kasan_check_read", address(check<AccessKind::kRead>)},
      {"__kasan_check_write", address(check<AccessKind::kWrite>)},
  };
  return table;
}

}  // namespace koi::kapi
