// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text to number: the strict kstrto*() family, the forgiving simple_strto*() one, kstrtobool() and their
 * _from_user variants (<linux/kstrtox.h>).
 *
 * kstrto*: optional sign, digits of the base, optional one newline, nothing else. -EINVAL: not such a number;
 * -ERANGE: it does not fit. The result is written only on success.
 */
#include "lib.h"

#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* The value of a digit, hexadecimal at most whatever the base says; 255 for anything else. */
static unsigned int kstrtox_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return 255;
}

/* Settles base 0 (from the prefix) and steps over the 0x of base 16. The x counts only before a hex digit if base is 0. */
static const char *kstrtox_base(const char *s, unsigned int *base) {
  if (*base == 0) {
    *base = 10;
    if (s[0] == '0') *base = (s[1] == 'x' || s[1] == 'X') && kstrtox_digit(s[2]) < 16 ? 16 : 8;
  }
  if (*base == 16 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) s += 2;
  return s;
}

/* Reads digits, at most `limit` of them; returns how many. *overflow: the value did not fit (it then wraps). */
static size_t kstrtox_digits(const char *s, unsigned int base, size_t limit, unsigned long long *value, bool *overflow) {
  unsigned long long total = 0;
  size_t count = 0;

  *overflow = false;
  for (; count < limit; count++) {
    unsigned int digit = kstrtox_digit(s[count]);
    unsigned long long next;

    if (digit >= base) break;
    if (__builtin_mul_overflow(total, (unsigned long long)base, &next)) *overflow = true;
    if (__builtin_add_overflow(next, (unsigned long long)digit, &total)) *overflow = true;
  }
  *value = total;
  return count;
}

/* An unsigned number without its sign, to the end of the string. */
static int kstrtox_magnitude(const char *s, unsigned int base, unsigned long long *result) {
  unsigned long long value;
  bool overflow;
  size_t count;

  s = kstrtox_base(s, &base);
  count = kstrtox_digits(s, base, INT_MAX, &value, &overflow);
  if (overflow) return -ERANGE;
  if (!count) return -EINVAL;
  s += count;
  if (*s == '\n') s++;
  if (*s) return -EINVAL;
  *result = value;
  return 0;
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *result) {
  if (*s == '+') s++;
  return kstrtox_magnitude(s, base, result);
}

int kstrtoll(const char *s, unsigned int base, long long *result) {
  unsigned long long magnitude;
  bool negative = *s == '-';
  int error = negative ? kstrtox_magnitude(s + 1, base, &magnitude) : kstrtoull(s, base, &magnitude);

  if (error) return error;
  if (negative) {
    if (magnitude > (unsigned long long)LLONG_MAX + 1) return -ERANGE;
    *result = -magnitude;
  } else {
    if (magnitude > LLONG_MAX) return -ERANGE;
    *result = magnitude;
  }
  return 0;
}

int _kstrtoul(const char *s, unsigned int base, unsigned long *result) {
  return kstrtoull(s, base, (unsigned long long *)result);
}

int _kstrtol(const char *s, unsigned int base, long *result) { return kstrtoll(s, base, (long long *)result); }

/* The narrower types: read as the widest of their kind, then see whether it fits. */
#define KSTRTOX_NARROW(name, type, wide_type, wide)             \
  int name(const char *s, unsigned int base, type *result) {    \
    wide_type value;                                            \
    int error = wide(s, base, &value);                          \
                                                                \
    if (error) return error;                                    \
    if (value != (type)value) return -ERANGE;                   \
    *result = value;                                            \
    return 0;                                                   \
  }

KSTRTOX_NARROW(kstrtouint, unsigned int, unsigned long long, kstrtoull)
KSTRTOX_NARROW(kstrtoint, int, long long, kstrtoll)
KSTRTOX_NARROW(kstrtou16, u16, unsigned long long, kstrtoull)
KSTRTOX_NARROW(kstrtos16, s16, long long, kstrtoll)
KSTRTOX_NARROW(kstrtou8, u8, unsigned long long, kstrtoull)
KSTRTOX_NARROW(kstrtos8, s8, long long, kstrtoll)

static bool kstrtox_among(char c, const char *letters) { return c && strchr(letters, c); }

/* Only the first one or two characters count: y, Y, t, T, 1, on and their opposites. */
int kstrtobool(const char *s, bool *result) {
  bool yes, no;

  if (!s) return -EINVAL;
  if (kstrtox_among(s[0], "oO")) {
    yes = kstrtox_among(s[1], "nN");
    no = kstrtox_among(s[1], "fF");
  } else {
    yes = kstrtox_among(s[0], "yYtT1");
    no = kstrtox_among(s[0], "nNfF0");
  }
  if (!yes && !no) return -EINVAL;
  *result = yes;
  return 0;
}

/* ---- the same from user memory: at most sign, 64 binary digits, newline and NUL are fetched ---- */

static int kstrtox_fetch(char *buffer, size_t room, const char __user *s, size_t count) {
  if (count > room - 1) count = room - 1;
  if (copy_from_user(buffer, s, count)) return -EFAULT;
  buffer[count] = '\0';
  return 0;
}

#define KSTRTOX_FROM_USER(name, parse, type)                                                    \
  int name(const char __user *s, size_t count, unsigned int base, type *result) {               \
    char buffer[1 + sizeof(type) * 8 + 1 + 1];                                                  \
    int error = kstrtox_fetch(buffer, sizeof(buffer), s, count);                                \
                                                                                                \
    return error ? error : parse(buffer, base, result);                                         \
  }

KSTRTOX_FROM_USER(kstrtoull_from_user, kstrtoull, unsigned long long)
KSTRTOX_FROM_USER(kstrtoll_from_user, kstrtoll, long long)
KSTRTOX_FROM_USER(kstrtoul_from_user, kstrtoul, unsigned long)
KSTRTOX_FROM_USER(kstrtol_from_user, kstrtol, long)
KSTRTOX_FROM_USER(kstrtouint_from_user, kstrtouint, unsigned int)
KSTRTOX_FROM_USER(kstrtoint_from_user, kstrtoint, int)
KSTRTOX_FROM_USER(kstrtou16_from_user, kstrtou16, u16)
KSTRTOX_FROM_USER(kstrtos16_from_user, kstrtos16, s16)
KSTRTOX_FROM_USER(kstrtou8_from_user, kstrtou8, u8)
KSTRTOX_FROM_USER(kstrtos8_from_user, kstrtos8, s8)

int kstrtobool_from_user(const char __user *s, size_t count, bool *result) {
  char buffer[4]; /* the longest word that matters, its newline and the NUL */
  int error = kstrtox_fetch(buffer, sizeof(buffer), s, count);

  return error ? error : kstrtobool(buffer, result);
}

/* ---- simple_strto*: as much as is a number, no overflow check ---- */

unsigned long long simple_strtoull(const char *s, char **end, unsigned int base) {
  unsigned long long value;
  bool overflow;
  size_t count;

  s = kstrtox_base(s, &base);
  count = kstrtox_digits(s, base, INT_MAX, &value, &overflow);
  if (end) *end = (char *)s + count;
  return value;
}

unsigned long simple_strtoul(const char *s, char **end, unsigned int base) { return simple_strtoull(s, end, base); }

long long simple_strtoll(const char *s, char **end, unsigned int base) {
  return *s == '-' ? -simple_strtoull(s + 1, end, base) : simple_strtoull(s, end, base);
}

long simple_strtol(const char *s, char **end, unsigned int base) { return simple_strtoll(s, end, base); }
