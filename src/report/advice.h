// SPDX-License-Identifier: GPL-2.0-only
// Advice with numbers: for each wasteful call site the trace is replayed once for every alternative that the site's requests
// allow, and those that would have held less memory are listed with what they save. No rule of thumb is consulted.
#pragma once

#include <string>
#include <vector>

#include "report/analysis.h"
#include "report/replay.h"

namespace koi::report {

struct Suggestion {
  u32 site = 0;
  Alternative to = Alternative::kAsItWas;
  u64 size = 0;          // Change::size
  u64 bytes_before = 0;  // the site's live objects at their peak, in the replay as it was
  u64 bytes_after = 0;   // the same with the change
  s64 pages_saved =
      0;             // of the machine's peak, slabs and their unused parts included; negative: it takes more
  std::string text;  // what to do, in one sentence

  [[nodiscard]] u64 bytes_saved() const { return bytes_before - bytes_after; }
};

struct OtherRelease {
  std::string name;  // "6.12"
  u64 peak_pages = 0;
  u64 total_peak_bytes = 0;
};

struct Advice {
  std::vector<Suggestion> suggestions;  // most bytes saved first
  ReplayResult baseline;                // with a snapshot at the trace's peak
  OtherRelease other;
  u32 sites_tried = 0;
  u32 sites_wasteful = 0;  // more than tried: the others waste less
  u32 replays = 0;
};

[[nodiscard]] Advice advise(const Trace& trace, const Analysis& analysis);

}  // namespace koi::report
