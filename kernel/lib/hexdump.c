// SPDX-License-Identifier: GPL-2.0-only
/* Hexadecimal digits to bytes and back. (hex_dump_to_buffer and print_hex_dump belong to printk.) */
#include "lib.h"

#include <linux/ctype.h>

const char hex_asc[] = "0123456789abcdef";
const char hex_asc_upper[] = "0123456789ABCDEF";

/* The value of a hex digit, -1 for anything else; without branches or tables, as key material passes through it. */
int hex_to_bin(unsigned char c) {
  /* All ones when `c` is in the range, else zero: the sign bit of both differences decides. */
  int digit = ((int)('0' - 1 - c) & (int)(c - ('9' + 1))) >> 31;
  unsigned char upper = c & 0xdf;
  int letter = ((int)('A' - 1 - upper) & (int)(upper - ('F' + 1))) >> 31;

  return -1 + (digit & (c - '0' + 1)) + (letter & (upper - 'A' + 11));
}

int hex2bin(u8 *dest, const char *s, size_t count) {
  for (; count; count--, s += 2) {
    int high = hex_to_bin(s[0]), low;

    if (unlikely(high < 0)) return -EINVAL;
    low = hex_to_bin(s[1]);
    if (unlikely(low < 0)) return -EINVAL;
    *dest++ = high << 4 | low;
  }
  return 0;
}

char *bin2hex(char *dest, const void *src, size_t count) {
  const u8 *p = src;

  for (; count; count--, p++) dest = hex_byte_pack(dest, *p);
  return dest;
}
