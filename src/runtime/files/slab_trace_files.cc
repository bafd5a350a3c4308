// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/slab_trace_files.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

constexpr std::string_view kRoot = "/sys/kernel/debug/slab";

// struct location
struct Location {
  u64 count = 0;
  u64 caller = 0;
  const std::pmr::vector<u64>* trace = nullptr;
  u64 waste = 0;  // bytes of an object that were not asked for
  u64 age_sum = 0, age_min = ~u64{0}, age_max = 0;
  s32 pid_min = 0, pid_max = 0;
  std::set<u32> cpus;

  void add(const SlabTrack* track, u64 jiffy) {
    if (count++ == 0) pid_min = pid_max = track == nullptr ? 0 : track->pid;
    if (track == nullptr) return;
    const u64 age = jiffy - track->jiffy;
    age_sum += age;
    age_min = std::min(age_min, age);
    age_max = std::max(age_max, age);
    pid_min = std::min(pid_min, track->pid);
    pid_max = std::max(pid_max, track->pid);
    cpus.insert(track->cpu);
  }
};

// "0-1,3", as %*pbl.
std::string cpu_list(const std::set<u32>& cpus) {
  std::string text;
  for (auto it = cpus.begin(); it != cpus.end();) {
    const u32 first = *it;
    u32 last = first;
    while (++it != cpus.end() && *it == last + 1) last = *it;
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

std::string location_text(const Symbolizer& symbols, const Location& l, u32 cpus_online) {
  std::string text = fmt::format("{:7} ", l.count);
  text += l.caller != 0 ? symbol_text(symbols, l.caller) : "<not-available>";
  if (l.waste != 0) text += fmt::format(" waste={}/{}", l.count * l.waste, l.waste);
  const u64 age_min = l.trace == nullptr ? 0 : l.age_min;
  text += l.age_sum != age_min ? fmt::format(" age={}/{}/{}", age_min, l.age_sum / l.count, l.age_max)
                               : fmt::format(" age={}", age_min);
  text += l.pid_min != l.pid_max ? fmt::format(" pid={}-{}", l.pid_min, l.pid_max)
                                 : fmt::format(" pid={}", l.pid_min);
  if (cpus_online > 1 && !l.cpus.empty()) text += fmt::format(" cpus={}", cpu_list(l.cpus));
  if (l.trace != nullptr) {
    text += '\n';
    for (const u64 address : *l.trace) text += fmt::format("        {}\n", symbol_text(symbols, address));
  }
  return text + "\n";
}

bool is_tracked(const mm::Cache& cache) { return (cache.flags() & mm::slab_flag::kStoreUser) != 0; }

std::string traces_text(Kernel& kernel, const mm::Cache& wanted, mm::ObjectUse use) {
  const mm::SlabAllocator& slabs = kernel.memory().slabs();
  std::map<std::pair<const void*, u64>, Location> found;  // by trace and waste
  slabs.for_each_object([&](const mm::Cache& cache, const mm::Slab& /*slab*/, void* object) {
    if (&cache != &wanted) return;
    const SlabTrack* const track = kernel.memory().slab_tracks().find(object, use);
    const bool waste = use == mm::ObjectUse::kAllocated && (cache.flags() & mm::slab_flag::kKmalloc) != 0;
    const u64 wasted = waste ? cache.object_size() - slabs.requested_size(&cache, object) : 0;
    Location& location = found[{track == nullptr ? nullptr : track->trace, wasted}];
    location.waste = wasted;
    if (track != nullptr) {
      location.caller = track->caller;
      location.trace = track->trace;
    }
    location.add(track, kernel.jiffies());
  });
  if (found.empty()) return "No data\n";
  std::vector<const Location*> sorted;
  for (const auto& entry : found) sorted.push_back(&entry.second);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Location* a, const Location* b) {
    if (a->count != b->count) return a->count > b->count;
    return a->caller != b->caller ? a->caller < b->caller : a->waste < b->waste;
  });
  std::string text;
  for (const Location* location : sorted)
    text += location_text(kernel.traps().symbols(), *location, kernel.config().cpus);
  return text;
}

const mm::Cache* tracked_cache(Kernel& kernel, std::string_view name) {
  for (const mm::Cache* cache : kernel.memory().slabs().caches()) {
    if (cache->name() == name && is_tracked(*cache)) return cache;
  }
  return nullptr;
}

}  // namespace

std::optional<SlabTracePath> split_slab_trace_path(std::string_view path) {
  if (!path.starts_with(kRoot)) return std::nullopt;
  path.remove_prefix(kRoot.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  if (!path.empty()) path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return SlabTracePath{path, {}};
  return SlabTracePath{path.substr(0, slash), path.substr(slash + 1)};
}

Result<std::string> read_slab_traces(Kernel& kernel, std::string_view path) {
  const auto split = split_slab_trace_path(path);
  const mm::Cache* const cache = tracked_cache(kernel, split->cache);
  if (split->cache.empty() || (cache != nullptr && split->file.empty()))
    return make_errno(EISDIR, "{}: Is a directory", path);
  if (cache != nullptr && split->file == "alloc_traces")
    return traces_text(kernel, *cache, mm::ObjectUse::kAllocated);
  if (cache != nullptr && split->file == "free_traces")
    return traces_text(kernel, *cache, mm::ObjectUse::kFree);
  return make_errno(ENOENT, "{}: No such file or directory", path);
}

std::vector<FileEntry> list_slab_traces(Kernel& kernel, const SlabTracePath& path) {
  if (!path.cache.empty()) {
    if (!path.file.empty() || tracked_cache(kernel, path.cache) == nullptr) return {};
    return {{"alloc_traces", 0400, false}, {"free_traces", 0400, false}};
  }
  std::set<std::string, std::less<>> names;
  for (const mm::Cache* cache : kernel.memory().slabs().caches()) {
    if (is_tracked(*cache)) names.emplace(cache->name());
  }
  std::vector<FileEntry> entries;
  for (const std::string& name : names) entries.push_back({name, 0755, true});
  return entries;
}

}  // namespace koi::runtime
