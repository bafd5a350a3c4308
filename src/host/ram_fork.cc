// SPDX-License-Identifier: GPL-2.0-only
#include "host/ram_fork.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "host/address_map.h"

namespace koi::host {
namespace {

constexpr std::string_view kRamFile = "/memfd:koi-ram";

// The descriptor of this process's RAM; -1: none.
int find_ram() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (directory == nullptr) return -1;
  while (const dirent* const entry = readdir(directory.get())) {
    char target[64] = {};
    const std::string path = std::string("/proc/self/fd/") + entry->d_name;
    if (readlink(path.c_str(), target, sizeof(target) - 1) <= 0) continue;
    if (std::string_view(target).starts_with(kRamFile)) return std::atoi(entry->d_name);
  }
  return -1;
}

}  // namespace

Result<RamFork> RamFork::prepare() {
  RamFork plan;
  plan.ram_fd_ = find_ram();
  struct stat status {};
  if (plan.ram_fd_ < 0 || fstat(plan.ram_fd_, &status) != 0)
    return make_error("the machine's RAM is not found in /proc/self/fd");
  plan.ram_bytes_ = static_cast<u64>(status.st_size);
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    u64 begin = 0;
    u64 end = 0;
    u64 offset = 0;
    char access[5] = {};
    if (line.find(kRamFile) == std::string::npos ||
        std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64, &begin, &end, access, &offset) != 4)
      continue;
    const int protection = (access[0] == 'r' ? PROT_READ : 0) | (access[1] == 'w' ? PROT_WRITE : 0) |
                           (access[2] == 'x' ? PROT_EXEC : 0);
    plan.mappings_.push_back({begin, end - begin, offset, protection});
  }
  for (off_t at = 0;;) {
    const off_t data = lseek(plan.ram_fd_, at, SEEK_DATA);
    if (data < 0) break;
    at = lseek(plan.ram_fd_, data, SEEK_HOLE);
    plan.extents_.push_back({static_cast<u64>(data), static_cast<u64>(at - data)});
  }
  return plan;
}

Status RamFork::take() const {
  const int own = memfd_create("koi-ram", MFD_CLOEXEC);
  if (own < 0 || ftruncate(own, static_cast<off_t>(ram_bytes_)) != 0)
    return make_errno(errno, "cannot make a memory file for {} MiB of RAM: {}", ram_bytes_ >> 20,
                      std::strerror(errno));
  for (const Extent& extent : extents_) {
    const auto offset = static_cast<off_t>(extent.offset);
    const ssize_t written =
        pwrite(own, reinterpret_cast<const void*>(kDirectMap + extent.offset), extent.size_bytes, offset);
    if (written != static_cast<ssize_t>(extent.size_bytes))
      return make_errno(errno, "cannot copy RAM: {}", std::strerror(errno));
  }
  for (const Mapping& mapping : mappings_) {
    const void* const at =
        mmap(reinterpret_cast<void*>(mapping.address), mapping.size_bytes, mapping.protection,
             MAP_SHARED | MAP_FIXED | MAP_NORESERVE, own, static_cast<off_t>(mapping.offset));
    if (at == MAP_FAILED)
      return make_errno(errno, "cannot map {} MiB of RAM: {}", mapping.size_bytes >> 20,
                        std::strerror(errno));
  }
  // The same number: the world knows its RAM by it.
  if (dup3(own, ram_fd_, O_CLOEXEC) < 0) return make_errno(errno, "dup3: {}", std::strerror(errno));
  close(own);
  return Ok{};
}

}  // namespace koi::host
