// SPDX-License-Identifier: GPL-2.0-only
/* Network addresses as text, and Internet checksums: what <linux/inet.h>, <linux/if_ether.h> and <net/checksum.h> leave
 * out of line. */
#include "lib.h"

#include <linux/ctype.h>
#include <linux/etherdevice.h>
#include <linux/in6.h>
#include <linux/inet.h>
#include <net/checksum.h>

/* Exactly six pairs of digits with colons; what follows does not matter. */
bool mac_pton(const char *s, u8 *mac) {
  u8 bytes[ETH_ALEN];
  size_t i;

  if (strnlen(s, 3 * ETH_ALEN - 1) < 3 * ETH_ALEN - 1) return false;
  for (i = 0; i < ETH_ALEN; i++) {
    int high = hex_to_bin(s[3 * i]), low = hex_to_bin(s[3 * i + 1]);

    if (high < 0 || low < 0) return false;
    if (i + 1 < ETH_ALEN && s[3 * i + 2] != ':') return false;
    bytes[i] = high << 4 | low;
  }
  memcpy(mac, bytes, ETH_ALEN);
  return true;
}

/* Dotted numbers, as many as there are, up to a newline; nothing is checked. The result is in network order. */
__be32 in_aton(const char *s) {
  u32 address = 0;
  int i;

  for (i = 0; i < 4; i++) {
    u32 value = 0;

    for (; *s && *s != '.' && *s != '\n'; s++) value = value * 10 + *s - '0';
    if (*s) s++;
    address = address << 8 | value;
  }
  return htonl(address);
}

/* Does the character end an address? With a delimiter of -1 everything does that cannot be part of one. */
static bool net_utils_delimits(char c, int delimiter) {
  if (c == '\0' || c == ':' || c == delimiter) return true;
  return delimiter == -1 && c != '.' && !isxdigit(c);
}

/*
 * Four numbers of at most 255 up to a delimiter or the end of the text (`length` bytes; its NUL if negative). *end is
 * where it stopped, also at an error.
 */
int in4_pton(const char *src, int length, u8 *dst, int delimiter, const char **end) {
  u8 bytes[4];
  const char *s = src, *limit;
  int i = 0, digits = 0, value = 0, ok = 0;

  if (length < 0) length = strlen(src);
  limit = src + length;
  for (;; s++) {
    char c = s < limit ? *s : '\0';

    if (isdigit(c)) {
      value = value * 10 + (c - '0');
      if (value > 255) goto out;
      digits++;
      continue;
    }
    if (!digits || (c != '.' && !net_utils_delimits(c, delimiter))) goto out;
    bytes[i++] = value;
    value = digits = 0;
    if (c == delimiter || c != '.') {
      if (i != 4) goto out;
      break;
    }
    if (i == 4) goto out;
  }
  memcpy(dst, bytes, sizeof(bytes));
  ok = 1;
out:
  if (end) *end = s;
  return ok;
}

/* ---- checksums: ones' complement sums of 16-bit words (RFC 1071) ---- */

/* Adds with the carry going round. */
static u64 net_utils_add(u64 sum, u64 value) {
  sum += value;
  return sum + (sum < value);
}

/* The sum of a block that begins at an even offset, folded to 32 bits. */
static u32 net_utils_sum(const u8 *p, size_t size, u32 start) {
  u64 sum = start;

  for (; size >= 8; size -= 8, p += 8) sum = net_utils_add(sum, get_unaligned((const u64 *)p));
  if (size) {
    u64 last = 0;
    size_t i;

    for (i = 0; i < size; i++) last |= (u64)p[i] << (8 * i);
    sum = net_utils_add(sum, last);
  }
  sum = (sum & U32_MAX) + (sum >> 32);
  sum = (sum & U32_MAX) + (sum >> 32);
  return sum;
}

__wsum csum_partial(const void *buffer, int size, __wsum sum) {
  return (__force __wsum)net_utils_sum(buffer, size, (__force u32)sum);
}

__sum16 ip_compute_csum(const void *buffer, int size) { return csum_fold(csum_partial(buffer, size, 0)); }

__wsum csum_partial_copy_nocheck(const void *src, void *dst, int size) {
  memcpy(dst, src, size);
  return csum_partial(dst, size, 0);
}

__sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr, __u32 size, unsigned char proto,
                        __wsum sum) {
  u64 total = (__force u32)sum;

  total = net_utils_sum((const u8 *)saddr, sizeof(*saddr), total);
  total = net_utils_sum((const u8 *)daddr, sizeof(*daddr), total);
  total += (__force u32)htonl(size);
  total += (__force u32)htonl(proto);
  total = (total & U32_MAX) + (total >> 32);
  total = (total & U32_MAX) + (total >> 32);
  return csum_fold((__force __wsum)(u32)total);
}

/*
 * An IPv6 address (RFC 4291, 2.2): groups of up to four digits, one "::" for a run of zero groups, an IPv4 address in
 * place of the last two groups. Delimiters and *end as above, but a ':' does not end it.
 */
int in6_pton(const char *src, int length, u8 *dst, int delimiter, const char **end) {
  const char *s = src, *limit = src + (length < 0 ? (int)strlen(src) : length);
  u8 bytes[16];
  int used = 0, gap = -1, ok = 0;

#define NET_UTILS_AT(p) ((p) < limit ? *(p) : '\0')
  if (NET_UTILS_AT(s) == ':') { /* only "::" may stand at the beginning */
    s++;
    if (NET_UTILS_AT(s) != ':') goto out;
    gap = 0;
    s++;
  }
  for (;;) {
    const char *group = s;
    unsigned int value = 0;
    int digits = 0;
    char c;

    for (; digits < 5 && NET_UTILS_AT(s) && hex_to_bin(NET_UTILS_AT(s)) >= 0; s++, digits++)
      value = value << 4 | hex_to_bin(*s);
    c = NET_UTILS_AT(s);
    if (!digits) { /* only behind "::" */
      if (gap == used && c != ':' && c != '.' && net_utils_delimits(c, delimiter)) break;
      goto out;
    }
    if (c == '.' && used + 4 <= 16 && (gap >= 0 || used == 12)) {
      if (!in4_pton(group, limit - group, bytes + used, delimiter, &s)) goto out;
      used += 4;
      break;
    }
    if (digits > 4 || used == 16) goto out;
    bytes[used++] = value >> 8;
    bytes[used++] = value;
    if (c != ':' && c != '.' && net_utils_delimits(c, delimiter)) break;
    if (c != ':' || used == 16) goto out;
    s++;
    if (NET_UTILS_AT(s) == ':') {
      if (gap >= 0) goto out;
      gap = used;
      s++;
    }
  }
#undef NET_UTILS_AT
  if (gap < 0 ? used != 16 : used > 14) goto out;
  if (gap >= 0) {
    memset(dst, 0, 16);
    memcpy(dst, bytes, gap);
    memcpy(dst + 16 - (used - gap), bytes + gap, used - gap);
  } else {
    memcpy(dst, bytes, 16);
  }
  ok = 1;
out:
  if (end) *end = s;
  return ok;
}
