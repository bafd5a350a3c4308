// SPDX-License-Identifier: GPL-2.0-only
// vm_mmap() and vm_munmap(): anonymous memory in the user range of the calling process. The copies are the C core's.
#include <cerrno>

#include "host/address_map.h"
#include "host/world.h"
#include "kapi/page_calls.h"
#include "kapi/tables.h"

namespace koi::kapi {
namespace {

using guest::Address;

constexpr u64 kMapAnonymous = 0x20;
constexpr u64 kMapFixed = 0x10;
constexpr u64 kProtRead = 1;
constexpr u64 kProtWrite = 2;

Address vm_mmap(Address file, Address wanted, u64 size, u64 prot, u64 flags, u64 offset) {
  if (offset % host::kPageSize != 0) return static_cast<u64>(s64{-EINVAL});
  if (size == 0) return static_cast<u64>(s64{-EINVAL});
  if (file != 0 || (flags & kMapAnonymous) == 0) current().traps().unsupported("vm_mmap() of a file");
  if ((flags & kMapFixed) != 0) current().traps().unsupported("vm_mmap() with MAP_FIXED");
  static_cast<void>(wanted);  // a hint
  const auto place = memory().user_ranges().take(size);
  if (!place) return static_cast<u64>(s64{-ENOMEM});
  const u64 bytes = mm::align_up(size, host::kPageSize);
  host::protect(*place, bytes, host::Protection::kReadWrite);
  host::discard(*place, bytes);
  if ((prot & kProtWrite) == 0) {
    host::protect(*place, bytes, (prot & kProtRead) != 0 ? host::Protection::kRead : host::Protection::kNone);
  }
  return *place;
}

s32 vm_munmap(Address start, u64 size) {
  if (start % host::kPageSize != 0 || size == 0) return -EINVAL;
  const u64 bytes = mm::align_up(size, host::kPageSize);
  if (start < host::kUserMemory || start + bytes > host::kUserMemory + host::kUserMemorySize) return 0;
  host::discard(start, bytes);
  host::protect(start, bytes, host::Protection::kNone);
  memory().user_ranges().give(start, bytes);
  return 0;
}

}  // namespace

runtime::ExportTable uaccess_exports() {
  static const runtime::Export table[] = {
      {"vm_mmap", address(vm_mmap)},
      {"vm_munmap", address(vm_munmap)},
  };
  return table;
}

}  // namespace koi::kapi
