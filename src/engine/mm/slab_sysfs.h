// SPDX-License-Identifier: GPL-2.0-only
// /sys/kernel/slab: which directories and links there are, and what the attribute files of a cache say.
//
//   :0000064/          a mergeable cache under the id that its sharers have in common
//   vmap_area -> :0000064     one link for each name that shares it
//   task_struct/       a cache that never merges, under its own name
//
// Links stay behind when a cache goes, as in the kernel. Follows sysfs_slab_add() and the attributes of mm/slub.c.
#pragma once

#include <map>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "engine/mm/slab.h"

namespace koi::mm {

class SlabDirectory {
 public:
  struct Entry {
    Cache* cache = nullptr;   // a directory: the cache that it shows
    std::pmr::string target;  // a link: the directory's name
  };

  SlabDirectory(const SlabAllocator& slabs, std::pmr::memory_resource* resource)
      : slabs_(slabs), entries_(resource) {}

  // A cache came to be under a name that nothing shared.
  void created(Cache* cache);
  // Another name for a cache.
  void aliased(const Cache* cache, std::string_view name);
  // The cache that `name` stood for is going (its last user destroyed it). Requires: it is still there.
  void destroyed(const Cache* cache);

  // nullptr: no such name. A link is followed if its directory is there.
  [[nodiscard]] const Entry* find(std::string_view name) const;
  [[nodiscard]] const std::pmr::map<std::pmr::string, Entry, std::less<>>& entries() const {
    return entries_;
  }

 private:
  void link(std::string_view name, std::string_view target);

  const SlabAllocator& slabs_;
  std::pmr::map<std::pmr::string, Entry, std::less<>> entries_;
};

struct SlabAttribute {
  std::string_view name;
  u16 mode;
};
// The attribute files that every cache's directory has, in no order.
[[nodiscard]] std::span<const SlabAttribute> slab_attributes();
// What reading one gives; nullopt: no such attribute. `constructor`: the name of the cache's constructor, if it has one.
[[nodiscard]] std::optional<std::string> slab_attribute(const SlabAllocator& slabs, const Cache& cache,
                                                        std::string_view name, std::string_view constructor);

// ---- /proc/slabinfo ----
[[nodiscard]] std::string slabinfo_text(const SlabAllocator& slabs);

}  // namespace koi::mm
