// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/kernel_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "engine/mm/boot_caches.h"
#include "engine/mm/slab_sysfs.h"
#include "runtime/checks/lock_stat.h"
#include "runtime/files/machine_files.h"
#include "runtime/files/memcg_files.h"
#include "runtime/files/memory_files.h"
#include "runtime/files/node_files.h"
#include "runtime/files/slab_trace_files.h"
#include "runtime/kernel.h"
#include "runtime/memory/drop_caches.h"
#include "runtime/memory/memcg.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

s32 core_word(Kernel& kernel, std::string_view name) {
  s32 value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(kernel.core().address_of(name)), sizeof(value));
  return value;
}

// A number that lies in the core, where modules see it too.
template <const char* kVariable>
std::string read_word(Kernel& kernel) {
  return fmt::format("{}\n", core_word(kernel, kVariable));
}
template <const char* kVariable>
bool write_word(Kernel& kernel, s32 value) {
  std::memcpy(reinterpret_cast<void*>(kernel.core().address_of(kVariable)), &value, sizeof(value));
  return true;
}
constexpr char kPanicTimeout[] = "panic_timeout";
constexpr char kPanicOnWarn[] = "panic_on_warn";

std::string cmdline(Kernel& kernel) { return kernel.config().boot.text + "\n"; }
std::string panic_on_oops(Kernel& kernel) { return kernel.panic_on_oops() ? "1\n" : "0\n"; }
bool set_panic_on_oops(Kernel& kernel, s32 value) {
  kernel.set_panic_on_oops(value != 0);
  return true;
}

struct File {
  std::string_view path;
  u16 mode;
  std::string (*read)(Kernel& kernel);
  bool (*write)(Kernel& kernel, s32 value);  // null: it cannot be written
};

std::string zero(Kernel& /*kernel*/) { return "0\n"; }
std::string one(Kernel& /*kernel*/) { return "1\n"; }

constexpr std::string_view kSlabRoot = "/sys/kernel/slab";

constexpr File kFiles[] = {
    {"/proc/allocinfo", 0400, proc_allocinfo, nullptr},
    {"/proc/buddyinfo", 0444, proc_buddyinfo, nullptr},
    {"/proc/lock_stat", 0600, proc_lock_stat, nullptr},
    {"/proc/meminfo", 0444, proc_meminfo, nullptr},
    {"/proc/pagetypeinfo", 0400, proc_pagetypeinfo, nullptr},
    {"/proc/slabinfo", 0400, proc_slabinfo, nullptr},
    {"/proc/vmallocinfo", 0400, proc_vmallocinfo, nullptr},
    {"/proc/zoneinfo", 0444, proc_zoneinfo, nullptr},
    {"/proc/filesystems", 0444, proc_filesystems, nullptr},
    {"/proc/interrupts", 0444, proc_interrupts, nullptr},
    {"/proc/misc", 0444, proc_misc, nullptr},
    {"/proc/softirqs", 0444, proc_softirqs, nullptr},
    {"/proc/vmstat", 0444, proc_vmstat, nullptr},
    {"/proc/sys/vm/drop_caches", 0200, drop_caches_text, drop_caches},
    {"/proc/sys/vm/lowmem_reserve_ratio", 0444, lowmem_reserve_ratio, nullptr},
    {"/proc/sys/vm/min_free_kbytes", 0444, min_free_kbytes, nullptr},
    {"/proc/sys/vm/nr_hugepages", 0444, zero, nullptr},
    {"/proc/sys/vm/nr_overcommit_hugepages", 0444, zero, nullptr},
    {"/proc/sys/vm/numa_stat", 0444, one, nullptr},
    {"/proc/sys/vm/numa_zonelist_order", 0444, numa_zonelist_order, nullptr},
    {"/proc/sys/vm/oom_dump_tasks", 0444, one, nullptr},
    {"/proc/sys/vm/oom_kill_allocating_task", 0444, zero, nullptr},
    {"/proc/sys/vm/panic_on_oom", 0444, zero, nullptr},
    {"/proc/sys/vm/percpu_pagelist_high_fraction", 0444, zero, nullptr},
    {"/proc/sys/vm/watermark_scale_factor", 0444, watermark_scale_factor, nullptr},
    {"/proc/sys/vm/zone_reclaim_mode", 0444, zero, nullptr},
    {"/proc/cmdline", 0444, cmdline, nullptr},
    {"/proc/sys/kernel/panic", 0644, read_word<kPanicTimeout>, write_word<kPanicTimeout>},
    {"/proc/sys/kernel/panic_on_oops", 0644, panic_on_oops, set_panic_on_oops},
    {"/proc/sys/kernel/panic_on_warn", 0644, read_word<kPanicOnWarn>, write_word<kPanicOnWarn>},
};

const File* find(std::string_view path) {
  const auto* const it = std::find_if(std::begin(kFiles), std::end(kFiles),
                                      [path](const File& file) { return file.path == path; });
  return it == std::end(kFiles) ? nullptr : it;
}

Error no_such(std::string_view path) { return make_errno(ENOENT, "{}: No such file or directory", path); }

struct SlabPath {
  std::string_view cache;      // empty: the directory of all
  std::string_view attribute;  // empty: the cache's directory
};

std::optional<SlabPath> split_slab_path(std::string_view path) {
  if (!path.starts_with(kSlabRoot)) return std::nullopt;
  path.remove_prefix(kSlabRoot.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  if (!path.empty()) path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return SlabPath{path, {}};
  return SlabPath{path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

bool KernelFiles::has(std::string_view path) const {
  return find(path) != nullptr || split_slab_path(path).has_value() ||
         split_slab_trace_path(path).has_value() || is_node_path(path) || is_memcg_path(path);
}

Result<std::string> KernelFiles::read_link(std::string_view path) const {
  const auto slab = split_slab_path(path);
  if (!slab || !slab->attribute.empty()) return make_errno(EINVAL, "{}: Invalid argument", path);
  const auto& entries = kernel_.memory().slab_directory().entries();
  const auto found = entries.find(slab->cache);
  if (found == entries.end()) return no_such(path);
  if (found->second.cache != nullptr) return make_errno(EINVAL, "{}: Invalid argument", path);
  return std::string(found->second.target);
}

Result<std::string> KernelFiles::read_slab_attribute(std::string_view path) const {
  const auto slab = split_slab_path(path);
  const mm::SlabDirectory::Entry* const entry =
      slab->cache.empty() ? nullptr : kernel_.memory().slab_directory().find(slab->cache);
  const bool directory = slab->cache.empty() && slab->attribute.empty();
  if (!directory && (entry == nullptr || entry->cache == nullptr)) return no_such(path);
  if (slab->attribute.empty()) return make_errno(EISDIR, "{}: Is a directory", path);
  const mm::Cache& cache = *entry->cache;
  std::string constructor;
  if (cache.constructor() == mm::kBootConstructor)
    constructor = mm::boot_constructor_name(kernel_.memory().slabs().release(), cache.name());
  else if (cache.constructor() != 0)
    constructor = symbol_text(kernel_.traps().symbols(), cache.constructor());
  auto text = mm::slab_attribute(kernel_.memory().slabs(), cache, slab->attribute, constructor);
  if (!text) return no_such(path);
  return std::move(*text);
}

Status KernelFiles::write_slab_attribute(std::string_view path, s64 value) {
  const auto slab = split_slab_path(path);
  const mm::SlabDirectory::Entry* const entry = kernel_.memory().slab_directory().find(slab->cache);
  if (entry == nullptr || entry->cache == nullptr) return no_such(path);
  mm::SlabAllocator& slabs = kernel_.memory().slabs();
  mm::Cache* const cache = entry->cache;
  const Error invalid = make_errno(EINVAL, "{}: Invalid argument", path);
  if (slab->attribute == "shrink") {
    if (value != 1) return invalid;
    static_cast<void>(slabs.shrink(cache));
  } else if (slab->attribute == "validate") {
    if (value != 1 || !cache->is_debug()) return invalid;
    slabs.validate(cache);
  } else if (slab->attribute == "min_partial") {
    if (value < 0) return invalid;
    slabs.set_min_partial(cache, static_cast<u32>(value));
  } else if (slab->attribute == "cpu_partial") {
    if (value < 0 || (value != 0 && cache->is_debug())) return invalid;
    slabs.set_cpu_partial(cache, static_cast<u32>(value));
  } else {
    return make_errno(EACCES, "{}: Permission denied", path);
  }
  return Ok{};
}

Result<std::string> KernelFiles::read(std::string_view path) {
  if (split_slab_path(path)) return read_slab_attribute(path);
  if (split_slab_trace_path(path)) return read_slab_traces(kernel_, path);
  if (is_node_path(path)) return read_node_file(kernel_, path);
  if (is_memcg_path(path)) return read_memcg_file(path);
  const File* const file = find(path);
  if (file == nullptr) return no_such(path);
  return file->read(kernel_);
}

Status KernelFiles::write(std::string_view path, std::string_view text) {
  const File* const file = find(path);
  const bool slab = split_slab_path(path).has_value();
  if (file == nullptr && !slab) return no_such(path);
  if (!slab && file->write == nullptr) return make_errno(EACCES, "{}: Permission denied", path);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  s32 value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size())
    return make_errno(EINVAL, "{}: Invalid argument", path);
  if (slab) return write_slab_attribute(path, value);
  if (!file->write(kernel_, value)) return make_errno(EINVAL, "{}: Invalid argument", path);
  return Ok{};
}

std::vector<FileEntry> KernelFiles::list(std::string_view path) const {
  std::vector<FileEntry> entries;
  if (const auto traces = split_slab_trace_path(path)) return list_slab_traces(kernel_, *traces);
  if (is_node_path(path)) return list_node_files(kernel_, path);
  if (is_memcg_path(path)) return list_memcg_files(path);
  if (path == "/proc/sys") entries.push_back({"vm", 0555, true});
  if (path == "/sys/devices/system") entries.push_back({"node", 0755, true});
  if (path == "/sys/devices") entries.push_back({"system", 0755, true});
  if (path == "/sys/kernel/debug") entries.push_back({"slab", 0755, true});
  if (path == "/sys/fs" && memcg() != nullptr) entries.push_back({"cgroup", 0555, true});
  if (path == "/sys" && memcg() != nullptr) entries.push_back({"fs", 0755, true});
  if (path == "/sys/kernel") entries.push_back({"slab", 0755, true});
  if (const auto slab = split_slab_path(path); slab && slab->cache.empty()) {
    for (const auto& [name, entry] : kernel_.memory().slab_directory().entries())
      entries.push_back({std::string(name), static_cast<u16>(entry.cache != nullptr ? 0755 : 0777),
                         entry.cache != nullptr});
  } else if (slab && slab->attribute.empty()) {
    const mm::SlabDirectory::Entry* const entry = kernel_.memory().slab_directory().find(slab->cache);
    if (entry == nullptr || entry->cache == nullptr) return entries;
    for (const mm::SlabAttribute& attribute : mm::slab_attributes())
      entries.push_back({std::string(attribute.name), attribute.mode, false});
  }
  for (const File& file : kFiles) {
    const size_t slash = file.path.rfind('/');
    if (file.path.substr(0, slash) == path)
      entries.push_back({std::string(file.path.substr(slash + 1)), file.mode, false});
  }
  return entries;
}

}  // namespace koi::runtime
