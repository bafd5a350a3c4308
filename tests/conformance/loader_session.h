// SPDX-License-Identifier: GPL-2.0-only
// module_loader.txt: the session that repeats every attempt of the reference on koi's machine, and the reading of
// what that session printed back into "##" paragraphs.
//
// The session uses koi's shell words: insmod, rmmod, cat, ls, echo (with > FILE), dmesg, sleep, wait, a trailing &,
// and the two system calls by name: finit_module FILE FLAGS [params], delete_module NAME [nonblock|force].
// Lines "echo @..." tell the reader how to take what follows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "capture.h"
#include "document.h"

namespace koi::conformance {

// One session for the long boot and one for each "[fresh boot]" paragraph.
[[nodiscard]] std::vector<Run> loader_runs(const std::string& kernel);
// The paragraphs of one session's output.
[[nodiscard]] Document read_session(std::string_view out);
// The paragraphs of module_loader.txt, with line numbers; lines of which nothing is compared are left out.
[[nodiscard]] Document read_loader_reference(std::string_view text);

}  // namespace koi::conformance
