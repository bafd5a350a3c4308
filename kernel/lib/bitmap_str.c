// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bitmaps as text: hexadecimal in comma-separated groups of 32 bits ("1,00000000"), and lists of bits and ranges
 * ("0-3,5", "0-31:2/8", "all", "N" for the last bit).
 */
#include "lib.h"

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

static bool bitmap_str_separates(char c) { return isspace(c) || c == ','; }
static bool bitmap_str_ends(char c) { return !c || c == '\n'; }

/* ---- lists ---- */

/* first-last:used/group: of each group of bits, the first `used` ones. */
struct bitmap_str_region {
  unsigned int first, last, used, group;
};

/* Reads a decimal number or N; returns what follows it or an error pointer. */
static const char *bitmap_str_number(const char *s, unsigned int last_bit, unsigned int *number) {
  unsigned long long value = 0;

  if (*s == 'N') {
    *number = last_bit;
    return s + 1;
  }
  if (!isdigit(*s)) return ERR_PTR(-EINVAL);
  for (; isdigit(*s); s++)
    if (value <= U32_MAX) value = value * 10 + (*s - '0');
  if (value > U32_MAX) return ERR_PTR(-EOVERFLOW);
  *number = value;
  return s;
}

/* Reads one region. Returns what follows, NULL when a region without a pattern ends the text, or an error pointer. */
static const char *bitmap_str_region(const char *s, unsigned int last_bit, struct bitmap_str_region *region) {
  if (!strncasecmp(s, "all", 3)) {
    region->first = 0;
    region->last = last_bit;
    s += 3;
  } else {
    s = bitmap_str_number(s, last_bit, &region->first);
    if (IS_ERR(s)) return s;
    region->last = region->first;
    if (bitmap_str_separates(*s) || bitmap_str_ends(*s)) goto whole;
    if (*s != '-') return ERR_PTR(-EINVAL);
    s = bitmap_str_number(s + 1, last_bit, &region->last);
    if (IS_ERR(s)) return s;
  }
  if (bitmap_str_separates(*s) || bitmap_str_ends(*s)) goto whole;
  if (*s != ':') return ERR_PTR(-EINVAL);
  s = bitmap_str_number(s + 1, last_bit, &region->used);
  if (IS_ERR(s)) return s;
  if (*s != '/') return ERR_PTR(-EINVAL);
  return bitmap_str_number(s + 1, last_bit, &region->group);

whole:
  region->used = region->group = region->last + 1;
  return bitmap_str_ends(*s) ? NULL : s;
}

int bitmap_parselist(const char *s, unsigned long *map, int bits) {
  bitmap_zero(map, bits);
  while (s) {
    struct bitmap_str_region region;
    unsigned long start;

    while (bitmap_str_separates(*s)) s++;
    if (bitmap_str_ends(*s)) return 0;
    s = bitmap_str_region(s, bits - 1, &region);
    if (IS_ERR(s)) return PTR_ERR(s);
    if (region.first > region.last || region.group == 0 || region.used > region.group) return -EINVAL;
    if (region.last >= bits) return -ERANGE;
    for (start = region.first; start <= region.last; start += region.group)
      bitmap_set(map, start, min_t(unsigned long, region.last - start + 1, region.used));
  }
  return 0;
}

/* ---- groups of hexadecimal digits, read from the end ---- */

int bitmap_parse(const char *s, unsigned int size, unsigned long *map, int bits) {
  const char *end = strnchrnul(s, size, '\n'); /* one past what is left to read */
  unsigned int capacity = DIV_ROUND_UP(bits, 32), groups = 0;
  u32 *out = (u32 *)map;

  for (;; groups++) {
    unsigned int digits = 0;
    u32 value = 0;

    while (end > s && bitmap_str_separates(end[-1])) end--;
    if (end == s) break;
    if (groups == capacity) return -EOVERFLOW;
    for (; end > s && !bitmap_str_separates(end[-1]); end--, digits++) {
      int digit = hex_to_bin(end[-1]);

      /* A ninth digit does not fit; anything else there ends the group and is found wrong in its turn. */
      if (digits == 8) {
        if (digit >= 0) return -EOVERFLOW;
        break;
      }
      if (digit < 0) return -EINVAL;
      value |= (u32)digit << (4 * digits);
    }
    out[groups] = value;
  }
  if (groups * 32 < bits) {
    bitmap_clear(map, groups * 32, bits - groups * 32);
    return 0;
  }
  return find_next_bit(map, groups * 32, bits) < groups * 32 ? -EOVERFLOW : 0;
}

int bitmap_parse_user(const char __user *from, unsigned int size, unsigned long *map, int bits) {
  char *text = memdup_user_nul(from, size);
  int error;

  if (IS_ERR(text)) return PTR_ERR(text);
  error = bitmap_parse(text, UINT_MAX, map, bits);
  kfree(text);
  return error;
}

int bitmap_parselist_user(const char __user *from, unsigned int size, unsigned long *map, int bits) {
  char *text = memdup_user_nul(from, size);
  int error;

  if (IS_ERR(text)) return PTR_ERR(text);
  error = bitmap_parselist(text, map, bits);
  kfree(text);
  return error;
}

/* ---- printing ---- */

/* Into what is left of the page that `buf` points into. */
int bitmap_print_to_pagebuf(bool list, char *buf, const unsigned long *map, int bits) {
  size_t room = PAGE_SIZE - offset_in_page(buf);

  return list ? scnprintf(buf, room, "%*pbl\n", bits, map) : scnprintf(buf, room, "%*pb\n", bits, map);
}

/* The part of the text from `offset`, for read functions of binary attributes; its NUL counts as text. */
static int bitmap_str_part(const char *format, char *buf, const unsigned long *map, int bits, loff_t offset,
                           size_t count) {
  char *text = kasprintf(GFP_KERNEL, format, bits, map);
  ssize_t size;

  if (!text) return -ENOMEM;
  size = memory_read_from_buffer(buf, count, &offset, text, strlen(text) + 1);
  kfree(text);
  return size;
}

int bitmap_print_bitmask_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count) {
  return bitmap_str_part("%*pb\n", buf, map, bits, offset, count);
}

int bitmap_print_list_to_buf(char *buf, const unsigned long *map, int bits, loff_t offset, size_t count) {
  return bitmap_str_part("%*pbl\n", buf, map, bits, offset, count);
}
