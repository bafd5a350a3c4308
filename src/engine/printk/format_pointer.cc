// SPDX-License-Identifier: GPL-2.0-only
// Which family of %p an extension belongs to.
#include "engine/printk/formatter.h"

namespace koi::printk {
namespace {

// %pC, %pO and %pf name things that a machine without firmware tables and clocks has none of. What the kernel
// prints when it was built without them is printed; where it would go on to read a node, koi refuses by name.
void format_clock(Formatter& f, u64 pointer, const Spec& spec) {
  if (!f.check_pointer(pointer, spec)) return;
  f.unsupported("%pC");
  f.error_text("(%pC?)", spec);
}

void format_firmware_node(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (extension[1] != 'w') {
    f.error_text("(%pf?)", spec);
    return;
  }
  if (!f.check_pointer(pointer, spec)) return;
  f.unsupported("%pfw");
  f.error_text("(%pfw?)", spec);
}

void format_user_string(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  if (extension[1] == 's') {
    f.guest_string(pointer, spec);
  } else {
    f.error_text("(einval)", spec);
  }
}

}  // namespace

void format_pointer(Formatter& f, u64 pointer, const Spec& spec, const char* extension) {
  switch (extension[0]) {
    case 'S':
    case 's':
    case 'B':
      return format_symbol(f, pointer, spec, extension);
    case 'R':
    case 'r':
      return format_resource(f, pointer, spec, extension);
    case 'h':
      return format_hex_bytes(f, pointer, spec, extension);
    case 'b':
      return format_bitmap(f, pointer, spec, extension);
    case 'M':
    case 'm':
      return format_mac(f, pointer, spec, extension);
    case 'I':
    case 'i':
      return format_ip(f, pointer, spec, extension);
    case 'E':
      return format_escaped(f, pointer, spec, extension);
    case 'U':
      return format_uuid(f, pointer, spec, extension);
    case 'V':
      return format_va_format(f, pointer, spec);
    case 'K':
      return format_restricted_pointer(f, pointer, spec);
    case 'N':
      return format_netdev_features(f, pointer, spec, extension);
    case '4':
      return format_fourcc(f, pointer, spec, extension);
    case 'a':
      return format_bus_address(f, pointer, spec);
    case 'd':
      return format_dentry(f, pointer, spec, extension);
    case 't':
      return format_time(f, pointer, spec, extension);
    case 'C':
      return format_clock(f, pointer, spec);
    case 'D':
      return format_file(f, pointer, spec, extension);
    case 'g':
      return format_block_device(f, pointer, spec);
    case 'G':
      return format_flags(f, pointer, spec, extension);
    case 'O':
      return f.error_text(extension[1] == 'F' ? "(%pOF?)" : "(%pO?)", spec);
    case 'f':
      return format_firmware_node(f, pointer, spec, extension);
    case 'A':
      f.warn_once(FormatWarning::kRust, "Please remove %pA from non-Rust code\n");
      return f.error_text("(%pA?)", spec);
    case 'x':
      return format_plain_pointer(f, pointer, spec);
    case 'e':
      return format_error_pointer(f, pointer, spec);
    case 'u':
    case 'k':
      return format_user_string(f, pointer, spec, extension);
    default:
      return format_hashed_pointer(f, pointer, spec);
  }
}

}  // namespace koi::printk
