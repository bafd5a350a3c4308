// SPDX-License-Identifier: GPL-2.0-only
// splats*/: one misuse per boot. The text of each case and its row in INDEX.tsv.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "capture.h"
#include "document.h"

namespace koi::conformance {

// The case names of an INDEX.tsv.
[[nodiscard]] std::vector<std::string> splat_cases(std::string_view index);
// `directory` is "splats" or "splats_OPTION"; what stood on the command line of its boots.
[[nodiscard]] std::string splat_boot_options(const std::string& kernel, std::string_view directory);
// The run whose log is the case's text, and the session that tells exit statuses and the taint mask.
[[nodiscard]] Run splat_log_run(const std::string& kernel, const std::string& directory,
                                const std::string& name);
[[nodiscard]] Run splat_session_run(const std::string& kernel, const std::string& directory,
                                    const std::string& name);

// How a case was recorded, from the head of its file.
struct SplatForm {
  bool console = false;  // the console's copy: no levels
  double seconds = 0.0;  // the misuse never ended: how long it was watched; 0: it ended
};
[[nodiscard]] SplatForm splat_form(std::string_view text);
// The comparable lines of a case's reference, and of koi's log for it.
[[nodiscard]] std::vector<Line> splat_reference(std::string_view text);
[[nodiscard]] std::vector<Line> splat_log(std::string_view log, const SplatForm& form);
// case, came_back, kernel, insmod_exit, rmmod_exit, tainted, first_kernel_line, from the session's output; `log`, the
// other run's, tells the rest when the session's kernel stopped before its own log could be read.
[[nodiscard]] std::string splat_index_row(std::string_view name, std::string_view out, std::string_view log);

}  // namespace koi::conformance
