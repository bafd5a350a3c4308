// SPDX-License-Identifier: GPL-2.0-only
// Coverage: which lines of modules built with `koi build --sanitize=coverage` ran, and how often.
//
// The callback counts blocks; when a module goes, its blocks become lines by its debug information. Lines of the kernel's
// headers are left out. Context: hit() inside a call from a module; the rest anywhere.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/types.h"

namespace koi::runtime {

class Kernel;
struct ModuleInstance;

struct FileCoverage {
  std::map<u32, u64> lines;  // line → how often it ran
  struct Function {
    u32 line = 0;
    u64 calls = 0;
  };
  std::map<std::string, Function> functions;
};

class Coverage {
 public:
  explicit Coverage(Kernel& kernel) : kernel_(kernel) {}

  void hit(u64 probe) { ++hits_[probe]; }
  // The module goes: its counts become lines.
  void collect(ModuleInstance& module);
  // By file name, of every module so far that was instrumented, those that are still loaded included.
  [[nodiscard]] const std::map<std::string, FileCoverage>& files();
  [[nodiscard]] bool any() const { return any_ || !hits_.empty(); }

 private:
  Kernel& kernel_;
  bool any_ = false;
  std::unordered_map<u64, u64> hits_;  // by the address after the callback's call
  std::map<std::string, FileCoverage> files_;
};

// The tracefile format of lcov (geninfo(1)).
[[nodiscard]] std::string lcov_text(const std::map<std::string, FileCoverage>& files);

}  // namespace koi::runtime
