// SPDX-License-Identifier: GPL-2.0-only
// The bundle that a fault of koi itself leaves behind: what a developer needs to repeat the run.
//
//   koi-bundle-PID/  report    what happened, where, the frame-pointer chain, and what to send where
//                 seed      the seed and the machine's options
//                 journal   the events of the run so far
//                 maps      /proc/self/maps
//
// Written from the signal handler with system calls only. It lies in the working directory, or in /tmp when that cannot
// be written.
#pragma once

#include <string>

#include "base/types.h"

namespace koi::observe {
class Journal;
}

namespace koi::runtime {

struct BundleFacts {
  std::string options;  // seed, CPUs, memory, release: one line each
  const observe::Journal* journal = nullptr;
};

// Call once the machine exists; the strings are copied.
void prepare_bug_bundle(const BundleFacts& facts);
void forget_bug_bundle();
// Writes the bundle, says on stderr where it is, and ends the process with 4.
[[noreturn]] void write_bug_bundle(const char* what, u64 rip, u64 address);

}  // namespace koi::runtime
