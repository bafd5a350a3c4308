// SPDX-License-Identifier: GPL-2.0-only
#include "cli/coverage_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "runtime/checks/sanitizers.h"
#include "runtime/kernel.h"

namespace koi::cli {

Result<std::string> write_coverage(runtime::Kernel& kernel, const std::string& path) {
  runtime::Coverage& coverage = kernel.sanitizers().coverage();
  const auto& files = coverage.files();
  if (!coverage.any())
    return make_error("--coverage: no module was built for it (koi build DIR --sanitize=coverage)");
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << runtime::lcov_text(files);
  out.close();
  if (!out) return make_error("{}: cannot write: {}", path, std::strerror(errno));
  u64 lines = 0;
  u64 ran = 0;
  for (const auto& [name, file] : files) {
    lines += file.lines.size();
    for (const auto& [line, count] : file.lines) ran += count != 0 ? 1 : 0;
  }
  return fmt::format("{} of {} lines ran ({:.1f} %): {}", ran, lines,
                     lines == 0 ? 0.0 : 100.0 * static_cast<double>(ran) / static_cast<double>(lines), path);
}

}  // namespace koi::cli
