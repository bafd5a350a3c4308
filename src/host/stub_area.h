// SPDX-License-Identifier: GPL-2.0-only
// The jump stubs of the module window: what a module's `call kmalloc` reaches.
//
//   mov  $export_index, %r11d      (variadic: mov $index | fixed << 32, %r11)
//   jmp  entry                     where it cannot be reached: jmp *slot(%rip); one slot per crossing kind or leaf, at the
//                                  start of the area, holds the address
//
// The stub of an export with a leaf loads r9d instead, an argument that such exports do not have.
//
// The koi command lies just behind the window; a build with sanitizers, or a test, is far away and moves with ASLR. The
// stubs do not, so modules (and splats) see fixed addresses. The area also holds the name entries of the declared frame
// table: 16 bytes for each kernel function that koi stands in for.
#pragma once

#include <array>

#include "base/check.h"
#include "base/result.h"
#include "host/crossing.h"
#include "host/world.h"

namespace koi::host {

inline constexpr u64 kStubSize = 16;

class StubArea {
 public:
  // Takes `size_bytes` of the window. The area is open (writable) until its creator seals it.
  static Result<StubArea> create(World& world, u64 size_bytes);

  // Writes a stub and returns its window address. Requires: open, not full.
  u64 add(u32 export_index, CrossingKind kind, u32 fixed_arguments, Leaf leaf = Leaf::kNone);
  // What the stubs of this leaf jump to from now on. Requires: open.
  void set_leaf(Leaf leaf, const void* entry);
  // 16 bytes that trap when executed: an address that stands for a kernel function's name.
  u64 add_name_entry();

  // In pairs, which may nest: whoever adds many stubs opens once around them.
  void open() {
    if (opened_++ == 0) protect(base_, size_bytes_, Protection::kReadWrite);
  }
  void seal() {
    CHECK(opened_ > 0);
    if (--opened_ == 0) protect(base_, size_bytes_, Protection::kReadExecute);
  }

  [[nodiscard]] u64 base() const { return base_; }
  [[nodiscard]] u64 end() const { return next_; }
  // Where module functions called by upcall() return to.
  [[nodiscard]] u64 upcall_return_stub() const { return upcall_return_; }

 private:
  StubArea(u64 base, u64 size_bytes) : base_(base), size_bytes_(size_bytes) {}
  u64 take();
  [[nodiscard]] u64 leaf_slot(Leaf leaf) const;

  u64 base_;
  u64 size_bytes_;
  u64 next_ = 0;
  u64 upcall_return_ = 0;
  u32 opened_ = 0;
  // Each leaf's latest stub, from the area's start; the stubs lead on to the earlier ones.
  std::array<u32, static_cast<u64>(Leaf::kCount)> leaf_stubs_{};
};

}  // namespace koi::host
