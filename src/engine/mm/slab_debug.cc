// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/slab_debug.h"

#include <algorithm>
#include <cstring>

namespace koi::mm {
namespace {

using namespace slab_flag;
using namespace slab_poison;

std::optional<Damage> compare(std::string_view what, u8* start, u64 bytes, u8 expected) {
  u8* end = start + bytes;
  u8* first = std::find_if(start, end, [expected](u8 byte) { return byte != expected; });
  if (first == end) return std::nullopt;
  u8* last = end - 1;
  while (*last == expected) --last;
  return Damage{what, first, last, *first, expected, false};
}

}  // namespace

void Damage::restore() const { std::memset(first, expected, static_cast<u64>(last - first) + 1); }

u32 SlabDebug::metadata_end() const {
  u32 end = g_.track_offset();
  if (has(kStoreUser)) end += 2 * kTrackBytes;
  if (keeps_requested_size()) end += release_ == Release::k6_1 ? 4 : 8;
  return end;
}

void SlabDebug::set_requested_size(u8* object, u32 bytes) const {
  if (!keeps_requested_size()) return;
  const u64 value = bytes;
  std::memcpy(object + g_.track_offset() + 2 * kTrackBytes, &value, release_ == Release::k6_1 ? 4 : 8);
}

// A module may have overwritten the word: never believe more than the object holds.
u32 SlabDebug::requested_size(const u8* object) const {
  if (!keeps_requested_size()) return g_.object_size;
  u32 bytes = 0;
  std::memcpy(&bytes, object + g_.track_offset() + 2 * kTrackBytes, sizeof bytes);
  return std::min(bytes, g_.object_size);
}

void SlabDebug::prepare_slab(u8* start, u64 bytes) const {
  if (has(kPoison)) std::memset(start, kInuse, bytes);
  for (u64 at = g_.red_left_pad; at - g_.red_left_pad + g_.size <= bytes; at += g_.size)
    mark(start + at, ObjectUse::kFree);
}

void SlabDebug::mark(u8* object, ObjectUse use) const {
  const u8 red = use == ObjectUse::kAllocated ? kRedActive : kRedInactive;
  u32 poisoned = g_.object_size;
  if (has(kRedZone)) {
    std::memset(object - g_.red_left_pad, red, g_.red_left_pad);
    if (extends_red_zone(use)) poisoned = std::max(requested_size(object), 1u);
  }
  if (has(kObjectPoison)) {
    std::memset(object, kFree, poisoned - 1);
    object[poisoned - 1] = kEnd;
  }
  if (has(kRedZone)) std::memset(object + poisoned, red, g_.inuse - poisoned);
}

std::optional<Damage> SlabDebug::check(u8* object, ObjectUse use) const {
  const u8 red = use == ObjectUse::kAllocated ? kRedActive : kRedInactive;
  u8* end = object + g_.object_size;
  if (has(kRedZone)) {
    if (auto damage = compare("Left Redzone", object - g_.red_left_pad, g_.red_left_pad, red)) return damage;
    if (auto damage = compare("Right Redzone", end, g_.inuse - g_.object_size, red)) return damage;
    if (extends_red_zone(use)) {
      const u32 requested = requested_size(object);
      if (auto damage = compare("kmalloc Redzone", object + requested, g_.object_size - requested, red))
        return damage;
    }
  } else if (has(kPoison)) {
    if (auto damage = compare("Alignment padding", end, g_.inuse - g_.object_size, kInuse)) return damage;
  }
  if (!has(kPoison)) return std::nullopt;
  if (use == ObjectUse::kFree && has(kObjectPoison)) {
    if (auto damage = compare("Poison", object, g_.object_size - 1, kFree)) return damage;
    if (auto damage = compare("End Poison", end - 1, 1, kEnd)) return damage;
  }
  const u32 padding = metadata_end();
  return compare("Object padding", object + padding, g_.size - g_.red_left_pad - padding, kInuse);
}

std::optional<Damage> SlabDebug::check_slab_padding(u8* start, u64 bytes) const {
  const u64 rest = bytes % g_.size;
  if (!has(kPoison) || rest == 0) return std::nullopt;
  return compare("Padding", start + bytes - rest, rest, kInuse);
}

}  // namespace koi::mm
