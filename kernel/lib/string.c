// SPDX-License-Identifier: GPL-2.0-only
/*
 * NUL-terminated strings: length, copy, concatenation, comparison and search, as declared by <linux/string.h>.
 * The contract of each is the kernel's (Documentation/core-api/kernel-api.rst, "String Manipulation").
 */
#include "lib.h"

#include <linux/ctype.h>

__kernel_size_t strlen(const char *s) {
  const char *end = s;

  while (*end) {
    end++;
    lib_hide(end);
  }
  return end - s;
}

__kernel_size_t strnlen(const char *s, __kernel_size_t count) {
  __kernel_size_t length = 0;

  while (length < count && s[length]) {
    length++;
    lib_hide(length);
  }
  return length;
}

/* ---- copying ---- */

/* Copies the string with its NUL; returns where the NUL was written. */
char *stpcpy(char *__restrict__ dest, const char *__restrict__ src);
char *stpcpy(char *__restrict__ dest, const char *__restrict__ src) {
  for (;;) {
    char c = *src;

    *dest = c;
    if (!c) return dest;
    src++;
    dest++;
    lib_hide(dest);
  }
}

char *strcpy(char *dest, const char *src) {
  stpcpy(dest, src);
  return dest;
}

char *strncpy(char *dest, const char *src, __kernel_size_t count) {
  __kernel_size_t i = 0;

  for (; i < count; i++) {
    char c = *src;

    dest[i] = c;
    if (c) src++; /* at the NUL it stays there, which pads the rest with NULs */
    lib_hide(i);
  }
  return dest;
}

/* The copy of strscpy: -E2BIG when it had to cut (or count is 0 or absurd), else the length without the NUL. */
static __always_inline ssize_t string_bounded_copy(char *dest, const char *src, size_t count) {
  size_t i = 0;

#line KOI_LINE(181, 113) "lib/string.c"
  if (WARN_ON_ONCE(count > INT_MAX) || !count) return -E2BIG;
  for (; i < count; i++) {
    char c = src[i];

    dest[i] = c;
    if (!c) return i;
    lib_hide(i);
  }
  dest[count - 1] = '\0';
  return -E2BIG;
}

/* From 6.8 on strscpy is a macro in front of sized_strscpy. */
#ifdef __strscpy0
ssize_t sized_strscpy(char *dest, const char *src, size_t count) { return string_bounded_copy(dest, src, count); }
#else
ssize_t strscpy(char *dest, const char *src, size_t count) { return string_bounded_copy(dest, src, count); }

ssize_t strscpy_pad(char *dest, const char *src, size_t count) {
  ssize_t written = string_bounded_copy(dest, src, count);

  size_t used = written + 1; /* with the NUL; after -E2BIG nothing is left to fill */

  if (written >= 0) memset(dest + used, 0, count - used);
  return written;
}

size_t strlcpy(char *dest, const char *src, size_t size) {
  size_t length = strlen(src);

  if (size) {
    size_t kept = length < size ? length : size - 1;

    memcpy(dest, src, kept);
    dest[kept] = '\0';
  }
  return length;
}
#endif

/* ---- concatenation ---- */

char *strcat(char *dest, const char *src) {
  stpcpy(dest + strlen(dest), src);
  return dest;
}

char *strncat(char *dest, const char *src, __kernel_size_t count) {
  char *end = dest + strlen(dest);
  __kernel_size_t i = 0;

  if (!count) return dest;
  while (i < count && src[i]) {
    end[i] = src[i];
    i++;
    lib_hide(i);
  }
  end[i] = '\0';
  return dest;
}

size_t strlcat(char *dest, const char *src, size_t count) {
  size_t have = strlen(dest);
  size_t add = strlen(src);
  size_t room;

#line KOI_LINE(337, 248) "lib/string.c"
  BUG_ON(have >= count); /* the kernel's own rule: the destination must already be a string of that buffer */
  room = count - have - 1;
  if (room > add) room = add;
  memcpy(dest + have, src, room);
  dest[have + room] = '\0';
  return have + add;
}

/* ---- comparison: the results are -1, 0 and 1 where the kernel's are ---- */

int strcmp(const char *left, const char *right) {
  for (;; left++, right++) {
    unsigned char a = *left, b = *right;

    if (a != b) return a < b ? -1 : 1;
    if (!a) return 0;
  }
}

int strncmp(const char *left, const char *right, size_t count) {
  for (; count; count--, left++, right++) {
    unsigned char a = *left, b = *right;

    if (a != b) return a < b ? -1 : 1;
    if (!a) return 0;
  }
  return 0;
}

int strcasecmp(const char *left, const char *right) {
  for (;; left++, right++) {
    int a = tolower((unsigned char)*left), b = tolower((unsigned char)*right);

    if (a != b || !a) return a - b;
  }
}

int strncasecmp(const char *left, const char *right, size_t count) {
  for (; count; count--, left++, right++) {
    int a = tolower((unsigned char)*left), b = tolower((unsigned char)*right);

    if (a != b || !a) return a - b;
  }
  return 0;
}

/* ---- search ---- */

/* The first `c`, or the NUL. */
static __always_inline char *string_seek(const char *s, char c) {
  while (*s != c && *s) s++;
  return (char *)s;
}

char *strchrnul(const char *s, int c) { return string_seek(s, c); }

char *strchr(const char *s, int c) {
  char *found = string_seek(s, c);

  return *found == (char)c ? found : NULL;
}

char *strnchrnul(const char *s, size_t count, int c) {
  for (; count && *s && *s != (char)c; count--) s++;
  return (char *)s;
}

char *strrchr(const char *text, int c) {
  char *last = NULL;

  do
    if (*text == (char)c) last = (char *)text;
  while (*text++);
  return last;
}

char *strnchr(const char *text, size_t count, int c) {
  for (; count && *text != (char)c; count--)
    if (!*text++) return NULL;
  return count ? (char *)text : NULL;
}

size_t strspn(const char *s, const char *accept) {
  size_t length = 0;

  while (s[length] && strchr(accept, s[length])) length++;
  return length;
}

size_t strcspn(const char *s, const char *reject) {
  size_t length = 0;

  while (s[length] && !strchr(reject, s[length])) length++;
  return length;
}

char *strpbrk(const char *s, const char *accept) {
  s += strcspn(s, accept);
  return *s ? (char *)s : NULL;
}

char *strsep(char **cursor, const char *delimiters) {
  char *token = *cursor;
  char *end;

  if (!token) return NULL;
  end = strpbrk(token, delimiters);
  if (end) *end++ = '\0';
  *cursor = end;
  return token;
}

char *strstr(const char *haystack, const char *needle) {
  size_t length = strlen(needle);
  size_t left;

  if (!length) return (char *)haystack;
  for (left = strlen(haystack); left >= length; left--, haystack++)
    if (!memcmp(haystack, needle, length)) return (char *)haystack;
  return NULL;
}

char *strnstr(const char *haystack, const char *needle, size_t count) {
  size_t length = strlen(needle);

  if (!length) return (char *)haystack;
  for (; count >= length; count--, haystack++)
    if (!memcmp(haystack, needle, length)) return (char *)haystack;
  return NULL;
}
