// SPDX-License-Identifier: GPL-2.0-only
/*
 * UUIDs: big-endian uuid_t (RFC 4122) and guid_t, whose first three fields are little-endian. Random ones come from
 * get_random_bytes().
 */
#include "lib.h"

#include <linux/ctype.h>
#include <linux/random.h>
#include <linux/uuid.h>

const guid_t guid_null;
const uuid_t uuid_null;

/* What a UUID looks like: x stands for a hexadecimal digit. */
static const char uuid_form[UUID_STRING_LEN + 1] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/* Where the bytes that the text names one after the other are stored in a guid_t: three fields are little-endian. */
static const u8 guid_order[sizeof(guid_t)] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

/* Version 4 (in the byte that has the version) and the variant of RFC 4122. */
static void uuid_mark(u8 *bytes, int version_at) {
  bytes[version_at] = (bytes[version_at] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

static void uuid_random(u8 *bytes, int version_at) {
  get_random_bytes(bytes, sizeof(uuid_t));
  uuid_mark(bytes, version_at);
}

void generate_random_uuid(unsigned char bytes[16]) { uuid_random(bytes, 6); }
void generate_random_guid(unsigned char bytes[16]) { uuid_random(bytes, 7); }
void uuid_gen(uuid_t *uuid) { generate_random_uuid(uuid->b); }
void guid_gen(guid_t *guid) { generate_random_guid(guid->b); }

/* Is the beginning of `s` a UUID? What follows it does not matter. */
bool uuid_is_valid(const char *s) {
  const char *form = uuid_form;

  for (; *form; form++, s++)
    if (*form == 'x' ? !isxdigit(*s) : *s != *form) return false;
  return true;
}

/* The n-th byte of the text becomes the result's byte order[n], or n without an order. */
static int uuid_read(const char *s, u8 *bytes, const u8 *order) {
  unsigned int n;

  if (!uuid_is_valid(s)) return -EINVAL;
  for (n = 0; n < sizeof(uuid_t); n++, s += 2) {
    if (*s == '-') s++;
    bytes[order ? order[n] : n] = hex_to_bin(s[0]) << 4 | hex_to_bin(s[1]);
  }
  return 0;
}

int uuid_parse(const char *s, uuid_t *uuid) { return uuid_read(s, uuid->b, NULL); }
int guid_parse(const char *s, guid_t *guid) { return uuid_read(s, guid->b, guid_order); }
