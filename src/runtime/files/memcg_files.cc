// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/memcg_files.h"

#include <fmt/format.h>

#include <cerrno>

#include "host/address_map.h"
#include "runtime/memory/memcg.h"

namespace koi::runtime {
namespace {

constexpr std::string_view kCgroupRoot = "/sys/fs/cgroup";
constexpr std::string_view kGroup = "/sys/fs/cgroup/koi";

std::string bytes_text(u64 pages) { return fmt::format("{}\n", pages * host::kPageSize); }

std::string current_text(const mm::Memcg& group) { return bytes_text(group.usage()); }
std::string peak_text(const mm::Memcg& group) { return bytes_text(group.peak()); }
std::string max_text(const mm::Memcg& group) {
  return group.limit() == mm::Memcg::kNoLimit ? "max\n" : bytes_text(group.limit());
}
std::string events_text(const mm::Memcg& group) { return group.events_text(); }
std::string stat_text(const mm::Memcg& group) { return group.stat_text(); }

struct GroupFile {
  std::string_view name;
  std::string (*read)(const mm::Memcg& group);
};
constexpr GroupFile kGroupFiles[] = {{"memory.current", current_text},
                                     {"memory.events", events_text},
                                     {"memory.max", max_text},
                                     {"memory.peak", peak_text},
                                     {"memory.stat", stat_text}};

}  // namespace

bool is_memcg_path(std::string_view path) {
  return memcg() != nullptr && path.starts_with(kCgroupRoot) &&
         (path.size() == kCgroupRoot.size() || path[kCgroupRoot.size()] == '/');
}

Result<std::string> read_memcg_file(std::string_view path) {
  if (path == kCgroupRoot || path == kGroup) return make_errno(EISDIR, "{}: Is a directory", path);
  for (const GroupFile& file : kGroupFiles) {
    if (path.starts_with(kGroup) && path.substr(kGroup.size()) == fmt::format("/{}", file.name))
      return file.read(*memcg());
  }
  return make_errno(ENOENT, "{}: No such file or directory", path);
}

std::vector<FileEntry> list_memcg_files(std::string_view path) {
  std::vector<FileEntry> entries;
  if (path == kCgroupRoot) entries.push_back({"koi", 0755, true});
  if (path != kGroup) return entries;
  for (const GroupFile& file : kGroupFiles) entries.push_back({std::string(file.name), 0444, false});
  return entries;
}

}  // namespace koi::runtime
