// SPDX-License-Identifier: GPL-2.0-only
// LockSources: what the source line behind a lock call says that the compiled call does not.
//
// Without lockdep in the configuration the headers drop its annotations: mutex_lock_nested() compiles to mutex_lock(),
// lockdep_set_class() to nothing. Where the module has debug information and its source is at hand, the text of the line
// tells; otherwise nothing is known.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"

namespace koi::runtime {

class Kernel;

class LockSources {
 public:
  explicit LockSources(Kernel& kernel) : kernel_(kernel) {}

  // What is known of the annotation of the lock call that returns to `ip`.
  enum class Nesting : u8 { kPlain, kAnnotated, kUnknown };
  [[nodiscard]] Nesting nesting_at(u64 ip);
  // "FILE:LINE" as macro_place() finds it; empty: unknown.
  [[nodiscard]] std::string place_of(u64 ip);
  // Does the function around that place give locks another class by hand?
  [[nodiscard]] bool sets_class_by_hand(u64 ip);

 private:
  [[nodiscard]] const std::vector<std::string>* lines_of(const std::string& file);

  Kernel& kernel_;
  std::unordered_map<std::string, std::vector<std::string>> files_;
};

}  // namespace koi::runtime
