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

/* Where in "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" the byte that is stored at index i begins. */
static const u8 uuid_text_at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
static const u8 guid_text_at[16] = {6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};

/* Version 4 (in the byte that has the version) and the variant of RFC 4122. */
static void uuid_mark(u8 *bytes, int version_at) {
  bytes[version_at] = (bytes[version_at] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
}

void generate_random_uuid(unsigned char uuid[16]) {
  get_random_bytes(uuid, 16);
  uuid_mark(uuid, 6);
}

void generate_random_guid(unsigned char guid[16]) {
  get_random_bytes(guid, 16);
  uuid_mark(guid, 7);
}

void uuid_gen(uuid_t *uuid) { generate_random_uuid(uuid->b); }
void guid_gen(guid_t *guid) { generate_random_guid(guid->b); }

/* Is the beginning of `s` a UUID? What follows it does not matter. */
bool uuid_is_valid(const char *s) {
  unsigned int i;

  for (i = 0; i < UUID_STRING_LEN; i++) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (s[i] != '-') return false;
    } else if (!isxdigit(s[i])) {
      return false;
    }
  }
  return true;
}

static int uuid_read(const char *s, u8 bytes[16], const u8 text_at[16]) {
  int i;

  if (!uuid_is_valid(s)) return -EINVAL;
  for (i = 0; i < 16; i++) bytes[i] = hex_to_bin(s[text_at[i]]) << 4 | hex_to_bin(s[text_at[i] + 1]);
  return 0;
}

int uuid_parse(const char *s, uuid_t *uuid) { return uuid_read(s, uuid->b, uuid_text_at); }
int guid_parse(const char *s, guid_t *guid) { return uuid_read(s, guid->b, guid_text_at); }
