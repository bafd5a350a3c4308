// SPDX-License-Identifier: GPL-2.0-only
// What the formatter must know about the world it formats for. Plain values: the caller fills them in.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/release.h"
#include "base/types.h"

namespace koi::printk {

// Offsets in bytes, from the headers that the module was built against. The defaults are Debian's 6.1 amd64.
struct StructOffsets {
  u32 resource_start = 0;
  u32 resource_end = 8;
  u32 resource_flags = 24;
  u32 dentry_parent = 24;
  u32 dentry_name = 40;  // d_name.name
  u32 file_dentry = 24;  // f_path.dentry
  u32 block_device_disk = 856;
  u32 block_device_partno = 848;  // 6.12: __bd_flags, whose lowest byte is the partition number
  u32 gendisk_disk_name = 12;
  u32 va_format_fmt = 0;
  u32 va_format_va = 8;
};
[[nodiscard]] StructOffsets debian_offsets(Release release);

struct FlagName {
  u64 mask;
  const char* name;
};
// A number kept in the upper bits of page->flags (node, zone, last CPU and PID).
struct PageFlagField {
  const char* name;
  u32 shift;
  u64 mask;
  bool hex;
};
// The names that %pG prints, in the order in which they are tried (trace/events/mmflags.h).
struct FlagTables {
  std::span<const FlagName> page;
  u64 page_flags_mask = 0;  // the bits of page->flags that are flags
  std::span<const PageFlagField> page_fields;
  std::span<const FlagName> vma;
  std::span<const FlagName> gfp;
};
[[nodiscard]] FlagTables debian_flag_tables(Release release);

// What kallsyms says of an address. The views are valid until the next call.
struct Symbol {
  std::string_view name;
  u64 offset = 0;
  u64 size = 0;
  std::string_view module;       // empty: the kernel itself
  std::span<const u8> build_id;  // empty: none is known
};

// The once-only warnings of lib/vsprintf.c.
enum class FormatWarning : u8 {
  kUnsupportedConversion,
  kWidthTooLarge,
  kPrecisionTooLarge,
  kSizeTooLarge,
  kRust
};

class FormatHost {
 public:
  virtual ~FormatHost() = default;
  // false: no symbol covers `address`.
  virtual bool symbolise(u64 address, Symbol& symbol) = 0;
  // A WARN_ONCE of the formatter, once per kind and world. `text` may hold a NUL; empty for a bare WARN_ON_ONCE.
  virtual void warn_once(FormatWarning kind, std::string_view text) = 0;
  // The module used a conversion that koi refuses; what is printed in its place is not what the kernel prints.
  virtual void unsupported(std::string_view conversion) = 0;
};

struct FormatEnvironment {
  Release release = Release::k6_1;
  FormatHost* host = nullptr;
  StructOffsets offsets;
  FlagTables flags;

  // %p: hashed with this key once it is ready; "(____ptrval____)" before.
  bool ptr_key_ready = false;
  std::array<u64, 2> ptr_key{};
  bool no_hash_pointers = false;

  // %pK: /proc/sys/kernel/kptr_restrict and what it looks at.
  s32 kptr_restrict = 0;
  bool in_interrupt = false;     // hard or soft interrupt or NMI
  bool may_see_pointers = true;  // CAP_SYSLOG, with the credentials that the task began with

  bool stacktrace_build_id = false;  // CONFIG_STACKTRACE_BUILD_ID

  u32 warned = 0;  // one bit for each FormatWarning that has been given
};

// An environment with the tables and offsets of Debian's kernel of that release.
[[nodiscard]] FormatEnvironment debian_environment(Release release);

}  // namespace koi::printk
