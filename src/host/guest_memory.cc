// SPDX-License-Identifier: GPL-2.0-only
#include "host/guest_memory.h"

#include <algorithm>

#include "host/fault_range.h"

namespace koi {
namespace {

// KOI_EX_RANGE
struct FaultRange {
  s64 first;
  s64 last;
  s64 landing;
};

guest::Fault g_last_fault;

}  // namespace

extern "C" {
extern const FaultRange __start_koi_ex_table[] __attribute__((visibility("hidden")));
extern const FaultRange __stop_koi_ex_table[] __attribute__((visibility("hidden")));
}

namespace guest {

u64 copy_in(void* destination, Address source, u64 size_bytes) noexcept {
  asm volatile(
      "1: rep movsb\n"
      "2:\n\t" KOI_EX_RANGE("1b", "2b", "2b")
      : "+c"(size_bytes), "+D"(destination), "+S"(source)
      :
      : "memory");
  return size_bytes;
}

u64 copy_out(Address destination, const void* source, u64 size_bytes) noexcept {
  asm volatile(
      "1: rep movsb\n"
      "2:\n\t" KOI_EX_RANGE("1b", "2b", "2b")
      : "+c"(size_bytes), "+D"(destination), "+S"(source)
      :
      : "memory");
  return size_bytes;
}

u64 fill(Address destination, u8 value, u64 size_bytes) noexcept {
  asm volatile(
      "1: rep stosb\n"
      "2:\n\t" KOI_EX_RANGE("1b", "2b", "2b")
      : "+c"(size_bytes), "+D"(destination)
      : "a"(value)
      : "memory");
  return size_bytes;
}

Fault last_fault() noexcept { return g_last_fault; }

std::optional<u64> string_length(Address source, u64 limit) noexcept {
  u64 left = limit;
  Address at = source;
  u8 found = 0;
  // The landing place leaves %2 at 2, which no comparison gives.
  asm volatile(
      "xor %%eax, %%eax\n\t"
      "jrcxz 4f\n"
      "1: repne scasb\n"
      "2: sete %2\n\t"
      "jmp 4f\n"
      "3: movb $2, %2\n"
      "4:\n\t" KOI_EX_RANGE("1b", "2b", "3b")
      : "+c"(left), "+D"(at), "+q"(found)
      :
      : "rax", "cc", "memory");
  if (found == 2) return std::nullopt;
  return found == 1 ? limit - left - 1 : limit;
}

std::optional<std::string> load_string(Address source, u64 limit) {
  const std::optional<u64> length = string_length(source, limit);
  if (!length) return std::nullopt;
  std::string text(*length, '\0');
  if (copy_in(text.data(), source, *length) != 0) return std::nullopt;
  return text;
}

}  // namespace guest

namespace host {

u64 guest_fault_landing(u64 rip, u64 fault_address, bool write) noexcept {
  for (const FaultRange* range = __start_koi_ex_table; range != __stop_koi_ex_table; ++range) {
    const u64 first = reinterpret_cast<u64>(&range->first) + static_cast<u64>(range->first);
    const u64 last = reinterpret_cast<u64>(&range->first) + static_cast<u64>(range->last);
    if (rip < first || rip >= last) continue;
    g_last_fault = guest::Fault{fault_address, write};
    return reinterpret_cast<u64>(&range->first) + static_cast<u64>(range->landing);
  }
  return 0;
}

}  // namespace host
}  // namespace koi
