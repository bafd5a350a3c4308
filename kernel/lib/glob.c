// SPDX-License-Identifier: GPL-2.0-only
/* Shell-style patterns (<linux/glob.h>): ?, *, [a-z], [!a-z], and \ before a character that is meant as it is. */
#include "lib.h"

#include <linux/glob.h>

/*
 * Matches `c` against the class behind a '['. Returns what follows the class, with *matched set; NULL: there is no
 * closing bracket, so the '[' is an ordinary character. A ']' that comes first is a member.
 */
static const char *glob_class(const char *pattern, unsigned char c, bool *matched) {
  bool inverted = *pattern == '!', found = false, first = true;

  if (inverted) pattern++;
  for (; first || *pattern != ']'; first = false) {
    unsigned char low = *pattern++, high = low;

    if (!low) return NULL;
    if (pattern[0] == '-' && pattern[1] != ']') {
      high = pattern[1];
      if (!high) return NULL;
      pattern += 2;
    }
    if (low <= c && c <= high) found = true;
  }
  *matched = found != inverted;
  return pattern + 1;
}

/* Text that ends at `end`, or at its NUL. A mismatch goes back to the last star only: an earlier one could match no more. */
static bool glob_run(const char *pattern, const char *s, const char *end) {
  const char *star = NULL, *resume = NULL;

  for (;;) {
    unsigned char c = s == end ? '\0' : *s, p = *pattern;
    const char *after;
    bool matched;

    if (p == '*') {
      star = ++pattern;
      resume = s;
      if (!*pattern) return true;
      continue;
    }
    if (!c && !p) return true;
    after = pattern + 1;
    if (p == '?') {
      matched = c != 0;
    } else if (p == '[' && (after = glob_class(pattern + 1, c, &matched))) {
      matched = matched && c;
    } else {
      after = pattern + 1;
      if (p == '\\') p = *after++;
      matched = p == c && c;
    }
    if (matched) {
      s++;
      pattern = after;
      continue;
    }
    /* The star takes one character more, if there is one. */
    if (!star || resume == end || !*resume) return false;
    s = ++resume;
    pattern = star;
  }
}

bool glob_match(const char *pattern, const char *s) { return glob_run(pattern, s, NULL); }

bool glob_match_len(const char *pattern, const char *s, size_t length);
bool glob_match_len(const char *pattern, const char *s, size_t length) { return glob_run(pattern, s, s + length); }
