// SPDX-License-Identifier: GPL-2.0-only
// vmalloc: virtually contiguous areas over single pages, each with a guard page behind it.
//
//   free ranges (by address) ── lowest that fits ──► busy areas (by address)
//        ▲ purge: only when enough is lazily freed        │ free
//        └───────────────── lazily freed ◄────────────────┘
//
// As in the kernel an area's addresses are not used again until 32 MiB times log2(CPUs) lie lazily freed, so a stale
// pointer faults. The page array of a large area is itself an area. Mapping is the caller's, through PageMapper.
// Follows mm/vmalloc.c of 6.1 and 6.12 (6.12's per-node pools of small areas are not modelled). Allocation is
// O(free ranges), everything else O(log areas) plus the pages. Not reentrant; mapping happens with nothing half done.
#pragma once

#include <map>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/mm/buddy.h"

namespace koi::mm {

// Makes pages visible at virtual addresses.
class PageMapper {
 public:
  virtual ~PageMapper() = default;
  // false: the host refused.
  virtual bool map(u64 address, std::span<const Pfn> pages, u64 protection) = 0;
  virtual bool map_physical(u64 address, u64 physical, u64 pages, u64 protection) = 0;
  virtual void unmap(u64 address, u64 pages) = 0;
  // Clears a page that no area shows yet.
  virtual void clear(Pfn page) = 0;
};

namespace vm_flag {
inline constexpr u32 kIoremap = 0x1;
inline constexpr u32 kAlloc = 0x2;
inline constexpr u32 kMap = 0x4;
inline constexpr u32 kUserMap = 0x8;
inline constexpr u32 kNoGuard = 0x40;
}  // namespace vm_flag

// One area: what a line of /proc/vmallocinfo shows.
struct VmArea {
  explicit VmArea(std::pmr::memory_resource* resource) : pages(resource), shown(resource) {}
  u64 address = 0;
  u64 size = 0;       // with the guard page
  u64 requested = 0;  // bytes
  u32 flags = 0;
  u64 caller = 0;                               // return address, for the symbol
  u64 physical = 0;                             // ioremap
  bool page_array_is_area = false;              // "vpages"
  u64 page_array = 0;                           // that area's address
  std::optional<observe::ObjectOrigin> origin;  // who asked for it, if that is kept
  std::pmr::vector<Pfn> pages;                  // its own
  std::pmr::vector<Pfn> shown;                  // vmap(): the caller's
  u64 given_array = 0;                          // VM_MAP_PUT_PAGES: `shown` is the area's, and lies there

  [[nodiscard]] u64 guard_bytes() const { return (flags & vm_flag::kNoGuard) != 0 ? 0 : kPageSize; }
  [[nodiscard]] u64 end() const { return address + size; }
};

enum class VmallocOutcome : u8 {
  kOk,
  kZeroSize,     // the kernel WARNs once
  kExceedsRam,   // "vmalloc error: size ..., exceeds total pages"
  kNoAddresses,  // no free range is long enough
  kNoPages,      // "vmalloc error: size ..., failed to allocate pages"
  kNotMapped,    // the host refused
};

struct VmallocResult {
  VmallocOutcome outcome = VmallocOutcome::kOk;
  u64 address = 0;    // with kNoPages: of start()'s area, otherwise 0 unless it is kOk
  u64 pages_got = 0;  // with kNoPages: how far it came
};

enum class VfreeOutcome : u8 {
  kOk,
  kNothing,  // NULL
  kBadAddress,  // not page-aligned: "Trying to vfree() bad address" (6.12 then complains as for kNoSuchArea, too)
  kNoSuchArea,  // "Trying to vfree() nonexistent vm area"
  kInsideArea,  // not the start; the whole area was freed, as the kernel does
};

struct VmallocConfig {
  Release release = Release::k6_1;
  u32 cpus = 1;
  u64 start = 0;  // page-aligned
  u64 size = 0;
  bool init_on_alloc = true;
  bool init_on_free = false;  // pages are clear already
};

class Vmalloc {
 public:
  Vmalloc(Buddy& buddy, PageMapper& mapper, const VmallocConfig& config, std::pmr::memory_resource* resource);
  Vmalloc(const Vmalloc&) = delete;
  Vmalloc& operator=(const Vmalloc&) = delete;
  ~Vmalloc();

  struct Request {
    u64 size = 0;   // bytes
    u64 align = 1;  // power of two
    Gfp gfp = 0;
    Place at{VcpuId{0}};
    u64 protection = 0;  // passed to the mapper
    u32 flags = vm_flag::kAlloc;
    u64 caller = 0;
  };
  // __vmalloc(): an area backed by fresh pages, zeroed if the kernel would.
  [[nodiscard]] VmallocResult alloc(const Request& request);
  // The same in steps, for a caller who can make room: with kNoPages the area stays, with the pages that it got so far,
  // and go_on() with the same request and `start`'s address tries for the rest. give_up() takes it back.
  [[nodiscard]] VmallocResult start(const Request& request);
  [[nodiscard]] VmallocResult go_on(u64 address, const Request& request);
  void give_up(u64 address, VcpuId cpu) { (void)free(address, cpu); }
  // vmap(): shows the caller's pages.
  [[nodiscard]] VmallocResult map(std::span<const Pfn> pages, const Request& request);
  // From now on what the area at `address` shows goes with it, and `array` too: the caller of free() sees to that.
  void give_pages(u64 address, u64 array);
  // ioremap(): shows physical addresses.
  [[nodiscard]] VmallocResult map_physical(u64 physical, const Request& request);
  // vfree(), vunmap(), iounmap(): the area's own pages go back.
  VfreeOutcome free(u64 address, VcpuId cpu);
  // Makes lazily freed addresses available at once (vm_unmap_aliases).
  void purge();

  // The area an address lies in, guard page included.
  [[nodiscard]] const VmArea* find(u64 address) const;
  // Requires: an area starts there.
  void set_origin(u64 address, const observe::ObjectOrigin& origin) { busy_.at(address).origin = origin; }
  // vmalloc_to_page().
  [[nodiscard]] std::optional<Pfn> page_at(u64 address) const;
  // In the order of /proc/vmallocinfo: by address; 6.12 goes node by node (64 KiB stripes over the CPUs).
  [[nodiscard]] std::vector<const VmArea*> areas() const;
  // Lazily freed ranges, start -> size: the "unpurged vm_area" lines that end /proc/vmallocinfo.
  [[nodiscard]] const std::pmr::map<u64, u64>& unpurged() const { return lazy_; }
  [[nodiscard]] bool contains(u64 address) const { return address - config_.start < config_.size; }
  [[nodiscard]] u64 used_bytes() const { return used_bytes_; }
  [[nodiscard]] u64 mapped_pages() const { return mapped_pages_; }  // VmallocUsed of /proc/meminfo
  [[nodiscard]] u64 largest_free_bytes() const;
  [[nodiscard]] std::optional<std::string> check_invariants() const;

 private:
  using Ranges = std::pmr::map<u64, u64>;  // start -> size; neighbours are merged
  [[nodiscard]] VmArea* reserve(u64 bytes, const Request& request);
  [[nodiscard]] std::optional<u64> take_range(u64 bytes, u64 align);
  static void give_range(Ranges& ranges, u64 start, u64 bytes);
  void release(VmArea& area, VcpuId cpu);
  [[nodiscard]] VmallocResult populate(VmArea& area, const Request& request);
  [[nodiscard]] bool take_page_array(VmArea& area, u64 pages, const Request& request);

  Buddy& buddy_;
  PageMapper& mapper_;
  VmallocConfig config_;
  std::pmr::memory_resource* resource_;
  Ranges free_;
  Ranges lazy_;
  std::pmr::map<u64, VmArea> busy_;  // by start
  u64 lazy_bytes_ = 0;
  u64 lazy_limit_bytes_;
  u64 used_bytes_ = 0;
  u64 mapped_pages_ = 0;
};

}  // namespace koi::mm
