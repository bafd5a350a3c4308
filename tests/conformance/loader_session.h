// SPDX-License-Identifier: GPL-2.0-only
// module_loader.txt: the session that repeats every attempt of the reference on koi's machine, and the reading of
// what that session printed back into "##" paragraphs.
//
// The session uses koi's shell, one command a line, no quoting:
//   finit_module FILE FLAGS [params]   the system call; what follows the blank after FLAGS is the parameter string, byte for byte
//   init_module FILE [params]          the other one
//   delete_module NAME [nonblock|force|block]      NAME is "" for an empty name
//                                      each prints SYSCALL|name|argument|parameters|ret=..|errno=..|NAME|text
//   insmod FILE [params], rmmod NAME, cat FILE, ls [-l] DIR, readlink FILE, dmesg -r [-c], sleep SECONDS
//   echo TEXT                          TEXT byte for byte; $? is the exit status of the command before
//   echo [-n] VALUE > FILE             a write to a file of the machine
//   COMMAND &  and  wait               in a task of its own; wait for all of them
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
