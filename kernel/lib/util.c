// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of strings and blocks in freshly allocated memory: kstrdup() and its kin, argv_split(), and the variants that
 * copy from user memory. The allocation is charged to their caller. (kasprintf() belongs to printk.)
 */
#include "lib.h"

#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "../mm/call_site.h"

/* `size` bytes of `src` and room for `extra` bytes more. */
static __always_inline void *util_copy(const void *src, size_t size, size_t extra, gfp_t gfp) {
  void *copy = kmalloc_track_caller(size + extra, gfp);

  if (copy) memcpy(copy, src, size);
  return copy;
}

char *kstrdup(const char *s, gfp_t gfp) { return s ? util_copy(s, strlen(s) + 1, 0, gfp) : NULL; }

char *kstrndup(const char *s, size_t max, gfp_t gfp) {
  size_t length;
  char *copy;

  if (!s) return NULL;
  length = strnlen(s, max);
  copy = util_copy(s, length, 1, gfp);
  if (copy) copy[length] = '\0';
  return copy;
}

char *kmemdup_nul(const char *s, size_t length, gfp_t gfp) {
  char *copy;

  if (!s) return NULL;
  copy = util_copy(s, length, 1, gfp);
  if (copy) copy[length] = '\0';
  return copy;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
void *kmemdup_noprof(const void *src, size_t size, gfp_t gfp) { return util_copy(src, size, 0, gfp); }

void *kmemdup_array(const void *src, size_t count, size_t size, gfp_t gfp) {
  return util_copy(src, size_mul(size, count), 0, gfp);
}

void *kvmemdup(const void *src, size_t size, gfp_t gfp) {
  void *copy = kvmalloc(size, gfp);

  if (copy) memcpy(copy, src, size);
  return copy;
}
#else
void *kmemdup(const void *src, size_t size, gfp_t gfp) { return util_copy(src, size, 0, gfp); }
#endif

/* Only strings in the kernel's own read-only data are not copied, and no module has one of those. */
const char *kstrdup_const(const char *s, gfp_t gfp) { return s ? util_copy(s, strlen(s) + 1, 0, gfp) : NULL; }
void kfree_const(const void *s) { kfree(s); }

/* ---- from user memory: an error pointer on failure ---- */

void *memdup_user(const void __user *src, size_t size) {
  void *copy = kmalloc_track_caller(size, GFP_USER | __GFP_NOWARN);

  if (!copy) return ERR_PTR(-ENOMEM);
  if (copy_from_user(copy, src, size)) {
    kfree(copy);
    return ERR_PTR(-EFAULT);
  }
  return copy;
}

void *vmemdup_user(const void __user *src, size_t size) {
  void *copy = kvmalloc(size, GFP_USER);

  if (!copy) return ERR_PTR(-ENOMEM);
  if (copy_from_user(copy, src, size)) {
    kvfree(copy);
    return ERR_PTR(-EFAULT);
  }
  return copy;
}

void *memdup_user_nul(const void __user *src, size_t size) {
  char *copy = kmalloc_track_caller(size + 1, GFP_KERNEL);

  if (!copy) return ERR_PTR(-ENOMEM);
  if (copy_from_user(copy, src, size)) {
    kfree(copy);
    return ERR_PTR(-EFAULT);
  }
  copy[size] = '\0';
  return copy;
}

char *strndup_user(const char __user *s, long max) {
  long length = strnlen_user(s, max);
  char *copy;

  if (!length) return ERR_PTR(-EFAULT);
  if (length > max) return ERR_PTR(-EINVAL);
  copy = memdup_user(s, length);
  if (!IS_ERR(copy)) copy[length - 1] = '\0'; /* it may have changed meanwhile */
  return copy;
}

/* Reads from a buffer of `available` bytes at *position, for read functions. */
ssize_t memory_read_from_buffer(void *to, size_t count, loff_t *position, const void *from, size_t available) {
  loff_t at = *position;

  if (at < 0) return -EINVAL;
  if (at >= available) return 0;
  if (count > available - at) count = available - at;
  memcpy(to, from + at, count);
  *position = at + count;
  return count;
}

/* ---- words ---- */

/*
 * Splits at white space into a NULL-terminated vector. The words lie in one copy of the text, whose address stands
 * before the vector.
 */
char **argv_split(gfp_t gfp, const char *text, int *count_out) {
  const unsigned int site = koi_site();
  char *copy = kstrndup(text, KMALLOC_MAX_SIZE - 1, gfp), *p;
  bool in_word = false;
  char **vector;
  int count = 0;

  if (!copy) return NULL;
  for (p = copy; *p; p++) {
    if (!isspace(*p) && !in_word) count++;
    in_word = !isspace(*p);
  }
  koi_set_site(site);
  vector = kmalloc_array(count + 2, sizeof(*vector), gfp);
  if (!vector) {
    kfree(copy);
    return NULL;
  }
  *vector++ = copy;
  if (count_out) *count_out = count;
  count = 0;
  in_word = false;
  for (p = copy; *p; p++) {
    bool space = isspace(*p);

    if (space) *p = '\0';
    if (!space && !in_word) vector[count++] = p;
    in_word = !space;
  }
  vector[count] = NULL;
  return vector;
}

void argv_free(char **vector) {
  vector--;
  kfree(vector[0]);
  kfree(vector);
}
