// SPDX-License-Identifier: GPL-2.0-only
// Kernel structures: %pR %pr %pd %pD %pg %pt %pG %pV.
#include <array>

#include "engine/printk/formatter.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

// <linux/ioport.h>
constexpr u64 kResourceIo = 0x100;
constexpr u64 kResourceMem = 0x200;
constexpr u64 kResourceIrq = 0x400;
constexpr u64 kResourceDma = 0x800;
constexpr u64 kResourceBus = 0x1000;
constexpr u64 kResourcePrefetch = 0x2000;
constexpr u64 kResourceMem64 = 0x100000;
constexpr u64 kResourceWindow = 0x200000;
constexpr u64 kResourceDisabled = 0x10000000;
constexpr u64 kResourceUnset = 0x20000000;

struct ResourceKind {
  const char* name;
  Spec numbers;
  bool known;
};
ResourceKind resource_kind(u64 flags) {
  constexpr u8 kHex = kAlternate | kLowerCase | kZeroPad;
  if (flags & kResourceIo) return {"io  ", {kHex, 16, 6, -1}, true};
  if (flags & kResourceMem) return {"mem ", {kHex, 16, 10, -1}, true};
  if (flags & kResourceIrq) return {"irq ", kDecimal, true};
  if (flags & kResourceDma) return {"dma ", kDecimal, true};
  if (flags & kResourceBus) return {"bus ", {kLowerCase | kZeroPad, 16, 2, -1}, true};
  return {"??? ", {kHex, 16, 10, -1}, false};
}

constexpr u32 kDentryNesting = 4;
constexpr u32 kMostVaFormatDepth = 32;

// struct rtc_time: the same nine ints in every release.
struct RtcTime {
  s32 second, minute, hour, day_of_month, month, year;
};

// Seconds since 1970 to a date of the proleptic Gregorian calendar, counted in eras of 400 years (146097 days)
// that begin on a first of March, so that the leap day comes last.
RtcTime civil_time(s64 seconds) {
  s64 days = seconds / 86400;
  s64 rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  const s64 since_march = days + 719468;
  const s64 era = (since_march >= 0 ? since_march : since_march - 146096) / 146097;
  const s64 day_of_era = since_march - era * 146097;
  const s64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const s64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const s64 month_from_march = (5 * day_of_year + 2) / 153;
  const s64 month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const s64 year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return {static_cast<s32>(rest % 60),   static_cast<s32>(rest / 60 % 60),
          static_cast<s32>(rest / 3600), static_cast<s32>(day_of_year - (153 * month_from_march + 2) / 5 + 1),
          static_cast<s32>(month - 1),   static_cast<s32>(year - 1900)};
}

// The kernel adds in ints, which wrap, and prints them as unsigned 64-bit numbers.
void put_time_field(Formatter& f, s32 value, u32 offset, s32 width) {
  const s32 sum = static_cast<s32>(static_cast<u32>(value) + offset);
  f.number(static_cast<u64>(static_cast<s64>(sum)), Spec{kZeroPad, 10, width, -1});
}

void put_time(Formatter& f, const RtcTime& time, const char* options) {
  bool with_date = true, with_time = true, raw = false;
  char between = 'T';
  if (*options == 'd') {
    with_time = false;
    ++options;
  } else if (*options == 't') {
    with_date = false;
    ++options;
  }
  for (; *options == 'r' || *options == 's'; ++options) {
    if (*options == 'r') raw = true;
    if (*options == 's') between = ' ';
  }
  if (with_date) {
    put_time_field(f, time.year, raw ? 0 : 1900, 4);
    f.out.put('-');
    put_time_field(f, time.month, raw ? 0 : 1, 2);
    f.out.put('-');
    put_time_field(f, time.day_of_month, 0, 2);
  }
  if (with_date && with_time) f.out.put(between);
  if (with_time) {
    put_time_field(f, time.hour, 0, 2);
    f.out.put(':');
    put_time_field(f, time.minute, 0, 2);
    f.out.put(':');
    put_time_field(f, time.second, 0, 2);
  }
}

void put_flag_names(Formatter& f, u64 flags, std::span<const FlagName> names) {
  for (const FlagName& flag : names) {
    if (flags == 0) return;
    if ((flags & flag.mask) != flag.mask) continue;
    f.out.put(flag.name);
    flags &= ~flag.mask;
    if (flags != 0) f.out.put('|');
  }
  if (flags != 0) f.number(flags, kFlagsHex);
}

void put_page_flags(Formatter& f, u64 flags) {
  f.number(flags, kFlagsHex);
  f.out.put('(');
  const u64 main_flags = flags & f.env.flags.page_flags_mask;
  put_flag_names(f, main_flags, f.env.flags.page);
  bool bar = main_flags != 0;
  for (const PageFlagField& field : f.env.flags.page_fields) {
    if (bar) f.out.put('|');
    bar = true;
    f.out.put(field.name);
    f.out.put('=');
    f.number(flags >> field.shift & field.mask, field.hex ? kFlagsHex : kDecimal);
  }
  f.out.put(')');
}

}  // namespace

void format_resource(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  u64 start = 0, end = 0, flags = 0;
  if (!f.read(start, pointer + f.env.offsets.resource_start) ||
      !f.read(end, pointer + f.env.offsets.resource_end) ||
      !f.read(flags, pointer + f.env.offsets.resource_flags)) {
    return;
  }
  const ResourceKind kind = resource_kind(flags);
  const bool decode = extension[0] == 'R' && kind.known;
  char text[160];
  Sink sink(text, sizeof(text));
  Formatter inner(sink, f.env);
  sink.put('[');
  sink.put(kind.name);
  if (decode && (flags & kResourceUnset)) {
    sink.put("size ");
    inner.number(end - start + 1, kind.numbers);
  } else {
    inner.number(start, kind.numbers);
    if (start != end) {
      sink.put('-');
      inner.number(end, kind.numbers);
    }
  }
  if (decode) {
    if (flags & kResourceMem64) sink.put(" 64bit");
    if (flags & kResourcePrefetch) sink.put(" pref");
    if (flags & kResourceWindow) sink.put(" window");
    if (flags & kResourceDisabled) sink.put(" disabled");
  } else {
    sink.put(" flags ");
    inner.number(flags, kFlagsHex);
  }
  sink.put(']');
  f.text(std::string_view(text, sink.kept()), spec);
}

void format_dentry(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  const u32 depth = extension[1] >= '2' && extension[1] <= '4' ? static_cast<u32>(extension[1] - '0') : 1;
  std::array<u64, kDentryNesting> names{};
  std::string path;  // from the outermost name to the dentry's own
  for (u32 i = 0; i < depth; ++i) {
    if (!f.check_pointer(pointer, spec)) return;
    u64 parent = 0;
    if (!f.read(parent, pointer + f.env.offsets.dentry_parent) ||
        !f.read(names[i], pointer + f.env.offsets.dentry_name)) {
      return;
    }
    // The root's own name is "/", which below it is the separator.
    const bool root_above = parent == pointer && i != 0;
    std::string name;
    if (!root_above) {
      GuestText source(names[i]);
      name = source.all();
      if (source.fault()) {
        f.fault = source.fault();
        return;
      }
    }
    path = i == 0 ? name : name + "/" + path;
    if (parent == pointer) break;
    pointer = parent;
  }
  f.text(path, spec);
}

void format_file(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  u64 dentry = 0;
  if (f.read(dentry, pointer + f.env.offsets.file_dentry)) format_dentry(f, dentry, spec, extension);
}

void format_block_device(Formatter& f, u64 pointer, const Spec& spec) {
  if (!f.check_pointer(pointer, spec)) return;
  u64 disk = 0;
  u8 partition = 0;
  if (!f.read(disk, pointer + f.env.offsets.block_device_disk)) return;
  const u64 name_address = disk + f.env.offsets.gendisk_disk_name;
  f.guest_string(name_address, spec);
  if (!f.read(partition, pointer + f.env.offsets.block_device_partno) || partition == 0) return;
  // nvme0n1 becomes nvme0n1p1, sda becomes sda1.
  GuestText name(name_address);
  const std::string_view text = name.all();
  if (!text.empty() && is_digit(text.back())) f.out.put('p');
  f.number(partition, spec);
}

void format_time(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  if (extension[1] == 'R') {
    RtcTime time{};
    if (f.read(time, pointer)) put_time(f, time, extension + 2);
  } else if (extension[1] == 'T') {
    s64 seconds = 0;
    if (f.read(seconds, pointer)) put_time(f, civil_time(seconds), extension + 2);
  } else {
    f.error_text("(%pt?)", spec);
  }
}

void format_flags(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (!f.check_pointer(pointer, spec)) return;
  u64 flags = 0;
  u32 gfp = 0;
  switch (extension[1]) {
    case 'p':
      if (f.read(flags, pointer)) put_page_flags(f, flags);
      return;
    case 'v':
      if (f.read(flags, pointer)) put_flag_names(f, flags, f.env.flags.vma);
      return;
    case 'g':
      if (f.read(gfp, pointer)) put_flag_names(f, gfp, f.env.flags.gfp);
      return;
    default:
      return f.error_text("(%pG?)", spec);
  }
}

void format_va_format(Formatter& f, u64 pointer, const Spec& spec) {
  if (!f.check_pointer(pointer, spec)) return;
  if (f.depth >= kMostVaFormatDepth) {
    f.unsupported("%pV nested more than 32 deep");
    return f.error_text("(%pV?)", spec);
  }
  u64 format = 0, arguments_address = 0;
  if (!f.read(format, pointer + f.env.offsets.va_format_fmt) ||
      !f.read(arguments_address, pointer + f.env.offsets.va_format_va)) {
    return;
  }
  GuestText source(format);
  (void)source.all();
  if (source.fault()) {
    f.fault = source.fault();
    return;
  }
  VaList arguments(arguments_address);  // a copy: the position is not written back
  if (arguments.fault()) {
    f.fault = arguments.fault();
    return;
  }
  ++f.depth;
  run_format(f, source.c_str(), arguments);
  --f.depth;
}

}  // namespace koi::printk
