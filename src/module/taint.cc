// SPDX-License-Identifier: GPL-2.0-only
#include "module/taint.h"

namespace koi::module {

void KernelTaint::add(Taint taint, LockDebugging locks, KernelLog& log) {
  if (locks == LockDebugging::kNowUnreliable && !lock_debugging_disabled) {
    lock_debugging_disabled = true;
    log.print(kLogWarning, "Disabling lock debugging due to kernel taint");
  }
  mask |= taint_bit(taint);
}

std::string module_taint_letters(u64 mask) {
  // Only the flags that a module can carry itself, in bit order.
  struct Letter {
    Taint taint;
    char letter;
  };
  static constexpr Letter kLetters[] = {
      {Taint::kProprietaryModule, 'P'},
      {Taint::kForcedModule, 'F'},
      {Taint::kCrap, 'C'},
      {Taint::kOutOfTreeModule, 'O'},
      {Taint::kUnsignedModule, 'E'},
      {Taint::kLivepatch, 'K'},
      {Taint::kTest, 'N'},
  };
  std::string out;
  for (const Letter& entry : kLetters) {
    if ((mask & taint_bit(entry.taint)) != 0) out += entry.letter;
  }
  return out;
}

}  // namespace koi::module
