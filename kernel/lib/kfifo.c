// SPDX-License-Identifier: GPL-2.0-only
/*
 * The out-of-line half of the FIFO macros (<linux/kfifo.h>): a ring of a power of two of elements, with free-running
 * in and out counters. In the record variants (_r) each record begins with its length in 1 or 2 bytes.
 * One reader and one writer need no lock: data is written before the counter that announces it.
 */
#include "lib.h"

#include <linux/kfifo.h>
#include <linux/log2.h>
#include <linux/uaccess.h>

static unsigned int kfifo_unused(const struct __kfifo *fifo) { return fifo->mask + 1 - (fifo->in - fifo->out); }

/* ---- life ---- */

int __kfifo_init(struct __kfifo *fifo, void *buffer, unsigned int size, size_t esize) {
  size /= esize;
  if (!is_power_of_2(size)) size = rounddown_pow_of_two(size);
  fifo->in = 0;
  fifo->out = 0;
  fifo->esize = esize;
  fifo->data = buffer;
  if (size < 2) {
    fifo->mask = 0;
    return -EINVAL;
  }
  fifo->mask = size - 1;
  return 0;
}

int __kfifo_alloc(struct __kfifo *fifo, unsigned int size, size_t esize, gfp_t gfp) {
  size = roundup_pow_of_two(size);
  fifo->in = 0;
  fifo->out = 0;
  fifo->esize = esize;
  fifo->mask = 0;
  fifo->data = NULL;
  if (size < 2) return -EINVAL;
  fifo->data = kmalloc_array(esize, size, gfp);
  if (!fifo->data) return -ENOMEM;
  fifo->mask = size - 1;
  return 0;
}

void __kfifo_free(struct __kfifo *fifo) {
  kfree(fifo->data);
  fifo->in = 0;
  fifo->out = 0;
  fifo->esize = 0;
  fifo->data = NULL;
  fifo->mask = 0;
}

/* ---- copying to and from the ring; lengths and offsets are in elements ---- */

/* The two stretches, in bytes, that `length` elements at counter value `at` occupy: up to the end, and from the start. */
static void kfifo_stretches(const struct __kfifo *fifo, unsigned int at, unsigned int length, size_t *offset,
                            size_t *head, size_t *tail) {
  unsigned int start = at & fifo->mask;
  unsigned int first = min(length, fifo->mask + 1 - start);

  *offset = (size_t)start * fifo->esize;
  *head = (size_t)first * fifo->esize;
  *tail = (size_t)(length - first) * fifo->esize;
}

static void kfifo_write(struct __kfifo *fifo, const void *src, unsigned int length, unsigned int at) {
  size_t offset, head, tail;

  kfifo_stretches(fifo, at, length, &offset, &head, &tail);
  memcpy(fifo->data + offset, src, head);
  memcpy(fifo->data, src + head, tail);
  smp_wmb(); /* before the counter moves */
}

static void kfifo_read(const struct __kfifo *fifo, void *dst, unsigned int length, unsigned int at) {
  size_t offset, head, tail;

  kfifo_stretches(fifo, at, length, &offset, &head, &tail);
  memcpy(dst, fifo->data + offset, head);
  memcpy(dst + head, fifo->data, tail);
  smp_wmb();
}

/* The user variants return the number of elements that could not be copied; *copied is in bytes, of the first stretch up. */
static unsigned long kfifo_write_user(struct __kfifo *fifo, const void __user *from, unsigned int length,
                                      unsigned int at, unsigned int *copied) {
  size_t offset, head, tail, left;

  kfifo_stretches(fifo, at, length, &offset, &head, &tail);
  left = copy_from_user(fifo->data + offset, from, head);
  if (left)
    left += tail;
  else
    left = copy_from_user(fifo->data, from + head, tail);
  smp_wmb();
  *copied = head + tail - left;
  return DIV_ROUND_UP(left, fifo->esize);
}

static unsigned long kfifo_read_user(const struct __kfifo *fifo, void __user *to, unsigned int length, unsigned int at,
                                     unsigned int *copied) {
  size_t offset, head, tail, left;

  kfifo_stretches(fifo, at, length, &offset, &head, &tail);
  left = copy_to_user(to, fifo->data + offset, head);
  if (left)
    left += tail;
  else
    left = copy_to_user(to + head, fifo->data, tail);
  smp_wmb();
  *copied = head + tail - left;
  return DIV_ROUND_UP(left, fifo->esize);
}

/* ---- plain elements ---- */

unsigned int __kfifo_in(struct __kfifo *fifo, const void *src, unsigned int length) {
  length = min(length, kfifo_unused(fifo));
  kfifo_write(fifo, src, length, fifo->in);
  fifo->in += length;
  return length;
}

unsigned int __kfifo_out_peek(struct __kfifo *fifo, void *dst, unsigned int length) {
  length = min(length, fifo->in - fifo->out);
  kfifo_read(fifo, dst, length, fifo->out);
  return length;
}

unsigned int __kfifo_out(struct __kfifo *fifo, void *dst, unsigned int length) {
  length = __kfifo_out_peek(fifo, dst, length);
  fifo->out += length;
  return length;
}

/* Bytes in, bytes out; *copied in bytes. An element that was copied in part does not count. */
int __kfifo_from_user(struct __kfifo *fifo, const void __user *from, unsigned long bytes, unsigned int *copied) {
  unsigned int length = min_t(unsigned long, bytes / fifo->esize, kfifo_unused(fifo));
  unsigned long left = kfifo_write_user(fifo, from, length, fifo->in, copied);
  int error = left ? -EFAULT : 0;

  fifo->in += length - left;
  return error;
}

int __kfifo_to_user(struct __kfifo *fifo, void __user *to, unsigned long bytes, unsigned int *copied) {
  unsigned int length = min_t(unsigned long, bytes / fifo->esize, fifo->in - fifo->out);
  unsigned long left = kfifo_read_user(fifo, to, length, fifo->out, copied);
  int error = left ? -EFAULT : 0;

  fifo->out += length - left;
  return error;
}

/* ---- records: esize is 1, and `recsize` bytes of length stand before each ---- */

unsigned int __kfifo_max_r(unsigned int length, size_t recsize) {
  unsigned int most = (1U << (recsize * 8)) - 1;

  return min(length, most);
}

/* The length of the next record; its low byte comes first. */
static unsigned int kfifo_record_length(const struct __kfifo *fifo, size_t recsize) {
  const u8 *data = fifo->data;
  unsigned int length = data[fifo->out & fifo->mask];

  if (recsize > 1) length |= data[(fifo->out + 1) & fifo->mask] << 8;
  return length;
}

static void kfifo_record_announce(struct __kfifo *fifo, unsigned int length, size_t recsize) {
  u8 *data = fifo->data;

  data[fifo->in & fifo->mask] = length;
  if (recsize > 1) data[(fifo->in + 1) & fifo->mask] = length >> 8;
}

unsigned int __kfifo_len_r(struct __kfifo *fifo, size_t recsize) { return kfifo_record_length(fifo, recsize); }

unsigned int __kfifo_in_r(struct __kfifo *fifo, const void *src, unsigned int length, size_t recsize) {
  if (length + recsize > kfifo_unused(fifo)) return 0;
  kfifo_record_announce(fifo, length, recsize);
  kfifo_write(fifo, src, length, fifo->in + recsize);
  fifo->in += length + recsize;
  return length;
}

/* Reads as much of the record as fits; *whole is its length. */
static unsigned int kfifo_record_read(struct __kfifo *fifo, void *dst, unsigned int length, size_t recsize,
                                      unsigned int *whole) {
  *whole = kfifo_record_length(fifo, recsize);
  length = min(length, *whole);
  kfifo_read(fifo, dst, length, fifo->out + recsize);
  return length;
}

unsigned int __kfifo_out_peek_r(struct __kfifo *fifo, void *dst, unsigned int length, size_t recsize) {
  unsigned int whole;

  return fifo->in == fifo->out ? 0 : kfifo_record_read(fifo, dst, length, recsize, &whole);
}

unsigned int __kfifo_out_r(struct __kfifo *fifo, void *dst, unsigned int length, size_t recsize) {
  unsigned int whole;

  if (fifo->in == fifo->out) return 0;
  length = kfifo_record_read(fifo, dst, length, recsize, &whole);
  fifo->out += whole + recsize;
  return length;
}

void __kfifo_skip_r(struct __kfifo *fifo, size_t recsize) {
  fifo->out += kfifo_record_length(fifo, recsize) + recsize;
}

int __kfifo_from_user_r(struct __kfifo *fifo, const void __user *from, unsigned long length, unsigned int *copied,
                        size_t recsize) {
  length = __kfifo_max_r(length, recsize);
  if (length + recsize > kfifo_unused(fifo)) {
    *copied = 0;
    return 0;
  }
  kfifo_record_announce(fifo, length, recsize);
  if (kfifo_write_user(fifo, from, length, fifo->in + recsize, copied)) {
    *copied = 0;
    return -EFAULT;
  }
  fifo->in += length + recsize;
  return 0;
}

int __kfifo_to_user_r(struct __kfifo *fifo, void __user *to, unsigned long length, unsigned int *copied,
                      size_t recsize) {
  unsigned int whole;

  if (fifo->in == fifo->out) {
    *copied = 0;
    return 0;
  }
  whole = kfifo_record_length(fifo, recsize);
  length = min_t(unsigned long, length, whole);
  if (kfifo_read_user(fifo, to, length, fifo->out + recsize, copied)) {
    *copied = 0;
    return -EFAULT;
  }
  fifo->out += whole + recsize;
  return 0;
}

/* ---- reading in place (later kernels) ---- */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
unsigned int __kfifo_out_linear(struct __kfifo *fifo, unsigned int *tail, unsigned int length) {
  unsigned int start = fifo->out & fifo->mask;

  *tail = start;
  return min3(length, fifo->in - fifo->out, fifo->mask + 1 - start);
}

unsigned int __kfifo_out_linear_r(struct __kfifo *fifo, unsigned int *tail, unsigned int length, size_t recsize) {
  if (fifo->in == fifo->out) return 0;
  *tail = (fifo->out + recsize) & fifo->mask;
  return min(length, kfifo_record_length(fifo, recsize));
}
#endif
