// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors that each of many observers is to see once (Documentation/core-api/errseq.rst). A word holds, from the bottom:
 * the errno in 12 bits, a flag that somebody has seen it, and a counter that goes on when a seen error is followed by
 * another.
 */
#include "lib.h"

#include <linux/err.h>
#include <linux/errseq.h>

#define ERRSEQ_ERRNO MAX_ERRNO
#define ERRSEQ_WAS_SEEN (MAX_ERRNO + 1)
#define ERRSEQ_COUNT_ONE ((MAX_ERRNO + 1) << 1)

/* Records an error; returns what the word then is. */
errseq_t errseq_set(errseq_t *word, int error) {
  errseq_t old = READ_ONCE(*word), new;

#line KOI_LINE(74, 74) "lib/errseq.c"
  if (WARN(error == 0 || (unsigned int)-error > MAX_ERRNO, "err = %d\n", error)) return old;
  for (;;) {
    errseq_t seen = old;

    new = (old & ~(ERRSEQ_ERRNO | ERRSEQ_WAS_SEEN)) | -error;
    if (old & ERRSEQ_WAS_SEEN) new += ERRSEQ_COUNT_ONE;
    if (new == old || try_cmpxchg(word, &seen, new) || seen == new) return new;
    old = seen;
  }
}

/* Where an observer begins: an error that nobody has seen yet is still to come for it. */
errseq_t errseq_sample(errseq_t *word) {
  errseq_t now = READ_ONCE(*word);

  return now & ERRSEQ_WAS_SEEN ? now : 0;
}

int errseq_check(errseq_t *word, errseq_t since) {
  errseq_t now = READ_ONCE(*word);

  return now == since ? 0 : -(now & ERRSEQ_ERRNO);
}

int errseq_check_and_advance(errseq_t *word, errseq_t *since) {
  errseq_t now = READ_ONCE(*word), marked = now | ERRSEQ_WAS_SEEN;

  if (now == *since) return 0;
  /* If the word has changed meanwhile, somebody else's mark or a newer error stands there: both are all right. */
  if (marked != now) cmpxchg(word, now, marked);
  *since = marked;
  return -(marked & ERRSEQ_ERRNO);
}
