// SPDX-License-Identifier: GPL-2.0-only
// The module's bytes as they will stand in memory: two blocks at addresses that the runtime has chosen, and
// the per-CPU template. Passes change these bytes; the runtime copies them to the pages when all is done.
#pragma once

#include <cstring>
#include <optional>
#include <vector>

#include "module/layout.h"

namespace koi::module {

// Where the runtime puts the blocks. Requires: page-aligned; below 2 GiB for modules that koi runs.
struct Placement {
  u64 core_base = 0;
  u64 init_base = 0;
  u64 percpu_address = 0;  // the module's offset in the per-CPU area; 0 when it has none
};

class LinkedImage {
 public:
  // Copies the sections of `image` to their places.
  LinkedImage(const ElfImage& image, const Layout& layout, const Placement& placement);

  // The address of section `index`; nullopt: it is not loaded. A per-CPU section: its offset.
  [[nodiscard]] std::optional<u64> section_address(u32 index) const;
  // The bytes of section `index`; empty: it is not loaded.
  [[nodiscard]] MutableByteSpan section_bytes(u32 index);
  [[nodiscard]] ByteSpan section_bytes(u32 index) const;
  // `size_bytes` bytes at `address` of the core or init block; empty: not (wholly) inside one of them.
  [[nodiscard]] ByteSpan at(u64 address, u64 size_bytes) const;
  // The string at `address`; nullopt: it leaves the image before its NUL.
  [[nodiscard]] std::optional<std::string_view> string_at(u64 address) const;
  template <class T>
  [[nodiscard]] std::optional<T> read(u64 address) const {
    const ByteSpan bytes = at(address, sizeof(T));
    if (bytes.empty()) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  [[nodiscard]] const Placement& placement() const { return placement_; }

  std::vector<u8> core, init, percpu;

 private:
  struct Located {
    Block block = Block::kNone;
    u64 offset = 0, size = 0;
  };
  std::vector<Located> sections_;
  Placement placement_;
};

}  // namespace koi::module
