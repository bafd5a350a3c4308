// SPDX-License-Identifier: GPL-2.0-only
// Stubs of single call sites: what one `call kmalloc` in a module's text reaches instead of kmalloc's own stub.
//
//   movl $site, %gs:0x18      GsArea::site
//   jmp  target               the function's ordinary stub, or its place in the core
//
// They lie in a part of the window of their own. The flags and every register are as the module left them.
#pragma once

#include <memory_resource>
#include <vector>

#include "base/result.h"
#include "host/world.h"

namespace koi::host {

inline constexpr u64 kSiteStubSize = 32;  // 17 bytes are used

class SiteStubs {
 public:
  // Takes `size_bytes` of the window. The area is open (writable) until sealed.
  static Result<SiteStubs> create(World& world, u64 size_bytes);

  // Writes a stub that stores `site` and goes on to `target`; 0: the area is full. Requires: open, `target` in the window.
  u64 add(u32 site, u64 target);
  // The stub will be used for another site. Requires: open; nobody calls it any more.
  void give_back(u64 stub);

  void open() { protect(base_, size_bytes_, Protection::kReadWrite); }
  void seal() { protect(base_, size_bytes_, Protection::kReadExecute); }

  [[nodiscard]] bool owns(u64 address) const { return address - base_ < next_ - base_; }
  // Where the stub that covers `address` leads. Requires: owns(address).
  [[nodiscard]] u64 target_of(u64 address) const;

 private:
  SiteStubs(u64 base, u64 size_bytes, std::pmr::memory_resource* heap)
      : base_(base), size_bytes_(size_bytes), next_(base), free_(heap) {}

  u64 base_;
  u64 size_bytes_;
  u64 next_;
  std::pmr::vector<u64> free_;
};

}  // namespace koi::host
