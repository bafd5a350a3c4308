// SPDX-License-Identifier: GPL-2.0-only
// CHECK: koi's own invariants (never the module's or the user's errors: see result.h and the journal).
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace koi {

// Called by a failed CHECK with the finished message. The default prints it and aborts; the runtime installs
// one that writes the bundle (seed, journal, maps) and exits with 4. It does not return.
using CheckFailureHandler = void (*)(const char* file, int line, std::string_view message);

void set_check_failure_handler(CheckFailureHandler handler);
[[noreturn]] void check_failed(const char* file, int line, const char* expression, std::string_view message);

}  // namespace koi

// Always on. CHECK(cond) or CHECK(cond, "fmt {}", args...).
#define CHECK(cond, ...)                                                             \
  do {                                                                               \
    if (!(cond)) [[unlikely]]                                                        \
      ::koi::check_failed(__FILE__, __LINE__, #cond, ::fmt::format("" __VA_ARGS__)); \
  } while (0)

#ifdef NDEBUG
#define DCHECK(cond, ...) \
  do {                    \
  } while (0)
#else
#define DCHECK(cond, ...) CHECK(cond __VA_OPT__(, ) __VA_ARGS__)
#endif
