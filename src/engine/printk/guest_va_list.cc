// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/guest_va_list.h"

namespace koi::printk {

VaList::VaList(guest::Address address) : address_(address) {
  if (guest::copy_in(&state_, address, sizeof(state_)) != 0) {
    state_ = Layout{};
    fault_ = guest::last_fault();
  }
}

// One copy for all the register arguments that are left: cheaper than one for each.
void VaList::load_registers() {
  registers_loaded_ = true;
  const u32 from = state_.gp_offset;
  const u64 missing = guest::copy_in(reinterpret_cast<u8*>(registers_.data()) + from,
                                     state_.reg_save_area + from, kRegisterBytes - from);
  if (missing != 0) fault_ = guest::last_fault();
}

u64 VaList::next() {
  if (is_host_) {
    if (words_.empty()) return 0;
    const u64 word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }
  if (fault_) return 0;
  if (state_.gp_offset % 8 == 0 && state_.gp_offset < kRegisterBytes) {
    if (!registers_loaded_) load_registers();
    if (fault_) return 0;
    const u64 word = registers_[state_.gp_offset / 8];
    state_.gp_offset += 8;
    return word;
  }
  const std::optional<u64> word = guest::load<u64>(state_.overflow_arg_area);
  if (!word) {
    fault_ = guest::last_fault();
    return 0;
  }
  state_.overflow_arg_area += 8;
  return *word;
}

bool VaList::write_back() {
  if (is_host_) return true;
  if (guest::copy_out(address_, &state_, sizeof(state_)) == 0) return true;
  fault_ = guest::last_fault();
  return false;
}

}  // namespace koi::printk
