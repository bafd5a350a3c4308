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

/* An empty ring of `elements`, a power of two. With less than two of them nothing can be put in. */
static int kfifo_shape(struct __kfifo *fifo, void *ring, unsigned int elements, size_t esize) {
  bool usable = elements >= 2;

  *fifo = (struct __kfifo){.data = ring, .mask = usable ? elements - 1 : 0, .esize = esize};
  return usable ? 0 : -EINVAL;
}

int __kfifo_init(struct __kfifo *fifo, void *buffer, unsigned int bytes, size_t esize) {
  unsigned int elements = bytes / esize;

  return kfifo_shape(fifo, buffer, elements ? rounddown_pow_of_two(elements) : 0, esize);
}

int __kfifo_alloc(struct __kfifo *fifo, unsigned int elements, size_t esize, gfp_t gfp) {
  int error = kfifo_shape(fifo, NULL, 0, esize);
  void *ring;

  if (elements < 2) return error;
  elements = roundup_pow_of_two(elements);
  ring = kmalloc_array(esize, elements, gfp);
  return ring ? kfifo_shape(fifo, ring, elements, esize) : -ENOMEM;
}

void __kfifo_free(struct __kfifo *fifo) {
  void *ring = fifo->data;

  *fifo = (struct __kfifo){};
  kfree(ring);
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
int __kfifo_from_user(struct __kfifo *fifo, const void __user *src, unsigned long bytes, unsigned int *copied) {
  unsigned int wanted = min_t(unsigned long, bytes / fifo->esize, kfifo_unused(fifo));
  unsigned int missing = kfifo_write_user(fifo, src, wanted, fifo->in, copied);

  fifo->in += wanted - missing;
  return missing ? -EFAULT : 0;
}

int __kfifo_to_user(struct __kfifo *fifo, void __user *dst, unsigned long bytes, unsigned int *copied) {
  unsigned int wanted = min_t(unsigned long, bytes / fifo->esize, fifo->in - fifo->out);
  unsigned int missing = kfifo_read_user(fifo, dst, wanted, fifo->out, copied);

  fifo->out += wanted - missing;
  return missing ? -EFAULT : 0;
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

static bool kfifo_has_record(const struct __kfifo *fifo) { return fifo->out != fifo->in; }

unsigned int __kfifo_out_peek_r(struct __kfifo *fifo, void *dst, unsigned int length, size_t recsize) {
  unsigned int whole;

  return kfifo_has_record(fifo) ? kfifo_record_read(fifo, dst, length, recsize, &whole) : 0;
}

unsigned int __kfifo_out_r(struct __kfifo *fifo, void *dst, unsigned int length, size_t recsize) {
  unsigned int whole, read = 0;

  if (kfifo_has_record(fifo)) {
    read = kfifo_record_read(fifo, dst, length, recsize, &whole);
    fifo->out += whole + recsize;
  }
  return read;
}

void __kfifo_skip_r(struct __kfifo *fifo, size_t recsize) {
  fifo->out += kfifo_record_length(fifo, recsize) + recsize;
}

/* A record goes in or out as a whole: after a fault the FIFO is as before, and nothing was copied. */
int __kfifo_from_user_r(struct __kfifo *fifo, const void __user *src, unsigned long length, unsigned int *copied,
                        size_t recsize) {
  unsigned int record = __kfifo_max_r(length, recsize), written;

  *copied = 0;
  if (record + recsize > kfifo_unused(fifo)) return 0;
  kfifo_record_announce(fifo, record, recsize);
  if (kfifo_write_user(fifo, src, record, fifo->in + recsize, &written)) return -EFAULT;
  fifo->in += recsize + record;
  *copied = written;
  return 0;
}

int __kfifo_to_user_r(struct __kfifo *fifo, void __user *dst, unsigned long length, unsigned int *copied, size_t recsize) {
  unsigned int record, read;

  *copied = 0;
  if (!kfifo_has_record(fifo)) return 0;
  record = kfifo_record_length(fifo, recsize);
  if (kfifo_read_user(fifo, dst, min_t(unsigned long, length, record), fifo->out + recsize, &read)) return -EFAULT;
  fifo->out += recsize + record;
  *copied = read;
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
  if (!kfifo_has_record(fifo)) return 0;
  *tail = (fifo->out + recsize) & fifo->mask;
  return min(length, kfifo_record_length(fifo, recsize));
}
#endif
