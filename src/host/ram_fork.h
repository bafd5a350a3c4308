// SPDX-License-Identifier: GPL-2.0-only
// A forked process gets private copies of everything of a world but its RAM, which is a shared memory file (so that vmalloc can
// show a page at a second address). After fork() the child takes a copy of its own.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::host {

class RamFork {
 public:
  // Before the forks, in the parent: notes where RAM is mapped and which of its pages are in use. Nothing of the world may
  // change between this and the last fork. Errors: /proc is not there.
  static Result<RamFork> prepare();
  // In the child, before anything of the world runs. Errors: no memory.
  [[nodiscard]] Status take() const;

 private:
  struct Mapping {
    u64 address, size_bytes, offset;
    int protection;
  };
  struct Extent {
    u64 offset, size_bytes;
  };
  int ram_fd_ = -1;
  u64 ram_bytes_ = 0;
  std::vector<Mapping> mappings_;
  std::vector<Extent> extents_;
};

}  // namespace koi::host
