// SPDX-License-Identifier: GPL-2.0-only
// Cases: every reference file that is compared, the runs it needs, and how their output is read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture.h"
#include "document.h"

namespace koi::conformance {

struct Case {
  std::string file;    // "6.1/kmalloc_constants.tsv", below tests/reference
  std::string kernel;  // "6.1"
  bool goal = true;  // counted in the share that has to match; the others wait for parts of koi still to come
  Rules rules;
  std::vector<Run> runs;
  std::function<Document(std::string_view text)> reference;
  std::function<Document(const Captures& captures)> actual;
};

[[nodiscard]] Result<std::vector<Case>> make_cases(const std::string& reference_directory,
                                                   const std::string& kernel);

// Files below a kernel's directory that no case compares.
[[nodiscard]] std::vector<std::string> unread_files(const std::string& reference_directory,
                                                    const std::string& kernel,
                                                    const std::vector<Case>& cases);

}  // namespace koi::conformance
