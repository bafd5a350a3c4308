// SPDX-License-Identifier: GPL-2.0-only
/* Text that grows in a buffer of fixed size (<linux/seq_buf.h>); what does not fit marks the whole as overflowed. */
#include "lib.h"

#include <linux/seq_buf.h>

static int seq_buf_overflows(struct seq_buf *s) {
  seq_buf_set_overflow(s);
  return -1;
}

/* Bytes that are still free: none once it has overflowed, when `len` is beyond the size. */
static size_t seq_buf_room(const struct seq_buf *s) { return s->size - min(s->len, s->size); }

int seq_buf_vprintf(struct seq_buf *s, const char *format, va_list args) {
  size_t length, room = seq_buf_room(s);

#line KOI_LINE(61, 71) "lib/seq_buf.c"
  WARN_ON(s->size == 0);
  if (!room) return seq_buf_overflows(s);
  length = vsnprintf(s->buffer + s->len, room, format, args);
  if (length >= room) return seq_buf_overflows(s);
  s->len += length;
  return 0;
}

int seq_buf_printf(struct seq_buf *s, const char *format, ...) {
  va_list args;
  int result;

  va_start(args, format);
  result = seq_buf_vprintf(s, format, args);
  va_end(args);
  return result;
}

/* The NUL must fit too, but is not counted. */
int seq_buf_puts(struct seq_buf *s, const char *text) {
  size_t size = strlen(text) + 1;

#line KOI_LINE(176, 186) "lib/seq_buf.c"
  WARN_ON(s->size == 0);
  if (size > seq_buf_room(s)) return seq_buf_overflows(s);
  memcpy(s->buffer + s->len, text, size);
  s->len += size - 1;
  return 0;
}

int seq_buf_putc(struct seq_buf *s, unsigned char c) {
#line KOI_LINE(202, 213) "lib/seq_buf.c"
  WARN_ON(s->size == 0);
  if (!seq_buf_room(s)) return seq_buf_overflows(s);
  s->buffer[s->len] = c;
  s->len += 1;
  return 0;
}

/* Prints line by line, each with the level in front. */
void seq_buf_do_printk(struct seq_buf *s, const char *level) {
  const char *line, *end;

  if (!s->len || !s->size) return;
  s->buffer[min(s->len, s->size - 1)] = '\0';
  for (line = s->buffer; (end = strchr(line, '\n')); line = end + 1)
    printk("%s%.*s", level, (int)(end - line + 1), line);
  if (line < s->buffer + s->len) printk("%s%s\n", level, line);
}
