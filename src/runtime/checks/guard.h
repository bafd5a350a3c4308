// SPDX-License-Identifier: GPL-2.0-only
// --guard: slab objects that end at a page that nobody may touch, and that stay out of reach for a while after they are freed.
//
//   block of pages from the buddy     [ canary | object |..][ guard page(s), PROT_NONE ]
//   after kfree()                     [ all of it PROT_NONE ], first in, first out, bounded; then back to the buddy
//
// The object ends as near to the guard page as its alignment lets it. The bytes around it in its own page hold a canary that
// is checked when it is freed. An access that the CPU refuses is reported in KFENCE's words, with the stacks of the
// allocation and of the free, and then let through, as KFENCE does: each object's page is reported once, and so is each kind
// of misuse at one place in the code; repeated() counts the others. The block is RAM
// with a struct page, so virt_to_page() and its kin work on it; the page belongs to no slab, as with a large kmalloc().
//
// Not guarded: caches with a constructor or SLAB_TYPESAFE_BY_RCU, caches under slub_debug, GFP_DMA and GFP_DMA32, and what comes
// when kMostObjects, or a quarter of RAM, are guarded; unguarded() counts those.
// Cost: a system call or two an allocation and a free, two to four pages an object.
#pragma once

#include <deque>
#include <map>
#include <memory_resource>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/mm/slab.h"
#include "runtime/kernel.h"

namespace koi::runtime {

class Guard {
 public:
  Guard(Kernel& kernel, GuardObjects which, std::pmr::memory_resource* resource);

  // A guarded object of that size, its page accounted for; nullopt: this one comes from the slab. `aligned`: by the cache's
  // alignment, else by kmalloc()'s rule.
  enum class Alignment : bool { kKmalloc, kCache };
  [[nodiscard]] std::optional<u64> allocate(const mm::Cache& cache, u64 size, mm::Gfp gfp,
                                            Alignment alignment);
  // Does the address lie in a block, live or in quarantine?
  [[nodiscard]] bool owns(u64 address) const { return find(address) != nullptr; }
  // The size of the live object that starts there.
  [[nodiscard]] std::optional<u64> size_of(u64 address) const;
  // Requires: owns(). Frees the object that starts there, or reports why not.
  void free(u64 address);
  // Gives what is in quarantine back: of one cache, or (null) of all.
  void flush(const mm::Cache* cache);
  [[nodiscard]] u64 live_objects(const mm::Cache* cache) const;

  // The CPU refused an access; `trace`: who made it, innermost first. True: it is reported and may be tried again.
  bool faulted(u64 address, bool write, const std::vector<u64>& trace);

  [[nodiscard]] u64 guarded() const { return last_number_; }
  [[nodiscard]] u64 unguarded() const { return unguarded_; }
  [[nodiscard]] u64 repeated() const { return repeated_; }

 private:
  struct Track {
    explicit Track(std::pmr::memory_resource* resource) : trace(resource) {}
    s32 pid = 0;
    u32 cpu = 0;
    u64 time_ns = 0;
    std::pmr::vector<u64> trace;
  };
  struct Object {
    explicit Object(std::pmr::memory_resource* resource)
        : cache_name(resource), allocated(resource), freed(resource) {}
    u64 block = 0;  // its first page
    u64 data_bytes = 0;
    u64 bytes = 0;  // of the block
    u64 address = 0;
    u64 size = 0;
    u64 number = 0;
    const mm::Cache* cache = nullptr;  // to compare with: it may be gone
    std::pmr::string cache_name;
    bool live = true;
    Track allocated;
    Track freed;
  };

  [[nodiscard]] const Object* find(u64 address) const;
  [[nodiscard]] bool wants(const mm::Cache& cache, u64 size, mm::Gfp gfp);
  [[nodiscard]] bool has_room(u64 size) const;
  // Whose object an address in a guard page is nearest to.
  [[nodiscard]] const Object& nearest(const Object& left, u64 address) const;
  void keep_track(Track& track, const std::vector<u64>& trace) const;
  [[nodiscard]] std::vector<u64> callers() const;
  void check_canary(const Object& object);
  void release(u64 block);

  // ---- reports ----
  // False: this was reported of that place before.
  [[nodiscard]] bool begin_report(std::string_view what, const std::vector<u64>& trace);
  void end_report(const Object& object, const std::vector<u64>& trace, std::string_view what);
  void print_track(std::string_view did, const Track& track);
  void line(std::string_view text) const;
  [[nodiscard]] std::string pointer(u64 address) const;

  Kernel& kernel_;
  const GuardObjects which_;
  const u64 most_bytes_;
  const u64 most_quarantined_bytes_;
  std::pmr::map<u64, Object> objects_;  // by block
  std::pmr::deque<u64> quarantine_;     // blocks, oldest first
  u64 bytes_ = 0;                       // of all blocks
  u64 quarantined_bytes_ = 0;
  u64 asked_ = 0;
  u64 last_number_ = 0;
  u64 unguarded_ = 0;
  std::pmr::set<std::pair<u64, std::pmr::string>> reported_;  // place, kind
  u64 repeated_ = 0;
};

}  // namespace koi::runtime
