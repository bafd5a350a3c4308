// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strings for people and for sysfs: white space, matching, sizes in units, escapes; and the reports of the FORTIFY
 * wrappers. (<linux/string_helpers.h>, parts of <linux/string.h>, <linux/fortify-string.h>.)
 */
#include "lib.h"

#include "../mm/call_site.h"

#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>

/* ---- white space, replacement, matching ---- */

char *skip_spaces(const char *s) {
  while (isspace(*s)) s++;
  return (char *)s;
}

/* Cuts the white space at the end, in place, and returns where the text begins. */
char *strim(char *s) {
  size_t length = strlen(s);

  if (!length) return s;
  while (length && isspace(s[length - 1])) length--;
  s[length] = '\0';
  return skip_spaces(s);
}

/* 6.1 returns the end of the string, later kernels its start. */
char *strreplace(char *s, char old, char new) {
  char *p = s;

  for (; *p; p++)
    if (*p == old) *p = new;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
  return p;
#else
  return s;
#endif
}

/* Equal but for one newline at the end of either. */
bool sysfs_streq(const char *left, const char *right) {
  while (*left && *left == *right) {
    left++;
    right++;
  }
  if (*left == *right) return true;
  if (!*left) return right[0] == '\n' && !right[1];
  return left[0] == '\n' && !left[1] && !*right;
}

int match_string(const char *const *array, size_t count, const char *s) {
  size_t i = 0;

  for (; i < count && array[i]; i++)
    if (!strcmp(array[i], s)) return i;
  return -EINVAL;
}

int __sysfs_match_string(const char *const *array, size_t count, const char *s) {
  size_t i = 0;

  for (; i < count && array[i]; i++)
    if (sysfs_streq(array[i], s)) return i;
  return -EINVAL;
}

/* ---- sizes ---- */

/* Divides until the value has at most 32 bits; counts the divisions. */
static u64 string_helpers_reduce(u64 value, u32 divisor, unsigned int *power) {
  for (; value > U32_MAX; ++*power) value = div_u64(value, divisor);
  return value;
}

/*
 * size * blk_size as a mantissa with three significant digits and the power of the divisor that goes with it.
 * Both factors are reduced first, so that their product fits: the digits lost there are the kernel's too.
 */
static u32 string_helpers_mantissa(u64 size, u64 blk_size, u32 divisor, char fraction[8], unsigned int *power) {
  static const u32 half_of_last_digit[] = {500, 50, 5};
  unsigned int digits = 0;
  u32 thousandths = 0, rest = 0, shown;
  u64 product;

  fraction[0] = '\0';
  if (!size || !blk_size) return 0;
  blk_size = string_helpers_reduce(blk_size, divisor, power);
  product = string_helpers_reduce(size, divisor, power) * blk_size;
  for (; product >= divisor; ++*power) product = div_u64_rem(product, divisor, &rest);

  /* One digit before the point leaves room for two behind it; three leave none. 0 counts as a small number. */
  for (shown = product; digits < 3 && shown * 10 < 1000; digits++) shown *= 10;
  thousandths = (divisor == 1024 ? rest * 1000 / 1024 : rest) + half_of_last_digit[digits > 2 ? 2 : digits];
  if (thousandths >= 1000) {
    thousandths -= 1000;
    product++;
  }
  if (digits) {
    snprintf(fraction, 8, ".%03u", thousandths);
    fraction[digits + 1] = '\0';
  }
  return product;
}

/* "1.05 MB". From 6.8 on it returns the length and knows the modifiers that leave out the space and the B. */
#ifdef __strscpy0
int string_get_size(u64 size, u64 blk_size, const enum string_size_units units, char *buf, int len) {
  unsigned int modifiers = units;
#else
void string_get_size(u64 size, u64 blk_size, const enum string_size_units units, char *buf, int len) {
  unsigned int modifiers = 0;
#endif
  static const char prefix[] = "\0kMGTPEZY";
  bool binary = (units & 1) == STRING_UNITS_2;
  bool spaced = !(modifiers & BIT(30)), bytes = !(modifiers & BIT(31));
  unsigned int power = 0;
  char fraction[8], unit[4] = "";
  u32 mantissa = string_helpers_mantissa(size, blk_size, binary ? 1024 : 1000, fraction, &power);
  int length;

  if (power > 8) {
    length = snprintf(buf, len, "%u%s%sUNK", mantissa, fraction, spaced ? " " : "");
  } else {
    if (power) {
      unit[0] = binary ? toupper(prefix[power]) : prefix[power];
      unit[1] = binary ? 'i' : '\0';
    }
    length = snprintf(buf, len, "%u%s%s%s%s", mantissa, fraction, spaced ? " " : "", unit, bytes ? "B" : "");
  }
#ifdef __strscpy0
  return length;
#else
  (void)length;
#endif
}

/* ---- escapes ---- */

/* White space and special characters with a letter of their own: the letter stands behind its character. */
static const char string_helpers_space[] = "\nn\rr\tt\vv\ff";
static const char string_helpers_special[] = "\"\"\\\\\aa\ee";

static char string_helpers_letter_of(const char *pairs, char c) {
  for (; *pairs; pairs += 2)
    if (pairs[0] == c) return pairs[1];
  return 0;
}

static char string_helpers_char_of(const char *pairs, char letter) {
  for (; *pairs; pairs += 2)
    if (pairs[1] == letter) return pairs[0];
  return 0;
}

/* Decodes the escape at `s` (behind the backslash). Returns the characters used, 0: not an escape of these classes. */
static size_t string_helpers_decode(const char *s, unsigned int flags, char *c) {
  if (flags & UNESCAPE_SPACE && (*c = string_helpers_char_of(string_helpers_space, s[0]))) return 1;
  if (flags & UNESCAPE_OCTAL && s[0] >= '0' && s[0] <= '7') {
    unsigned int value = s[0] - '0';
    size_t used = 1;

    for (; used < 3 && value < 32 && s[used] >= '0' && s[used] <= '7'; used++) value = value * 8 + (s[used] - '0');
    *c = value;
    return used;
  }
  if (flags & UNESCAPE_HEX && s[0] == 'x') {
    int high = hex_to_bin(s[1]);

    if (high >= 0) {
      int low = hex_to_bin(s[2]);

      *c = low < 0 ? high : high << 4 | low;
      return low < 0 ? 2 : 3;
    }
  }
  if (flags & UNESCAPE_SPECIAL && (*c = string_helpers_char_of(string_helpers_special, s[0]))) return 1;
  return 0;
}

int string_unescape(char *src, char *dst, size_t size, unsigned int flags) {
  size_t room = (size ? size : SIZE_MAX) - 1; /* for characters; the NUL has its own */
  char *out = dst;

  for (; room && *src; room--) {
    size_t used;
    char c;

    /* An escape needs room for two, and uses it up, whether it is one that the flags know or not. */
    if (*src == '\\' && src[1] != '\0' && room > 1) {
      room--;
      used = string_helpers_decode(src + 1, flags, &c);
      if (used) {
        *out++ = c; /* only now: it may be the same memory */
        src += 1 + used;
        continue;
      }
      *out++ = *src++;
    }
    *out++ = *src++;
  }
  *out = '\0';
  return out - dst;
}

/* Encodes one byte into `text`; returns the length. */
static size_t string_helpers_encode(unsigned char c, unsigned int flags, char text[4]) {
  char letter = 0;

  text[0] = '\\';
  if (flags & ESCAPE_SPACE && c) letter = string_helpers_letter_of(string_helpers_space, c);
  if (!letter && flags & ESCAPE_SPECIAL && c) letter = string_helpers_letter_of(string_helpers_special, c);
  if (!letter && flags & ESCAPE_NULL && !c) letter = '0';
  if (letter) {
    text[1] = letter;
    return 2;
  }
  if (flags & ESCAPE_OCTAL) {
    text[1] = '0' + (c >> 6);
    text[2] = '0' + (c >> 3 & 7);
    text[3] = '0' + (c & 7);
    return 4;
  }
  if (flags & ESCAPE_HEX) {
    text[1] = 'x';
    text[2] = hex_asc_hi(c);
    text[3] = hex_asc_lo(c);
    return 4;
  }
  text[0] = c;
  return 1;
}

/* Does the byte go as it is? `only` limits what is escaped, or, with ESCAPE_APPEND, adds to it. */
static bool string_helpers_passes(unsigned char c, unsigned int flags, const char *only) {
  bool listed = only && *only && strchr(only, c);
  bool append = flags & ESCAPE_APPEND;

  if (only && *only && !listed && !append) return true;
  if (append && listed) return false;
  if (flags & ESCAPE_NAP && isascii(c) && isprint(c)) return true;
  if (flags & ESCAPE_NP && isprint(c)) return true;
  return flags & ESCAPE_NA && isascii(c);
}

/* Returns the size of the whole escaped text, of which at most `out_size` bytes are written (no NUL). */
int string_escape_mem(const char *src, size_t count, char *dst, size_t out_size, unsigned int flags, const char *only) {
  size_t total = 0;

  for (; count; count--, src++) {
    char text[4];
    size_t i = 0, length = 1;

    if (string_helpers_passes(*src, flags, only))
      text[0] = *src;
    else
      length = string_helpers_encode(*src, flags, text);
    for (; i < length; i++, total++)
      if (total < out_size) dst[total] = text[i];
  }
  return total;
}

char *kstrdup_quotable(const char *src, gfp_t gfp) {
  static const char to_escape[] = "\f\n\r\t\v\a\e\\\"";
  size_t size;
  char *quoted;

  if (!src) return NULL;
  size = string_escape_mem(src, strlen(src), NULL, 0, ESCAPE_HEX, to_escape) + 1;
  quoted = kmalloc(size, gfp);
  if (!quoted) return NULL;
  string_escape_mem(src, strlen(src), quoted, size, ESCAPE_HEX, to_escape);
  quoted[size - 1] = '\0';
  return quoted;
}

/* ---- arrays of strings, lists of integers ---- */

void kfree_strarray(char **strings, size_t count) {
  size_t freed;

  for (freed = 0; strings && freed < count; freed++) kfree(strings[freed]);
  kfree(strings);
}

/* "prefix-0", "prefix-1", ... */
char **kasprintf_strarray(gfp_t gfp, const char *prefix, size_t count) {
  const unsigned int site = koi_site();
  char **strings = kcalloc(count + 1, sizeof(*strings), gfp);
  size_t made;

  for (made = 0; strings && made < count; made++) {
    koi_set_site(site);
    strings[made] = kasprintf(gfp, "%s-%zu", prefix, made);
    if (strings[made]) continue;
    kfree_strarray(strings, made);
    strings = NULL;
  }
  return strings;
}

/* A list as get_options() reads it; the result's first element is the count and the caller frees it. */
int parse_int_array_user(const char __user *from, size_t count, int **array) {
  char *text = memdup_user_nul(from, count);
  int *ints, number = 0, error = 0;

  if (IS_ERR(text)) return PTR_ERR(text);
  get_options(text, 0, &number);
  if (!number) {
    error = -ENOENT;
  } else {
    ints = kcalloc(number + 1, sizeof(*ints), GFP_KERNEL);
    if (ints) {
      get_options(text, number + 1, ints);
      *array = ints;
    } else {
      error = -ENOMEM;
    }
  }
  kfree(text);
  return error;
}

#ifdef __strscpy0
char *kstrdup_and_replace(const char *src, char old, char new, gfp_t gfp) {
  char *copy = kstrdup(src, gfp);

  return copy ? strreplace(copy, old, new) : NULL;
}
#endif

/* ---- FORTIFY: the numbers of these lines appear in splats, so they are those of the kernel's file ---- */
#ifdef CONFIG_FORTIFY_SOURCE
void __write_overflow_field(size_t avail, size_t wanted);
void __write_overflow_field(size_t avail, size_t wanted) {}
void __read_overflow2_field(size_t avail, size_t wanted);
void __read_overflow2_field(size_t avail, size_t wanted) {}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
/* In the order of the wrappers' enum, which cannot be included without the wrappers themselves. */
static const char *const string_helpers_fortified[] = {"strncpy", "strnlen", "strlen",  "strscpy", "strlcat", "strcat",
                                                       "strncat", "memset",  "memcpy",  "memmove", "memscan", "memcmp",
                                                       "memchr",  "memchr_inv", "kmemdup", "strcpy", "UNKNOWN"};

void __fortify_report(const u8 reason, const size_t avail, const size_t size);
void __fortify_report(const u8 reason, const size_t avail, const size_t size) {
  unsigned int function = reason >> 1; /* the low bit says whether it was a write */

  if (function >= ARRAY_SIZE(string_helpers_fortified)) function = ARRAY_SIZE(string_helpers_fortified) - 1;
#line 1032 "lib/string_helpers.c"
  WARN(1, "%s: detected buffer overflow: %zu byte %s of buffer size %zu\n", string_helpers_fortified[function], size, reason & 1 ? "write" : "read", avail);
}

void __fortify_panic(const u8 reason, const size_t avail, const size_t size) __cold __noreturn;
void __fortify_panic(const u8 reason, const size_t avail, const size_t size) {
  __fortify_report(reason, avail, size);
#line 1040 "lib/string_helpers.c"
  BUG();
}
#else
void fortify_panic(const char *name) __cold __noreturn;
void fortify_panic(const char *name) {
  pr_emerg("detected buffer overflow in %s\n", name);
#line 1027 "lib/string_helpers.c"
  BUG();
}
#endif
#endif
