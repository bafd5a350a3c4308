// SPDX-License-Identifier: GPL-2.0-only
#include "counts.h"

#include <fmt/format.h>

namespace koi::conformance {
namespace {

constexpr std::string_view kIntroduction =
    "# Conformance\n"
    "\n"
    "koi runs the modules of `tests/reference/modules/` and `koi-conformance` compares what they print with "
    "what real kernels printed.\n"
    "This page is written by `koi-conformance --counts docs/conformance.md`.\n"
    "\n"
    "A row is a line of the reference file. A row is compared field by field: an address, a PID, a CPU "
    "number, a register, the bytes of a `Code:`\n"
    "line, an offset inside a kernel function, a kernel line number, a time stamp and the machine's name "
    "need only have the right shape; everything\n"
    "else has to be equal. Lines that only koi prints count as compared and failed. Stack entries with a "
    "question mark, and the register block\n"
    "of the user program at the end of a stack trace, are not compared. Gaps are listed with their reasons "
    "in `tests/conformance/known_gaps.tsv`;\n"
    "a file that is left out there as a whole waits for a part of koi that does not exist yet and is not in "
    "the totals.\n"
    "\n";

std::string file_table(const std::vector<Settled>& files, bool goal) {
  std::string text =
      "| file | rows | compared | matched | gaps | failed | % |\n|---|--:|--:|--:|--:|--:|--:|\n";
  for (const Settled& file : files) {
    if (file.goal != goal) continue;
    if (file.left_out) {
      text += fmt::format("| `{}` | {} | left out | | | | |\n", file.file, file.rows);
      continue;
    }
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} | {:.1f} |\n", file.file, file.rows, file.compared,
                        file.matched, file.gaps, file.failed.size(),
                        file.compared == 0 ? 0.0 : 100.0 * file.matched / file.compared);
  }
  return text;
}

std::string totals_line(std::string_view name, const Totals& sum) {
  return fmt::format("| {} | {} | {} | {} | {} | {:.1f} |\n", name, sum.compared, sum.matched, sum.gaps,
                     sum.failed, sum.percent());
}

}  // namespace

Totals total(const std::vector<Settled>& files, bool goal) {
  Totals sum;
  for (const Settled& file : files) {
    if (file.goal != goal || file.left_out) continue;
    sum.compared += file.compared;
    sum.matched += file.matched;
    sum.gaps += file.gaps;
    sum.failed += static_cast<int>(file.failed.size());
  }
  return sum;
}

std::string counts_page(const std::vector<Settled>& files, const std::vector<std::string>& unread) {
  std::string text(kIntroduction);
  text += "| | compared | matched | gaps | failed | % |\n|---|--:|--:|--:|--:|--:|\n";
  text += totals_line("loader, printk, library, kmalloc, splats", total(files, true));
  text += totals_line("measured ahead: page allocator, caches, vmalloc, scheduling, boot options",
                      total(files, false));
  text += "\n## Loader, printk, library, kmalloc, splats\n\n" + file_table(files, true);
  text += "\n## Measured ahead\n\nFiles of parts of koi that are still being built.\n\n" +
          file_table(files, false);
  text += "\n## Not read yet\n\nMeasurements that no comparison uses so far:";
  for (const std::string& path : unread) text += fmt::format(" `{}`", path);
  text += "\n";
  return text;
}

}  // namespace koi::conformance
