// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/geometry.h"

#include <algorithm>
#include <bit>

namespace koi::mm {
namespace {

constexpr u32 kWord = 8;
constexpr u32 kMaxObjectsPerSlab = 32767;
constexpr u8 kSlubMaxOrder = kCostlyOrder;

u32 objects_of(u32 order, u32 size) { return static_cast<u32>((kPageSize << order) / size); }

// The first order from `from` whose tail waste is at most 1/fraction of the slab; past `to`: none.
u32 first_thrifty_order(u32 size, u32 from, u32 to, u32 fraction) {
  u32 order = from;
  for (; order <= to; ++order) {
    const u32 bytes = static_cast<u32>(kPageSize) << order;
    if (bytes % size <= bytes / fraction) break;
  }
  return order;
}

// More CPUs want more objects per slab, so that they meet less often.
u32 wanted_objects(u32 cpus) { return 4 * (static_cast<u32>(std::bit_width(cpus)) + 1); }

std::optional<u8> order_with_fewer_objects(u32 size, u32 cpus) {
  if (objects_of(0, size) > kMaxObjectsPerSlab)
    return static_cast<u8>(get_order(u64{size} * kMaxObjectsPerSlab) - 1);
  const u32 most = objects_of(kSlubMaxOrder, size);
  for (u32 objects = std::min(wanted_objects(cpus), most); objects > 1; --objects) {
    for (u32 fraction = 16; fraction >= 4; fraction /= 2) {
      const u32 order = first_thrifty_order(size, get_order(u64{objects} * size), kSlubMaxOrder, fraction);
      if (order <= kSlubMaxOrder) return static_cast<u8>(order);
    }
  }
  const u32 order = get_order(size);
  return order <= kMaxOrder ? std::optional<u8>(static_cast<u8>(order)) : std::nullopt;
}

std::optional<u8> order_with_more_waste(u32 size, u32 cpus) {
  const u32 most = std::max(objects_of(kSlubMaxOrder, size), 1u);
  const u32 objects = std::min(wanted_objects(cpus), most);
  const u32 from = get_order(u64{objects} * size);
  if (from <= kMaxOrder && objects_of(from, size) > kMaxObjectsPerSlab)
    return static_cast<u8>(get_order(u64{size} * kMaxObjectsPerSlab) - 1);
  for (u32 fraction = 16; fraction > 1; fraction /= 2) {
    const u32 order = first_thrifty_order(size, from, kSlubMaxOrder, fraction);
    if (order <= kSlubMaxOrder) return static_cast<u8>(order);
  }
  const u32 order = get_order(size);
  return order <= kMaxOrder ? std::optional<u8>(static_cast<u8>(order)) : std::nullopt;
}

std::optional<u8> slab_order(Release release, u32 size, u32 cpus) {
  return release == Release::k6_1 ? order_with_fewer_objects(size, cpus) : order_with_more_waste(size, cpus);
}

// Everything about one object: where the free pointer and the debug parts lie, and the resulting distance.
bool lay_out_object(const GeometryRequest& request, Geometry& g) {
  using namespace slab_flag;
  const u32 flags = g.flags;
  const bool keeps_requested_size = (flags & kStoreUser) != 0 && (flags & kKmalloc) != 0;
  u64 size = align_up(g.object_size, kWord);
  g.flags &= ~kObjectPoison;
  if ((flags & kPoison) != 0 && (flags & kTypesafeByRcu) == 0 && !request.has_constructor)
    g.flags |= kObjectPoison;
  // Padding would serve as the right red zone; without any there must be a word.
  if ((flags & kRedZone) != 0 && size == g.object_size) size += kWord;
  g.inuse = static_cast<u32>(size);

  const bool own_offset = request.free_pointer_offset.has_value();
  const bool redzone_covers_object =
      (flags & kRedZone) != 0 &&
      (g.object_size < kWord || (request.release != Release::k6_1 && keeps_requested_size));
  if (((flags & kTypesafeByRcu) != 0 && !own_offset) || (flags & kPoison) != 0 || request.has_constructor ||
      redzone_covers_object) {
    g.offset = static_cast<u32>(size);  // the free pointer must not overwrite the object
    size += kWord;
  } else if ((flags & kTypesafeByRcu) != 0) {
    g.offset = *request.free_pointer_offset;
  } else {
    g.offset = (g.object_size / 2) & ~(kWord - 1);  // in the middle, away from overflows of the neighbours
  }
  if ((flags & kStoreUser) != 0) {
    size += 2 * kTrackBytes;
    if ((flags & kKmalloc) != 0) size += request.release == Release::k6_1 ? 4 : 8;
  }
  g.red_left_pad = 0;
  if ((flags & kRedZone) != 0) {
    size += kWord;
    g.red_left_pad = static_cast<u32>(align_up(kWord, g.align));
    size += g.red_left_pad;
  }
  size = align_up(size, g.align);
  if (size == 0 || size > (kPageSize << kMaxOrder)) return false;
  g.size = static_cast<u32>(size);
  return true;
}

}  // namespace

u32 calculate_alignment(u32 flags, u32 align, u32 size) {
  if ((flags & slab_flag::kHwcacheAlign) != 0) {
    u32 line = kCacheLineSize;
    while (size <= line / 2) line /= 2;
    align = std::max(align, line);
  }
  align = std::max(align, kWord);
  return static_cast<u32>(align_up(align, kWord));
}

std::optional<Geometry> calculate_geometry(const GeometryRequest& request) {
  using namespace slab_flag;
  Geometry g;
  g.object_size = request.object_size;
  g.align = request.align;
  g.flags = request.flags;
  if (request.object_size == 0 || !lay_out_object(request, g)) return std::nullopt;
  if (request.no_higher_order_debug && get_order(g.size) > get_order(g.object_size)) {
    g.flags &= ~kDebugMetadata;
    if (!lay_out_object(request, g)) return std::nullopt;
  }
  const auto order = slab_order(request.release, g.size, request.cpus);
  if (!order) return std::nullopt;
  g.order = *order;
  g.objects = objects_of(g.order, g.size);
  g.min_order = static_cast<u8>(get_order(g.size));
  g.min_objects = objects_of(g.min_order, g.size);
  if (g.objects == 0) return std::nullopt;

  g.min_partial = std::clamp<u32>((static_cast<u32>(std::bit_width(g.size)) - 1) / 2, 5, 10);
  if ((g.flags & kDebug) == 0) {
    g.cpu_partial = g.size >= kPageSize ? 6 : g.size >= 1024 ? 24 : g.size >= 256 ? 52 : 120;
    g.cpu_partial_slabs = (g.cpu_partial * 2 + g.objects - 1) / g.objects;
  }
  return g;
}

u32 slab_flags_from_module(Release release, u32 value, Yes kfence) {
  using namespace slab_flag;
  struct Bit {
    u32 module, koi;
  };
  static constexpr Bit k61[] = {
      {0x100, kConsistencyChecks}, {0x400, kRedZone},         {0x800, kPoison},
      {0x1000, kKmalloc},          {0x2000, kHwcacheAlign},   {0x4000, kCacheDma},
      {0x8000, kCacheDma32},       {0x10000, kStoreUser},     {0x20000, kReclaimAccount},
      {0x40000, kPanic},           {0x80000, kTypesafeByRcu}, {0x100000, kMemSpread},
      {0x200000, kTrace},          {0x800000, kNoLeakTrace},  {0x4000000, kAccount},
      {0x10000000, kNoUserFlags},  {0x20000000, kSkipKfence}};
  // 6.12 numbers its flags from 0 by an enum; those of options that are off take no number.
  static constexpr u32 k612[] = {
      kConsistencyChecks, kRedZone,   kPoison,     kKmalloc,       kHwcacheAlign, kCacheDma,
      kCacheDma32,        kStoreUser, kPanic,      kTypesafeByRcu, kTrace,        kNoLeakTrace,
      kNoMerge,           kAccount,   kNoUserFlags};
  u32 flags = 0;
  const auto translate = [&](u32 module_bit, u32 koi_bit) {
    if ((value & module_bit) == 0) return;
    flags |= koi_bit;
    value &= ~module_bit;
  };
  if (release == Release::k6_1) {
    for (const Bit& bit : k61) translate(bit.module, bit.koi);
  } else {
    u32 number = 0;
    for (u32 koi_bit : k612) translate(1u << number++, koi_bit);
    if (kfence == Yes::kYes) translate(1u << number++, kSkipKfence);
    translate(1u << number++, kReclaimAccount);
    number += 2;  // the allocator's own
    translate(1u << number, kNoObjExt);
  }
  return value == 0 ? flags : flags | kUnknown;
}

bool slab_debug_enabled(std::string_view text) {
  do {
    const std::string_view block = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), block.size() + 1));
    if (block.find(',') != std::string_view::npos || parse_slab_debug_letters(block).flags != 0) return true;
  } while (!text.empty());
  return false;
}

SlabDebugOptions parse_slab_debug_letters(std::string_view letters) {
  using namespace slab_flag;
  if (letters.empty() || letters == "1" || letters == "y" || letters == "Y")
    return {kConsistencyChecks | kRedZone | kPoison | kStoreUser, false};
  SlabDebugOptions options;
  for (char letter : letters) {
    switch (letter) {
      case 'F':
      case 'f':
        options.flags |= kConsistencyChecks;
        break;
      case 'Z':
      case 'z':
        options.flags |= kRedZone;
        break;
      case 'P':
      case 'p':
        options.flags |= kPoison;
        break;
      case 'U':
      case 'u':
        options.flags |= kStoreUser;
        break;
      case 'T':
      case 't':
        options.flags |= kTrace;
        break;
      case 'O':
      case 'o':
        options.no_higher_order = true;
        break;
      case '-':
        return {};
      default:
        break;
    }
  }
  return options;
}

}  // namespace koi::mm
