// SPDX-License-Identifier: GPL-2.0-only
// RaceReports: the findings of the data-race checks in the words of KCSAN (kernel/kcsan/report.c).
#pragma once

#include <string>

#include "engine/race/detector.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

class Kernel;
class RaceChecks;

class RaceReports {
 public:
  RaceReports(RaceChecks& checks, Kernel& kernel) : checks_(checks), kernel_(kernel) {}

  void print(const race::Race& race);

 private:
  void access(SplatText& text, const race::Access& access) const;
  void sources(SplatText& text, const race::Access& access) const;
  [[nodiscard]] std::string function_of(const race::Access& access) const;
  [[nodiscard]] u64 site_of(race::TraceId trace) const;

  RaceChecks& checks_;
  Kernel& kernel_;
};

}  // namespace koi::runtime
