// SPDX-License-Identifier: GPL-2.0-only
// guest:: accessors: the only way C++ touches memory that a module may have given a bad pointer to.
//
// Each accessor is a few instructions listed in a fault table (section koi_ex_table: pairs of instruction
// range and landing place). When one of them faults, the signal handler (fault_signals.cc) continues at the landing
// place and the accessor reports failure: a bad pointer comes back as a value. The caller then lets the
// oops be raised at the border, when no destructor is pending (architecture, decision 7).
//
// Without an installed handler (a unit test that passes good pointers) they are plain copies.
#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include "base/types.h"

namespace koi::guest {

// An address in the module's world; also any host address in unit tests.
using Address = u64;

inline Address address_of(const void* p) { return reinterpret_cast<Address>(p); }

// Copies `size_bytes` from the guest. Returns the number of bytes NOT copied (0: all well); the bytes before
// the fault have been copied.
[[nodiscard]] u64 copy_in(void* destination, Address source, u64 size_bytes) noexcept;
// Copies `size_bytes` to the guest. Returns the number of bytes NOT copied.
[[nodiscard]] u64 copy_out(Address destination, const void* source, u64 size_bytes) noexcept;
// Sets `size_bytes` of guest memory. Returns the number of bytes NOT set.
[[nodiscard]] u64 fill(Address destination, u8 value, u64 size_bytes) noexcept;

// The address of the last access that an accessor reported as failed (what CR2 would hold), and whether it wrote.
struct Fault {
  Address address = 0;
  bool write = false;
};
[[nodiscard]] Fault last_fault() noexcept;

// Reads a T. nullopt: the address is bad.
template <class T>
[[nodiscard]] std::optional<T> load(Address source) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  if (copy_in(&value, source, sizeof(T)) != 0) return std::nullopt;
  return value;
}

// Writes a T. false: the address is bad.
template <class T>
[[nodiscard]] bool store(Address destination, const T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  return copy_out(destination, &value, sizeof(T)) == 0;
}

// Length of the string at `source`, at most `limit` (then no NUL was seen). nullopt: a byte of it is unreadable.
[[nodiscard]] std::optional<u64> string_length(Address source, u64 limit) noexcept;

// The string at `source`, cut at `limit` bytes. nullopt: a byte of it is unreadable.
[[nodiscard]] std::optional<std::string> load_string(Address source, u64 limit);

}  // namespace koi::guest

namespace koi::host {

// For the signal handler: where execution goes on after a fault at `rip` inside an accessor; 0: not an accessor.
[[nodiscard]] u64 guest_fault_landing(u64 rip, u64 fault_address, bool write) noexcept;

}  // namespace koi::host
