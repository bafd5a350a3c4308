// SPDX-License-Identifier: GPL-2.0-only
#include "module/linked_image.h"

#include <algorithm>

namespace koi::module {

LinkedImage::LinkedImage(const ElfImage& image, const Layout& layout, const Placement& placement)
    : core(layout.core_bytes), init(layout.init_bytes), percpu(layout.percpu_bytes), placement_(placement) {
  sections_.resize(image.sections.size());
  for (u32 i = 1; i < image.sections.size(); ++i) {
    const SectionPlace& place = layout.places[i];
    if (place.block == Block::kNone) continue;
    sections_[i] = {place.block, place.offset, image.sections[i].header.size};
    const ByteSpan bytes = image.sections[i].bytes;
    if (!bytes.empty()) std::ranges::copy(bytes, section_bytes(i).begin());
  }
}

std::optional<u64> LinkedImage::section_address(u32 index) const {
  const Located& section = sections_[index];
  switch (section.block) {
    case Block::kCore:
      return placement_.core_base + section.offset;
    case Block::kInit:
      return placement_.init_base + section.offset;
    case Block::kPercpu:
      return placement_.percpu_address;
    case Block::kNone:
      break;
  }
  return std::nullopt;
}

ByteSpan LinkedImage::section_bytes(u32 index) const {
  const Located& section = sections_[index];
  switch (section.block) {
    case Block::kCore:
      return ByteSpan(core).subspan(section.offset, section.size);
    case Block::kInit:
      return ByteSpan(init).subspan(section.offset, section.size);
    case Block::kPercpu:
      return percpu;
    case Block::kNone:
      break;
  }
  return {};
}

MutableByteSpan LinkedImage::section_bytes(u32 index) {
  const ByteSpan bytes = std::as_const(*this).section_bytes(index);
  return {const_cast<u8*>(bytes.data()), bytes.size()};
}

ByteSpan LinkedImage::at(u64 address, u64 size_bytes) const {
  const auto inside = [&](u64 base, const std::vector<u8>& block) {
    return address >= base && address - base <= block.size() && size_bytes <= block.size() - (address - base);
  };
  if (inside(placement_.core_base, core))
    return ByteSpan(core).subspan(address - placement_.core_base, size_bytes);
  if (inside(placement_.init_base, init))
    return ByteSpan(init).subspan(address - placement_.init_base, size_bytes);
  return {};
}

std::optional<std::string_view> LinkedImage::string_at(u64 address) const {
  for (const auto& [base, block] : {std::pair{placement_.core_base, &core}, {placement_.init_base, &init}}) {
    if (address < base || address - base >= block->size()) continue;
    const auto begin = block->begin() + static_cast<std::ptrdiff_t>(address - base);
    const auto end = std::find(begin, block->end(), u8{0});
    if (end == block->end()) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(&*begin), static_cast<std::size_t>(end - begin));
  }
  return std::nullopt;
}

}  // namespace koi::module
