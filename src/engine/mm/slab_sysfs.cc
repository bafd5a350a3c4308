// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/slab_sysfs.h"

#include <algorithm>

namespace koi::mm {
namespace {

using namespace slab_flag;

// "5 N0=3 N1=2": a sum and its parts by node, those that have any.
template <class Part>
std::string by_node(const SlabAllocator& slabs, const Cache& cache, u64 sum, Part part) {
  if (sum == 0) return "0\n";
  std::string text = fmt::format("{}", sum);
  const u32 nodes = slabs.buddy().node_count();
  for (u32 node = 0; node < nodes; ++node) {
    const u64 here = nodes == 1 ? sum : part(slabs.node_use(&cache, NodeId{node}));
    if (here != 0) text += fmt::format(" N{}={}", node, here);
  }
  return text + "\n";
}

struct FlagAttribute {
  std::string_view name;
  u32 flag;
};
constexpr FlagAttribute kFlagAttributes[] = {
    {"hwcache_align", kHwcacheAlign},
    {"reclaim_account", kReclaimAccount},
    {"destroy_by_rcu", kTypesafeByRcu},
    {"cache_dma", kCacheDma},
    {"sanity_checks", kConsistencyChecks},
    {"trace", kTrace},
    {"red_zone", kRedZone},
    {"poison", kPoison},
    {"store_user", kStoreUser},
    {"skip_kfence", kSkipKfence},
};

constexpr SlabAttribute kAttributes[] = {
    {"aliases", 0400},
    {"align", 0400},
    {"cache_dma", 0400},
    {"cpu_partial", 0600},
    {"cpu_slabs", 0400},
    {"ctor", 0400},
    {"destroy_by_rcu", 0400},
    {"hwcache_align", 0400},
    {"min_partial", 0600},
    {"object_size", 0400},
    {"objects", 0400},
    {"objects_partial", 0400},
    {"objs_per_slab", 0400},
    {"order", 0400},
    {"partial", 0400},
    {"poison", 0400},
    {"reclaim_account", 0400},
    {"red_zone", 0400},
    {"remote_node_defrag_ratio", 0600},
    {"sanity_checks", 0400},
    {"shrink", 0600},
    {"skip_kfence", 0600},
    {"slab_size", 0400},
    {"slabs", 0400},
    {"slabs_cpu_partial", 0400},
    {"store_user", 0400},
    {"total_objects", 0400},
    {"trace", 0400},
    {"usersize", 0400},
    {"validate", 0600},
};

// Half of each chained slab's objects are taken to be free, as slub_set_cpu_partial() does.
std::string slabs_cpu_partial(const SlabAllocator& slabs, const Cache& cache) {
  const u64 per_slab = cache.geometry().objects;
  u64 all = 0;
  std::string parts;
  for (u32 cpu = 0; cpu < slabs.config().cpus; ++cpu) {
    const u64 chained = slabs.chained_slabs(&cache, VcpuId{cpu});
    all += chained;
    if (chained != 0) parts += fmt::format(" C{}={}({})", cpu, chained * per_slab / 2, chained);
  }
  return fmt::format("{}({}){}\n", all * per_slab / 2, all, parts);
}

std::optional<std::string> occupancy(const SlabAllocator& slabs, const Cache& cache, std::string_view name) {
  const SlabInfo info = slabs.slab_info(&cache);
  using Use = const SlabAllocator::NodeUse&;
  const auto show = [&](u64 sum, auto part) { return by_node(slabs, cache, sum, part); };
  if (name == "slabs") return show(info.slabs, [](Use use) { return use.slabs; });
  if (name == "objects")
    return show(info.active_objects, [](Use use) { return use.objects - use.free_objects; });
  if (name == "total_objects") return show(info.objects, [](Use use) { return use.objects; });
  if (name == "partial") return show(slabs.partial_slabs(&cache), [](Use use) { return use.partial; });
  if (name == "objects_partial")
    return show(slabs.partial_objects_in_use(&cache), [](Use use) { return use.partial_in_use; });
  if (name == "cpu_slabs") return show(slabs.cpu_slab_count(&cache), [](Use use) { return use.cpu_slabs; });
  if (name == "slabs_cpu_partial") return slabs_cpu_partial(slabs, cache);
  return std::nullopt;
}

}  // namespace

// ---- names -----------------------------------------------------------------------------------------------------

void SlabDirectory::link(std::string_view name, std::string_view target) {
  Entry& entry = entries_[std::pmr::string(name, entries_.get_allocator().resource())];
  entry.cache = nullptr;
  entry.target = target;
}

void SlabDirectory::created(Cache* cache) {
  const std::string name = slabs_.sysfs_name(cache);
  Entry& entry = entries_[std::pmr::string(name, entries_.get_allocator().resource())];
  entry.cache = cache;
  entry.target.clear();
  if (name != cache->name()) link(cache->name(), name);
}

void SlabDirectory::aliased(const Cache* cache, std::string_view name) {
  const std::string target = slabs_.sysfs_name(cache);
  if (name != target) link(name, target);
}

void SlabDirectory::destroyed(const Cache* cache) {
  std::erase_if(entries_, [cache](const auto& entry) { return entry.second.cache == cache; });
}

const SlabDirectory::Entry* SlabDirectory::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  if (found->second.cache != nullptr) return &found->second;
  const auto directory = entries_.find(found->second.target);
  return directory == entries_.end() || directory->second.cache == nullptr ? &found->second
                                                                           : &directory->second;
}

// ---- attributes ------------------------------------------------------------------------------------------------

std::span<const SlabAttribute> slab_attributes() { return kAttributes; }

std::optional<std::string> slab_attribute(const SlabAllocator& slabs, const Cache& cache,
                                          std::string_view name, std::string_view constructor) {
  const Geometry& g = cache.geometry();
  const auto number = [](u64 value) { return fmt::format("{}\n", value); };
  if (name == "slab_size") return number(g.size);
  if (name == "align") return number(g.align);
  if (name == "object_size") return number(g.object_size);
  if (name == "objs_per_slab") return number(g.objects);
  if (name == "order") return number(g.order);
  if (name == "min_partial") return number(g.min_partial);
  if (name == "cpu_partial") return number(g.cpu_partial);
  if (name == "aliases") return number(static_cast<u64>(std::max(cache.reference_count() - 1, 0)));
  if (name == "usersize") return number(cache.usercopy_size());
  if (name == "remote_node_defrag_ratio") return number(100);
  if (name == "ctor") return constructor.empty() ? std::string() : std::string(constructor) + "\n";
  if (name == "shrink" || name == "validate") return std::string();
  for (const FlagAttribute& flag : kFlagAttributes) {
    if (flag.name == name) return number((g.flags & flag.flag) != 0 ? 1 : 0);
  }
  return occupancy(slabs, cache, name);
}

// ---- /proc/slabinfo --------------------------------------------------------------------------------------------

std::string slabinfo_text(const SlabAllocator& slabs) {
  std::string text =
      "slabinfo - version: 2.1\n"
      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> "
      "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";
  const std::vector<Cache*> caches = slabs.caches();
  for (auto it = caches.rbegin(); it != caches.rend(); ++it) {
    const SlabInfo info = slabs.slab_info(*it);
    text +=
        fmt::format("{:<17} {:6} {:6} {:6} {:4} {:4} : tunables {:4} {:4} {:4} : slabdata {:6} {:6} {:6}\n",
                    info.name, info.active_objects, info.objects, info.object_size, info.objects_per_slab,
                    info.pages_per_slab, 0, 0, 0, info.active_slabs, info.slabs, 0);
  }
  return text;
}

}  // namespace koi::mm
