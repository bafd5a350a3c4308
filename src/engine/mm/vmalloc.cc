// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/vmalloc.h"

#include <algorithm>
#include <bit>

namespace koi::mm {

Vmalloc::Vmalloc(Buddy& buddy, PageMapper& mapper, const VmallocConfig& config,
                 std::pmr::memory_resource* resource)
    : buddy_(buddy),
      mapper_(mapper),
      config_(config),
      resource_(resource),
      free_(resource),
      lazy_(resource),
      busy_(resource),
      lazy_limit_bytes_(u64{static_cast<u32>(std::bit_width(config.cpus))} * (u64{32} << 20)) {
  CHECK(config.start % kPageSize == 0 && config.size % kPageSize == 0);
  free_[config.start] = config.size;
}

Vmalloc::~Vmalloc() {
  while (!busy_.empty()) (void)free(busy_.begin()->first, VcpuId{0});
}

// ---- addresses -------------------------------------------------------------------------------------------------

// The lowest free range that holds `bytes` at the alignment.
std::optional<u64> Vmalloc::take_range(u64 bytes, u64 align) {
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const auto [start, size] = *it;
    const u64 at = align_up(start, align);
    if (at - start > size || size - (at - start) < bytes) continue;
    const u64 rest = start + size - (at + bytes);
    if (at == start) {
      free_.erase(it);
    } else {
      it->second = at - start;
    }
    if (rest != 0) free_[at + bytes] = rest;
    return at;
  }
  return std::nullopt;
}

void Vmalloc::give_range(Ranges& ranges, u64 start, u64 bytes) {
  const auto next = ranges.lower_bound(start);
  auto at = ranges.end();
  if (next != ranges.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == start) {
      before->second += bytes;
      at = before;
    }
  }
  if (at == ranges.end()) at = ranges.emplace_hint(next, start, bytes);
  if (next != ranges.end() && next->first == start + bytes) {
    at->second += next->second;
    ranges.erase(next);
  }
}

void Vmalloc::purge() {
  for (const auto& [start, size] : lazy_) give_range(free_, start, size);
  lazy_.clear();
  lazy_bytes_ = 0;
}

VmArea* Vmalloc::reserve(u64 bytes, const Request& request) {
  u64 align = std::max(request.align, kPageSize);
  if ((request.flags & vm_flag::kIoremap) != 0) {
    // Device mappings are aligned to their size, so that large entries could map them.
    align = u64{1} << std::clamp<u32>(static_cast<u32>(std::bit_width(bytes - 1)), kPageShift, 30);
  }
  const u64 size = align_up(bytes, kPageSize) + ((request.flags & vm_flag::kNoGuard) != 0 ? 0 : kPageSize);
  auto start = take_range(size, align);
  if (!start && lazy_bytes_ != 0) {
    purge();
    start = take_range(size, align);
  }
  if (!start) return nullptr;
  VmArea& area = busy_.try_emplace(*start, resource_).first->second;
  area.address = *start;
  area.size = size;
  area.requested = bytes;
  area.flags = request.flags;
  area.caller = request.caller;
  used_bytes_ += size;
  return &area;
}

// ---- areas -----------------------------------------------------------------------------------------------------

// Page pointers that do not fit one page live in an area of their own.
bool Vmalloc::take_page_array(VmArea& area, u64 pages, const Request& request) {
  constexpr u64 kPointerBytes = 8;
  const u64 bytes = pages * kPointerBytes;
  if (bytes <= kPageSize || area.page_array_is_area) return true;
  Request array = request;
  array.size = bytes;
  array.align = 1;
  array.flags = vm_flag::kAlloc;
  const VmallocResult made = alloc(array);
  if (made.outcome != VmallocOutcome::kOk) return false;
  area.page_array_is_area = true;
  area.page_array = made.address;
  return true;
}

VmallocResult Vmalloc::populate(VmArea& area, const Request& request) {
  const GfpBits& bits = buddy_.gfp();
  const u64 address = area.address;
  const u64 pages = (area.size - area.guard_bytes()) >> kPageShift;
  if (!take_page_array(area, pages, request)) return {VmallocOutcome::kNoPages, address, 0};
  const u64 had = area.pages.size();
  area.pages.resize(pages);
  const Gfp gfp = (request.gfp | bits.highmem | bits.nowarn) & ~bits.comp;
  const std::span<Pfn> wanted = std::span<Pfn>(area.pages).subspan(had);
  const u64 got = had + buddy_.alloc_bulk(gfp, request.at, wanted);
  area.pages.resize(got);
  const bool clear = !config_.init_on_free && (config_.init_on_alloc || (request.gfp & bits.zero) != 0);
  for (Pfn page : std::span<const Pfn>(area.pages).subspan(had)) {
    buddy_.desc(page).use = PageUse::kVmalloc;
    if (clear) mapper_.clear(page);
  }
  mapped_pages_ += got - had;
  if (got < pages) return {VmallocOutcome::kNoPages, address, got};
  if (!mapper_.map(address, area.pages, request.protection)) return {VmallocOutcome::kNotMapped, 0, got};
  return {VmallocOutcome::kOk, address, got};
}

VmallocResult Vmalloc::alloc(const Request& request) {
  VmallocResult result = start(request);
  if (result.outcome == VmallocOutcome::kNoPages) {
    give_up(result.address, VcpuId{request.at.cpu});
    result.address = 0;
  }
  return result;
}

VmallocResult Vmalloc::go_on(u64 address, const Request& request) {
  const auto area = busy_.find(address);
  CHECK(area != busy_.end(), "no area at {:#x}", address);
  const VmallocResult result = populate(area->second, request);
  if (result.outcome == VmallocOutcome::kNotMapped) (void)free(address, VcpuId{request.at.cpu});
  return result;
}

VmallocResult Vmalloc::start(const Request& request) {
  if (request.size == 0) return {VmallocOutcome::kZeroSize, 0, 0};
  if (request.size >> kPageShift > buddy_.managed_pages()) return {VmallocOutcome::kExceedsRam, 0, 0};
  VmArea* area = reserve(request.size, request);
  if (area == nullptr) return {VmallocOutcome::kNoAddresses, 0, 0};
  return go_on(area->address, request);
}

VmallocResult Vmalloc::map(std::span<const Pfn> pages, const Request& request) {
  if (pages.empty()) return {VmallocOutcome::kZeroSize, 0, 0};
  if (pages.size() > buddy_.managed_pages()) return {VmallocOutcome::kExceedsRam, 0, 0};
  Request adjusted = request;
  adjusted.flags = (request.flags & ~vm_flag::kAlloc) | vm_flag::kMap;
  VmArea* area = reserve(pages.size() << kPageShift, adjusted);
  if (area == nullptr) return {VmallocOutcome::kNoAddresses, 0, 0};
  const u64 address = area->address;
  area->shown.assign(pages.begin(), pages.end());
  if (!mapper_.map(address, pages, request.protection)) {
    (void)free(address, VcpuId{request.at.cpu});
    return {VmallocOutcome::kNotMapped, 0, 0};
  }
  return {VmallocOutcome::kOk, address, pages.size()};
}

void Vmalloc::give_pages(u64 address, u64 array) {
  const auto area = busy_.find(address);
  CHECK(area != busy_.end(), "no area at {:#x}", address);
  area->second.given_array = array;
}

VmallocResult Vmalloc::map_physical(u64 physical, const Request& request) {
  const u64 within = physical & (kPageSize - 1);
  if (request.size == 0) return {VmallocOutcome::kZeroSize, 0, 0};
  Request adjusted = request;
  adjusted.flags = vm_flag::kIoremap;
  VmArea* area = reserve(align_up(within + request.size, kPageSize), adjusted);
  if (area == nullptr) return {VmallocOutcome::kNoAddresses, 0, 0};
  area->physical = physical - within;
  const u64 address = area->address;
  const u64 pages = (area->size - kPageSize) >> kPageShift;
  if (!mapper_.map_physical(address, area->physical, pages, request.protection)) {
    (void)free(address, VcpuId{request.at.cpu});
    return {VmallocOutcome::kNotMapped, 0, 0};
  }
  return {VmallocOutcome::kOk, address + within, pages};
}

void Vmalloc::release(VmArea& area, VcpuId cpu) {
  mapper_.unmap(area.address, (area.size - area.guard_bytes()) >> kPageShift);
  mapped_pages_ -= area.pages.size();
  for (Pfn page : area.pages) (void)buddy_.free(page, Order{0}, cpu);
  used_bytes_ -= area.size;
  give_range(lazy_, area.address, area.size);
  lazy_bytes_ += area.size;
}

VfreeOutcome Vmalloc::free(u64 address, VcpuId cpu) {
  if (address == 0) return VfreeOutcome::kNothing;
  if (address % kPageSize != 0) return VfreeOutcome::kBadAddress;
  auto it = busy_.upper_bound(address);
  if (it == busy_.begin()) return VfreeOutcome::kNoSuchArea;
  --it;
  if (address >= it->second.end()) return VfreeOutcome::kNoSuchArea;
  const bool at_start = it->first == address;
  const u64 page_array = it->second.page_array;
  release(it->second, cpu);
  busy_.erase(it);
  if (page_array != 0) (void)free(page_array, cpu);
  if (lazy_bytes_ > lazy_limit_bytes_) purge();
  return at_start ? VfreeOutcome::kOk : VfreeOutcome::kInsideArea;
}

// ---- observers -------------------------------------------------------------------------------------------------

const VmArea* Vmalloc::find(u64 address) const {
  auto it = busy_.upper_bound(address);
  if (it == busy_.begin()) return nullptr;
  --it;
  return address < it->second.end() ? &it->second : nullptr;
}

std::optional<Pfn> Vmalloc::page_at(u64 address) const {
  const VmArea* area = find(address);
  if (area == nullptr) return std::nullopt;
  const u64 index = (address - area->address) >> kPageShift;
  const std::pmr::vector<Pfn>& pages = area->pages.empty() ? area->shown : area->pages;
  if (index < pages.size()) return pages[index];
  return std::nullopt;
}

std::vector<const VmArea*> Vmalloc::areas() const {
  std::vector<const VmArea*> all;
  for (const auto& [start, area] : busy_) all.push_back(&area);
  if (config_.release != Release::k6_1 && config_.cpus > 1) {
    constexpr u64 kStripeBytes = 16 * kPageSize;
    const auto node = [this](const VmArea* area) { return area->address / kStripeBytes % config_.cpus; };
    std::stable_sort(all.begin(), all.end(),
                     [&](const VmArea* a, const VmArea* b) { return node(a) < node(b); });
  }
  return all;
}

u64 Vmalloc::largest_free_bytes() const {
  u64 largest = 0;
  for (const auto& [start, size] : free_) largest = std::max(largest, size);
  return largest;
}

std::optional<std::string> Vmalloc::check_invariants() const {
  std::map<u64, u64> ranges;
  u64 pages = 0, used = 0;
  for (const auto& [start, size] : free_) ranges[start] = size;
  for (const auto& [start, size] : lazy_) ranges[start] = size;
  for (const auto& [start, area] : busy_) {
    if (area.address != start || area.size % kPageSize != 0)
      return fmt::format("area {:#x} is misplaced", start);
    if (ranges.contains(start)) return fmt::format("area {:#x} is free and busy", start);
    ranges[start] = area.size;
    pages += area.pages.size();
    used += area.size;
  }
  u64 at = config_.start;
  for (const auto& [start, size] : ranges) {
    if (start != at) return fmt::format("addresses {:#x} to {:#x} are nobody's or two areas'", at, start);
    at = start + size;
  }
  if (at != config_.start + config_.size) return "the end of the range is nobody's";
  if (pages != mapped_pages_ || used != used_bytes_) return "the counts are wrong";
  u64 previous_end = 0;
  for (const auto& [start, size] : free_) {
    if (start == previous_end) return fmt::format("free ranges meet at {:#x}", start);
    previous_end = start + size;
  }
  return std::nullopt;
}

}  // namespace koi::mm
