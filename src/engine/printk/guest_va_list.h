// SPDX-License-Identifier: GPL-2.0-only
// VaList: a cursor over variadic arguments, as the x86-64 psABI (section 3.5.7) lays a va_list out:
//
//   struct { u32 gp_offset; u32 fp_offset; void* overflow_arg_area; void* reg_save_area; }
//   reg_save_area: the six integer registers (48 bytes); overflow_arg_area: the arguments passed on the stack
//
// Kernel code has no floating-point arguments, so fp_offset is carried along and never used.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "host/guest_memory.h"

namespace koi::printk {

class VaList {
 public:
  // Over a va_list at `address`. Errors: fault(), as soon as something is read.
  explicit VaList(guest::Address address);
  // Over words of the host, for callers that have no guest va_list. `words` must outlive the cursor.
  explicit VaList(std::span<const u64> words) : words_(words), is_host_(true) {}

  // The next argument's eight bytes; 0 when it cannot be read (fault() is set) or none is left.
  [[nodiscard]] u64 next();
  [[nodiscard]] s32 next_int() { return static_cast<s32>(next()); }

  // Writes the position back to where it came from, as a callee's va_arg is seen by its caller.
  // false: the write faulted.
  [[nodiscard]] bool write_back();

  [[nodiscard]] const std::optional<guest::Fault>& fault() const { return fault_; }

 private:
  static constexpr u32 kRegisterBytes = 48;
  struct Layout {
    u32 gp_offset = kRegisterBytes;
    u32 fp_offset = 0;
    u64 overflow_arg_area = 0;
    u64 reg_save_area = 0;
  };
  static_assert(sizeof(Layout) == 24);

  void load_registers();

  guest::Address address_ = 0;
  Layout state_;
  bool registers_loaded_ = false;
  std::array<u64, kRegisterBytes / 8> registers_{};
  std::span<const u64> words_;
  bool is_host_ = false;
  std::optional<guest::Fault> fault_;
};

}  // namespace koi::printk
