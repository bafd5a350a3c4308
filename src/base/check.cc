// SPDX-License-Identifier: GPL-2.0-only
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace koi {
namespace {

CheckFailureHandler g_handler = nullptr;

}  // namespace

void set_check_failure_handler(CheckFailureHandler handler) { g_handler = handler; }

void check_failed(const char* file, int line, const char* expression, std::string_view message) {
  const std::string text = message.empty() ? fmt::format("check failed: {}", expression)
                                           : fmt::format("check failed: {}: {}", expression, message);
  if (g_handler != nullptr) g_handler(file, line, text);
  std::fprintf(stderr, "koi: internal error: %s:%d: %s\n", file, line, text.c_str());
  std::abort();
}

}  // namespace koi
