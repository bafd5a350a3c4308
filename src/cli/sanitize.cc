// SPDX-License-Identifier: GPL-2.0-only
#include "cli/sanitize.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <string_view>

#include "kapi/kernel_ref.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/core/core_build.h"
#include "runtime/export.h"

namespace koi::cli {
namespace {

struct Sanitizer {
  std::string_view name;
  std::string_view flags;
  std::string_view header;  // included before each source file; empty: none
};

// As scripts/Makefile.kcsan has them for a kernel of its own, with each function's entry and exit besides, from which call
// traces are made.
constexpr std::array kSanitizers = {
    Sanitizer{"thread", "-fsanitize=thread --param=tsan-distinguish-volatile=1 -fno-optimize-sibling-calls",
              "instrumented/koi_kcsan.h"},
    // As scripts/Makefile.kasan, with every check a call and the shadow where koi has it.
    Sanitizer{
        "address",
        "-fsanitize=kernel-address -fasan-shadow-offset=0x240000000000 "
        "--param=asan-instrumentation-with-call-threshold=0 --param=asan-globals=1 --param=asan-stack=1 "
        "--param=asan-instrument-allocas=1",
        "instrumented/koi_kasan.h"},
    Sanitizer{"coverage", "-fsanitize-coverage=trace-pc", {}},
};

std::string names() {
  std::string text;
  for (const Sanitizer& one : kSanitizers) text += fmt::format("{}{}", text.empty() ? "" : "|", one.name);
  return text;
}

// modpost looks here for what no Module.symvers of the kernel has.
std::string callback_symvers() {
  std::string text;
  for (const runtime::ExportTable table : kapi::export_tables()) {
    for (const runtime::Export& exported : table) {
      if (runtime::is_instrumentation_callback(exported.name))
        text += fmt::format("0x00000000\t{}\tvmlinux\tEXPORT_SYMBOL\t\n", exported.name);
    }
  }
  return text;
}

}  // namespace

void add_sanitize_option(CLI::App& app, std::string& kind) {
  app.add_option("--sanitize", kind,
                 "instrument the module: thread (data races, false sharing), address (out of bounds, use "
                 "after free), coverage (koi run --coverage); koi supplies what it then calls")
      ->type_name(names());
}

Result<std::vector<std::string>> sanitizer_arguments(const std::string& kind) {
  const auto known = std::find_if(kSanitizers.begin(), kSanitizers.end(),
                                  [&](const Sanitizer& s) { return s.name == kind; });
  if (known == kSanitizers.end())
    return make_error("--sanitize={}: there is no such instrumentation; koi knows {}", kind, names());
  std::string flags = "CFLAGS_MODULE=" + std::string(known->flags);
  if (!known->header.empty()) flags += " -include " + TRY(runtime::ensure_core_source(known->header));
  const std::string symvers = TRY(runtime::ensure_cached_text("callbacks.symvers", callback_symvers()));
  return std::vector<std::string>{flags, "KBUILD_EXTRA_SYMBOLS=" + symvers};
}

}  // namespace koi::cli
