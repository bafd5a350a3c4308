// SPDX-License-Identifier: GPL-2.0-only
/* Options by pattern (<linux/parser.h>): "uid=%u", "%s", ... and wildcards. */
#include "lib.h"

#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/parser.h>

/* Numbers are parsed from a copy: up to 6.2 an allocated one, later one on the stack, which longer numbers overflow. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define PARSER_COPY(name, s)       \
  char *name = match_strdup(s);    \
  if (!name) return -ENOMEM
#define PARSER_COPY_FREE(name) kfree(name)
#else
#define PARSER_COPY(name, s) \
  char name[24];             \
  if (match_strlcpy(name, s, sizeof(name)) >= sizeof(name)) return -ERANGE
#define PARSER_COPY_FREE(name)
#endif

/*
 * Reads one conversion (behind the %) from *s into `argument`. Conversions: %d %u %o %x numbers, %s the rest, or with a
 * width in front (as in %5s) that many characters.
 */
static bool parser_conversion(const char **pattern, char **s, substring_t *argument) {
  const char *p = *pattern;
  size_t width = SIZE_MAX, length;
  char *end;

  if (isdigit(*p)) {
    char *rest;

    width = simple_strtoul(p, &rest, 10);
    p = rest;
  }
  argument->from = *s;
  switch (*p) {
    case 's':
      length = strlen(*s);
      if (length == 0) return false;
      argument->to = *s + min(width, length);
      break;
    case 'd':
      simple_strtol(*s, &argument->to, 0);
      goto number;
    case 'u':
      simple_strtoul(*s, &argument->to, 0);
      goto number;
    case 'o':
      simple_strtoul(*s, &argument->to, 8);
      goto number;
    case 'x':
      simple_strtoul(*s, &argument->to, 16);
    number:
      end = argument->to;
      if (end == argument->from) return false;
      break;
    default:
      return false;
  }
  *s = argument->to;
  *pattern = p + 1;
  return true;
}

static bool parser_matches(char *s, const char *pattern, substring_t args[]) {
  int count = 0;

  if (!pattern) return true;
  for (;;) {
    const char *percent = strchr(pattern, '%');

    if (!percent) return !strcmp(pattern, s);
    if (strncmp(pattern, s, percent - pattern)) return false;
    s += percent - pattern;
    pattern = percent + 1;
    if (*pattern == '%') {
      if (*s++ != '%') return false;
      pattern++;
      continue;
    }
    if (count >= MAX_OPT_ARGS || !parser_conversion(&pattern, &s, &args[count])) return false;
    count++;
  }
}

/* The token of the first pattern that matches; the table ends with a NULL pattern, which matches everything. */
int match_token(char *s, const match_table_t table, substring_t args[]) {
  const struct match_token *entry = table;

  while (!parser_matches(s, entry->pattern, args)) entry++;
  return entry->token;
}

/* ---- the arguments ---- */

size_t match_strlcpy(char *dest, const substring_t *src, size_t size) {
  size_t length = src->to - src->from;

  if (size) {
    size_t kept = length < size ? length : size - 1;

    memcpy(dest, src->from, kept);
    dest[kept] = '\0';
  }
  return length;
}

char *match_strdup(const substring_t *s) { return kmemdup_nul(s->from, s->to - s->from, GFP_KERNEL); }

static int parser_number(const substring_t *s, int *result, int base) {
  int error = 0;
  long value;
  char *end;

  PARSER_COPY(text, s);
  value = simple_strtol(text, &end, base);
  if (end == text)
    error = -EINVAL;
  else if (value < INT_MIN || value > INT_MAX)
    error = -ERANGE;
  else
    *result = value;
  PARSER_COPY_FREE(text);
  return error;
}

int match_int(substring_t *s, int *result) { return parser_number(s, result, 0); }
int match_octal(substring_t *s, int *result) { return parser_number(s, result, 8); }
int match_hex(substring_t *s, int *result) { return parser_number(s, result, 16); }

int match_uint(substring_t *s, unsigned int *result) {
  int error;

  PARSER_COPY(text, s);
  error = kstrtouint(text, 10, result);
  PARSER_COPY_FREE(text);
  return error;
}

int match_u64(substring_t *s, u64 *result) {
  unsigned long long value;
  int error;

  PARSER_COPY(text, s);
  error = kstrtoull(text, 0, &value);
  PARSER_COPY_FREE(text);
  if (!error) *result = value;
  return error;
}

/* Only * and ? are special. */
bool match_wildcard(const char *pattern, const char *s) {
  const char *star = NULL, *resume = NULL;

  while (*s) {
    if (*pattern == '*') {
      if (!*++pattern) return true;
      star = pattern;
      resume = s;
    } else if (*pattern == '?' || *pattern == *s) {
      pattern++;
      s++;
    } else {
      if (!star) return false;
      s = ++resume;
      pattern = star;
    }
  }
  while (*pattern == '*') pattern++;
  return !*pattern;
}
