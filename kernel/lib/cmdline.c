// SPDX-License-Identifier: GPL-2.0-only
/* Pieces of a kernel command line: sizes with a suffix, comma-separated integers and ranges, words. */
#include "lib.h"

#include <linux/ctype.h>

unsigned long long memparse(const char *s, char **end_out) {
  char *end;
  unsigned long long value = simple_strtoull(s, &end, 0);
  unsigned int shift = 0;

  switch (*end | 0x20) {
    case 'e': shift = 60; break;
    case 'p': shift = 50; break;
    case 't': shift = 40; break;
    case 'g': shift = 30; break;
    case 'm': shift = 20; break;
    case 'k': shift = 10; break;
  }
  if (shift) end++;
  if (end_out) *end_out = end;
  return value << shift;
}

/*
 * Reads one integer of a list and steps over it. 0: none there; 1: one, and no comma after it; 2: one, and its comma
 * is stepped over; 3: one, and a '-' follows (a range; the '-' is not stepped over).
 */
int get_option(char **cursor, int *result) {
  char *start = *cursor;
  bool negative;
  int value;

  if (!start || !*start) return 0;
  negative = *start == '-';
  value = simple_strtoull(start + negative, cursor, 0);
  if (negative) value = -value;
  if (result) *result = value;
  if (*cursor == start + negative) return 0;
  if (**cursor == ',') {
    ++*cursor;
    return 2;
  }
  return **cursor == '-' ? 3 : 1;
}

/*
 * Reads a list of integers and ranges into ints[1..count-1] and their number into ints[0]; returns where it stopped.
 * With count 0 it only counts. A range that would not fit ends the list.
 */
char *get_options(const char *s, int count, int *ints) {
  bool only_count = count == 0;
  char *cursor = (char *)s;
  int i = 1;

  while (only_count || i < count) {
    int scratch;
    int *slot = only_count ? &scratch : &ints[i];
    int kind = get_option(&cursor, slot);

    if (kind == 0) break;
    if (kind == 3) {
      char *upper_text = ++cursor;
      int upper = simple_strtol(upper_text, NULL, 0);
      int extra = upper - *slot; /* the upper end itself is read as the next element */
      int n = 0;

      if (extra < 0) break;
      for (; n < extra && (only_count || i + n < count); n++)
        if (!only_count) ints[i + n] = *slot + n;
      i += extra - 1; /* what did not fit is counted all the same */
    }
    i++;
    if (kind == 1) break;
  }
  ints[0] = i - 1;
  return cursor;
}

/* Is `option` one of the comma-separated words of `s`? */
bool parse_option_str(const char *s, const char *option) {
  size_t length = strlen(option);

  while (*s) {
    if (!strncmp(s, option, length) && (!s[length] || s[length] == ',')) return true;
    while (*s && *s != ',') s++;
    if (*s == ',') s++;
  }
  return false;
}

/* A quote at the end of begin..end goes. */
static void cmdline_unquote_end(const char *begin, char *end) {
  if (end > begin && end[-1] == '"') end[-1] = '\0';
}

/*
 * Cuts the next `name` or `name=value` off a command line, in place; spaces inside double quotes belong to the word,
 * and quotes around the whole word or the value are dropped. Returns the rest, leading spaces skipped.
 */
char *next_arg(char *args, char **param, char **value) {
  const bool quoted = *args == '"';
  char *const word = quoted ? args + 1 : args;
  char *end, *equals = NULL;
  bool inside = quoted;

  for (end = word; *end && (inside || !isspace(*end)); end++) {
    if (*end == '"')
      inside = !inside;
    else if (*end == '=' && end > word && !equals) /* a word may begin with one */
      equals = end;
  }
  *param = word;
  *value = NULL;
  if (equals) {
    *equals = '\0';
    *value = equals + 1;
    if (**value == '"') {
      ++*value;
      cmdline_unquote_end(word, end);
    }
  }
  if (quoted) cmdline_unquote_end(word, end);
  if (*end) *end++ = '\0';
  return skip_spaces(end);
}
