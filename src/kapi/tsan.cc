// SPDX-License-Identifier: GPL-2.0-only
// What modules call that were built with --sanitize=thread: the compiler's callbacks, before each access; those of the kernel's
// headers, for inlined atomics, bit operations, barriers and user copies (kernel/instrumented/koi_kcsan.h); and what the C core
// tells of its own functions (kernel/locking/race.c).
#include <type_traits>

#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/instrumented_call.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/checks/sanitizers.h"

namespace koi::kapi {
namespace {

using guest::Address;
using race::kCompound;
using race::kMarked;
using race::kRead;
using race::kWrite;
using runtime::RaceChecks;

RaceChecks& races() { return current().sanitizers().races(); }

template <u32 kBytes, u8 kFlags>
void accessed(Address address) {
  races().access(address, kBytes, kFlags, instrumented_access());
}
void read_range(Address address, u64 bytes) { races().access(address, bytes, kRead, instrumented_access()); }
void write_range(Address address, u64 bytes) {
  races().access(address, bytes, kWrite, instrumented_access());
}
void func_entry(u64 return_address) { races().function_entered(return_address); }
void func_exit() { races().function_left(); }
void init() {}

// ---- the compiler's own atomics (__atomic_*, __sync_*), which the call stands for ----

enum class Rmw : u8 { kExchange, kAdd, kSub, kAnd, kOr, kXor, kNand };

void note_atomic(Address address, u32 bytes, u8 flags, s32 order) {
  constexpr s32 kRelease = 3;  // and acquire-release, sequentially consistent
  if (order >= kRelease && (flags & kWrite) != 0) races().fence();
  races().access(address, bytes, static_cast<u8>(flags | kMarked), instrumented_access());
}

template <class T>
T atomic_load(Address address, s32 order) {
  note_atomic(address, sizeof(T), kRead, order);
  const auto value = guest::load<T>(address);
  if (!value) raise(guest::last_fault());
  return value.value_or(T{});
}

template <class T>
void atomic_store(Address address, T value, s32 order) {
  note_atomic(address, sizeof(T), kWrite, order);
  if (!guest::store<T>(address, value)) raise(guest::last_fault());
}

template <class T, Rmw kHow>
T atomic_rmw(Address address, T operand, s32 order) {
  note_atomic(address, sizeof(T), kWrite | kCompound, order);
  const auto old = guest::load<T>(address);
  if (!old) {
    raise(guest::last_fault());
    return T{};
  }
  T fresh = operand;
  if constexpr (kHow == Rmw::kAdd) fresh = static_cast<T>(*old + operand);
  if constexpr (kHow == Rmw::kSub) fresh = static_cast<T>(*old - operand);
  if constexpr (kHow == Rmw::kAnd) fresh = static_cast<T>(*old & operand);
  if constexpr (kHow == Rmw::kOr) fresh = static_cast<T>(*old | operand);
  if constexpr (kHow == Rmw::kXor) fresh = static_cast<T>(*old ^ operand);
  if constexpr (kHow == Rmw::kNand) fresh = static_cast<T>(~(*old & operand));
  if (!guest::store<T>(address, fresh)) raise(guest::last_fault());
  return *old;
}

template <class T>
s32 atomic_cas(Address address, Address expected, T desired, s32 order, s32 /*failure_order*/) {
  note_atomic(address, sizeof(T), kWrite | kCompound, order);
  const auto old = guest::load<T>(address);
  const auto wanted = guest::load<T>(expected);
  if (!old || !wanted) {
    raise(guest::last_fault());
    return 0;
  }
  const bool same = *old == *wanted;
  if (!(same ? guest::store<T>(address, desired) : guest::store<T>(expected, *old)))
    raise(guest::last_fault());
  return same ? 1 : 0;
}

template <class T>
T atomic_cas_value(Address address, T expected, T desired, s32 order, s32 /*failure_order*/) {
  note_atomic(address, sizeof(T), kWrite | kCompound, order);
  const auto old = guest::load<T>(address);
  if (!old) {
    raise(guest::last_fault());
    return T{};
  }
  if (*old == expected && !guest::store<T>(address, desired)) raise(guest::last_fault());
  return *old;
}

void thread_fence(s32 /*order*/) { races().fence(); }
void signal_fence(s32 /*order*/) {}

// ---- the kernel's headers ----

// KCSAN_ACCESS_WRITE, _COMPOUND and _ATOMIC are the detector's flags; _ASSERT and _SCOPED are not passed on. 6.1's headers call
// xchg() and cmpxchg() writes, and those of both releases set_bit().
void check_access(Address address, u64 bytes, u32 type) {
  auto flags = static_cast<u8>(type & (kWrite | kCompound | kMarked));
  if ((flags & kMarked) != 0) flags |= race::kHandsOn;
  races().access(address, bytes, flags, instrumented_access());
}
void memory_fence() { races().fence(); }
void read_fence() {}  // a marked read orders already: see engine/race/detector.h
void atomic_next(s32 count) { races().atomic_next(static_cast<u32>(count)); }
void atomic_begin() { races().atomic_section(+1); }
void atomic_end() { races().atomic_section(-1); }
void disable_current() { races().switch_off(+1); }
void enable_current() { races().switch_off(-1); }

// ---- --sanitize=coverage ----

void trace_pc() { current().sanitizers().coverage().hit(instrumented_access()); }

// ---- the C core ----

void koi_race_release(Address object) { races().release(object); }
void koi_race_acquire(Address object) { races().acquire(object); }
void koi_race_atomic(Address word) { races().atomic(word); }
void koi_race_grace_period() { races().grace_period(); }

}  // namespace

#define KOI_ACCESSES(bytes)                                                                   \
  {"__tsan_read" #bytes, address(accessed<bytes, kRead>)},                                    \
      {"__tsan_write" #bytes, address(accessed<bytes, kWrite>)},                              \
      {"__tsan_unaligned_read" #bytes, address(accessed<bytes, kRead>)},                      \
      {"__tsan_unaligned_write" #bytes, address(accessed<bytes, kWrite>)},                    \
      {"__tsan_read_write" #bytes, address(accessed<bytes, kWrite | kCompound>)},             \
      {"__tsan_unaligned_read_write" #bytes, address(accessed<bytes, kWrite | kCompound>)},   \
      {"__tsan_volatile_read" #bytes, address(accessed<bytes, kRead | kMarked>)},             \
      {"__tsan_volatile_write" #bytes, address(accessed<bytes, kWrite | kMarked>)},           \
      {"__tsan_unaligned_volatile_read" #bytes, address(accessed<bytes, kRead | kMarked>)}, { \
    "__tsan_unaligned_volatile_write" #bytes, address(accessed<bytes, kWrite | kMarked>)      \
  }

#define KOI_ATOMICS(bits, type)                                                       \
  {"__tsan_atomic" #bits "_load", address(atomic_load<type>)},                        \
      {"__tsan_atomic" #bits "_store", address(atomic_store<type>)},                  \
      {"__tsan_atomic" #bits "_exchange", address(atomic_rmw<type, Rmw::kExchange>)}, \
      {"__tsan_atomic" #bits "_fetch_add", address(atomic_rmw<type, Rmw::kAdd>)},     \
      {"__tsan_atomic" #bits "_fetch_sub", address(atomic_rmw<type, Rmw::kSub>)},     \
      {"__tsan_atomic" #bits "_fetch_and", address(atomic_rmw<type, Rmw::kAnd>)},     \
      {"__tsan_atomic" #bits "_fetch_or", address(atomic_rmw<type, Rmw::kOr>)},       \
      {"__tsan_atomic" #bits "_fetch_xor", address(atomic_rmw<type, Rmw::kXor>)},     \
      {"__tsan_atomic" #bits "_fetch_nand", address(atomic_rmw<type, Rmw::kNand>)},   \
      {"__tsan_atomic" #bits "_compare_exchange_strong", address(atomic_cas<type>)},  \
      {"__tsan_atomic" #bits "_compare_exchange_weak", address(atomic_cas<type>)}, {  \
    "__tsan_atomic" #bits "_compare_exchange_val", address(atomic_cas_value<type>)    \
  }

runtime::ExportTable tsan_exports() {
  static const runtime::Export table[] = {
      KOI_ACCESSES(1),
      KOI_ACCESSES(2),
      KOI_ACCESSES(4),
      KOI_ACCESSES(8),
      KOI_ACCESSES(16),
      {"__tsan_read_range", address(read_range)},
      {"__tsan_write_range", address(write_range)},
      {"__tsan_func_entry", address(func_entry)},
      {"__tsan_func_exit", address(func_exit)},
      {"__tsan_init", address(init)},
      KOI_ATOMICS(8, u8),
      KOI_ATOMICS(16, u16),
      KOI_ATOMICS(32, u32),
      KOI_ATOMICS(64, u64),
      {"__tsan_atomic_thread_fence", address(thread_fence)},
      {"__tsan_atomic_signal_fence", address(signal_fence)},
      {"__kcsan_check_access", address(check_access)},
      {"__kcsan_mb", address(memory_fence)},
      {"__kcsan_wmb", address(memory_fence)},
      {"__kcsan_rmb", address(read_fence)},
      {"__kcsan_release", address(memory_fence)},
      {"__kcsan_atomic_next", address(atomic_next)},
      {"__kcsan_atomic_begin", address(atomic_begin)},
      {"__kcsan_atomic_end", address(atomic_end)},
      {"__kcsan_disable_current", address(disable_current)},
      {"__kcsan_enable_current", address(enable_current)},
      {"__sanitizer_cov_trace_pc", address(trace_pc)},
      {"koi_race_release", address(koi_race_release)},
      {"koi_race_acquire", address(koi_race_acquire)},
      {"koi_race_atomic", address(koi_race_atomic)},
      {"koi_race_grace_period", address(koi_race_grace_period)},
  };
  return table;
}

}  // namespace koi::kapi
