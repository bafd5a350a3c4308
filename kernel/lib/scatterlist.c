// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of memory pieces (<linux/scatterlist.h>): arrays of entries, chained through their last entry when one page
 * does not hold them all; iteration over pages and mapped pieces; copying to and from plain buffers.
 */
#include "lib.h"

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "../mm/call_site.h"

/* ---- the list ---- */

struct scatterlist *sg_next(struct scatterlist *sg) {
  struct scatterlist *next = sg_is_last(sg) ? NULL : sg + 1;

  return next && sg_is_chain(next) ? sg_chain_ptr(next) : next;
}

int sg_nents(struct scatterlist *sg) {
  int count = 0;

  for (; sg; sg = sg_next(sg)) count++;
  return count;
}

/* How many entries make up `length` bytes; -EINVAL: all of them are shorter. */
int sg_nents_for_len(struct scatterlist *sg, u64 length) {
  u64 total = 0;
  int count = 0;

  if (!length) return 0;
  for (; sg; sg = sg_next(sg)) {
    count++;
    total += sg->length;
    if (total >= length) return count;
  }
  return -EINVAL;
}

struct scatterlist *sg_last(struct scatterlist *sgl, unsigned int count) {
  struct scatterlist *last = NULL;
  unsigned int i;

  for (i = 0; i < count; i++, sgl = sg_next(sgl)) last = sgl;
  return last;
}

void sg_init_table(struct scatterlist *sgl, unsigned int count) {
  memset(sgl, 0, sizeof(*sgl) * count);
  sg_init_marker(sgl, count);
}

void sg_init_one(struct scatterlist *sg, const void *buffer, unsigned int length) {
  sg_init_table(sg, 1);
  sg_set_buf(sg, buffer, length);
}

/* ---- tables ---- */

/* A full page's worth of entries is a page. */
static struct scatterlist *scatterlist_alloc(unsigned int count, gfp_t gfp) {
  if (count == SG_MAX_SINGLE_ALLOC) return (void *)__get_free_page(gfp);
  return kmalloc_array(count, sizeof(struct scatterlist), gfp);
}

static void scatterlist_free(struct scatterlist *sg, unsigned int count) {
  if (count == SG_MAX_SINGLE_ALLOC)
    free_page((unsigned long)sg);
  else
    kfree(sg);
}

/* `first_count` entries stand in a first chunk that the caller owns; `max` is the size of the others. */
void __sg_free_table(struct sg_table *table, unsigned int max, unsigned int first_count, sg_free_fn *free_fn,
                     unsigned int count) {
  unsigned int chunk_max = first_count ? first_count : max;
  struct scatterlist *chunk = table->sgl;

  if (!chunk) return;
  while (count) {
    unsigned int size = count;
    struct scatterlist *next = NULL;

    if (size > chunk_max) { /* the last slot of a full chunk is the link to the next */
      next = sg_chain_ptr(&chunk[chunk_max - 1]);
      size = chunk_max;
      count -= chunk_max - 1;
    } else {
      count = 0;
    }
    if (first_count)
      first_count = 0;
    else
      free_fn(chunk, size);
    chunk = next;
    chunk_max = max;
  }
  table->sgl = NULL;
}

void sg_free_table(struct sg_table *table) {
  __sg_free_table(table, SG_MAX_SINGLE_ALLOC, 0, scatterlist_free, table->orig_nents);
}

void sg_free_append_table(struct sg_append_table *table) {
  __sg_free_table(&table->sgt, SG_MAX_SINGLE_ALLOC, 0, scatterlist_free, table->total_nents);
}

/* On failure the table is as far as it got, and __sg_free_table() undoes it. */
int __sg_alloc_table(struct sg_table *table, unsigned int count, unsigned int max, struct scatterlist *first_chunk,
                     unsigned int first_count, gfp_t gfp, sg_alloc_fn *alloc_fn) {
  unsigned int chunk_max = first_chunk ? first_count : max, previous_max = 0;
  const unsigned int site = koi_site();
  struct scatterlist *previous = NULL;

  memset(table, 0, sizeof(*table));
  if (count == 0) return -EINVAL;
  while (count) {
    bool linked = count > chunk_max;
    unsigned int size = linked ? chunk_max : count, entries = linked ? chunk_max - 1 : count;
    struct scatterlist *chunk;

    koi_set_site(site);
    chunk = first_chunk ? first_chunk : alloc_fn(size, gfp);
    first_chunk = NULL;
    if (!chunk) {
      /* The chain already counts the slot that was to link here. */
      if (previous) table->nents = ++table->orig_nents;
      return -ENOMEM;
    }
    sg_init_table(chunk, size);
    table->nents = table->orig_nents += entries;
    if (previous)
      sg_chain(previous, previous_max, chunk);
    else
      table->sgl = chunk;
    count -= entries;
    if (!count) sg_mark_end(&chunk[entries - 1]);
    previous = chunk;
    previous_max = chunk_max;
    chunk_max = max;
  }
  return 0;
}

int sg_alloc_table(struct sg_table *table, unsigned int count, gfp_t gfp) {
  int error = __sg_alloc_table(table, count, SG_MAX_SINGLE_ALLOC, NULL, 0, gfp, scatterlist_alloc);

  if (unlikely(error)) sg_free_table(table);
  return error;
}

/* How many of pages[from..] lie behind each other and fit into one entry. */
static unsigned int scatterlist_run(struct page **pages, unsigned int from, unsigned int count, unsigned int offset,
                                    unsigned int max_segment) {
  unsigned int n = 1;
  unsigned long length = PAGE_SIZE - offset;

  while (from + n < count && length + PAGE_SIZE <= max_segment &&
         page_to_pfn(pages[from + n]) == page_to_pfn(pages[from + n - 1]) + 1) {
    length += PAGE_SIZE;
    n++;
  }
  return n;
}

/* One entry for each run of adjacent pages, at most `max_segment` bytes long. */
int sg_alloc_table_from_pages_segment(struct sg_table *table, struct page **pages, unsigned int count,
                                      unsigned int offset, unsigned long size, unsigned int max_segment, gfp_t gfp) {
  unsigned int entries = 0, i, first_offset = offset;
  struct scatterlist *sg;
  int error;

  max_segment = ALIGN_DOWN(max_segment, PAGE_SIZE);
#line KOI_LINE(456, 470) "lib/scatterlist.c"
  if (WARN_ON(max_segment < PAGE_SIZE)) return -EINVAL;
  for (i = 0; i < count; i += scatterlist_run(pages, i, count, 0, max_segment)) entries++;
  error = sg_alloc_table(table, entries, gfp);
  if (error) return error;
  sg = table->sgl;
  for (i = 0; i < count; sg = sg_next(sg)) {
    unsigned int run = scatterlist_run(pages, i, count, 0, max_segment);
    unsigned long room = ((unsigned long)run << PAGE_SHIFT) - first_offset;

    sg_set_page(sg, pages[i], min(size, room), first_offset);
    size -= min(size, room);
    first_offset = 0;
    i += run;
  }
  return 0;
}

/* ---- pages of a list ---- */

void __sg_page_iter_start(struct sg_page_iter *iter, struct scatterlist *sgl, unsigned int count,
                          unsigned long page_offset) {
  iter->__pg_advance = 0;
  iter->__nents = count;
  iter->sg = sgl;
  iter->sg_pgoffset = page_offset;
}

/* Steps over whole entries until the page offset lies in one whose size in pages is `pages_of`. */
static bool scatterlist_next_page(struct sg_page_iter *iter, bool dma) {
  if (!iter->__nents || !iter->sg) return false;
  iter->sg_pgoffset += iter->__pg_advance;
  iter->__pg_advance = 1;
  for (;;) {
    struct scatterlist *sg = iter->sg;
    unsigned int pages = PAGE_ALIGN(dma ? sg->offset + sg_dma_len(sg) : sg->offset + sg->length) >> PAGE_SHIFT;

    if (iter->sg_pgoffset < pages) return true;
    iter->sg_pgoffset -= pages;
    iter->sg = sg_next(sg);
    if (!--iter->__nents || !iter->sg) return false;
  }
}

bool __sg_page_iter_next(struct sg_page_iter *iter) { return scatterlist_next_page(iter, false); }
bool __sg_page_iter_dma_next(struct sg_dma_page_iter *iter) { return scatterlist_next_page(&iter->base, true); }

/* ---- mapped pieces ---- */

void sg_miter_start(struct sg_mapping_iter *miter, struct scatterlist *sgl, unsigned int count, unsigned int flags) {
  *miter = (struct sg_mapping_iter){.__flags = flags};
  __sg_page_iter_start(&miter->piter, sgl, count, 0);
#line KOI_LINE(792, 807) "lib/scatterlist.c"
  WARN_ON(!(flags & (SG_MITER_TO_SG | SG_MITER_FROM_SG)));
}

/* Makes the state point at a page with bytes left: those of the entry that lie in this page. */
static bool scatterlist_miter_page(struct sg_mapping_iter *miter) {
  struct sg_page_iter *at = &miter->piter;
  unsigned long begin, end, page_end; /* from the start of the entry's first page */

  if (miter->__remaining) return true;
  if (!__sg_page_iter_next(at)) return false;
  begin = at->sg_pgoffset ? (unsigned long)at->sg_pgoffset << PAGE_SHIFT : at->sg->offset;
  end = (unsigned long)at->sg->offset + at->sg->length;
  page_end = (begin & PAGE_MASK) + PAGE_SIZE;
  at->sg_pgoffset = begin >> PAGE_SHIFT; /* the offset alone may lead past whole pages */
  miter->__offset = offset_in_page(begin);
  miter->__remaining = (end < page_end ? end : page_end) - begin;
  return true;
}

static void scatterlist_miter_take(struct sg_mapping_iter *miter, unsigned int bytes) {
  miter->__offset += bytes;
  miter->__remaining -= bytes;
}

/* Skips bytes before the first or between two pieces; false when the list ends first. */
bool sg_miter_skip(struct sg_mapping_iter *miter, off_t offset) {
  off_t left, step;

  sg_miter_stop(miter);
  for (left = offset; left; left -= step) {
    if (!scatterlist_miter_page(miter)) return false;
    step = left < (off_t)miter->__remaining ? left : (off_t)miter->__remaining;
    scatterlist_miter_take(miter, step);
  }
  return true;
}

bool sg_miter_next(struct sg_mapping_iter *miter) {
  void *mapped;

  sg_miter_stop(miter);
  if (!scatterlist_miter_page(miter)) return false;
  miter->page = sg_page_iter_page(&miter->piter);
  mapped = miter->__flags & SG_MITER_ATOMIC ? kmap_atomic(miter->page) : kmap(miter->page);
  miter->addr = mapped + miter->__offset;
  miter->length = miter->__remaining;
  miter->consumed = miter->length;
  return true;
}

/* Ends the current piece; what its user left unconsumed comes again. */
void sg_miter_stop(struct sg_mapping_iter *miter) {
#line KOI_LINE(911, 926) "lib/scatterlist.c"
  WARN_ON(miter->consumed > miter->length);
  if (!miter->addr) return;
  scatterlist_miter_take(miter, miter->consumed);
  if (miter->__flags & SG_MITER_ATOMIC) {
#line KOI_LINE(922, 937) "lib/scatterlist.c"
    WARN_ON_ONCE(!pagefault_disabled());
    kunmap_atomic(miter->addr);
  } else {
    kunmap(miter->page);
  }
  miter->consumed = miter->length = 0;
  miter->addr = NULL;
  miter->page = NULL;
}

/* ---- copying ---- */

/* What to do with each piece; the buffer advances with them. */
enum scatterlist_copy { SCATTERLIST_TO_BUFFER, SCATTERLIST_FROM_BUFFER, SCATTERLIST_ZERO };

static size_t scatterlist_copy(struct scatterlist *sgl, unsigned int count, char *buffer, size_t size, off_t skip,
                               enum scatterlist_copy what) {
  struct sg_mapping_iter miter;
  size_t done = 0;

  sg_miter_start(&miter, sgl, count, SG_MITER_ATOMIC | (what == SCATTERLIST_TO_BUFFER ? SG_MITER_FROM_SG : SG_MITER_TO_SG));
  if (!sg_miter_skip(&miter, skip)) return 0;
  while (done < size && sg_miter_next(&miter)) {
    size_t piece = min(miter.length, size - done);

    if (what == SCATTERLIST_TO_BUFFER)
      memcpy(buffer + done, miter.addr, piece);
    else if (what == SCATTERLIST_FROM_BUFFER)
      memcpy(miter.addr, buffer + done, piece);
    else
      memset(miter.addr, 0, piece);
    done += piece;
  }
  sg_miter_stop(&miter);
  return done;
}

size_t sg_copy_buffer(struct scatterlist *sgl, unsigned int count, void *buffer, size_t size, off_t skip,
                      bool to_buffer) {
  return scatterlist_copy(sgl, count, buffer, size, skip, to_buffer ? SCATTERLIST_TO_BUFFER : SCATTERLIST_FROM_BUFFER);
}

size_t sg_copy_from_buffer(struct scatterlist *sgl, unsigned int count, const void *buffer, size_t size) {
  return scatterlist_copy(sgl, count, (void *)buffer, size, 0, SCATTERLIST_FROM_BUFFER);
}

size_t sg_copy_to_buffer(struct scatterlist *sgl, unsigned int count, void *buffer, size_t size) {
  return scatterlist_copy(sgl, count, buffer, size, 0, SCATTERLIST_TO_BUFFER);
}

size_t sg_pcopy_from_buffer(struct scatterlist *sgl, unsigned int count, const void *buffer, size_t size, off_t skip) {
  return scatterlist_copy(sgl, count, (void *)buffer, size, skip, SCATTERLIST_FROM_BUFFER);
}

size_t sg_pcopy_to_buffer(struct scatterlist *sgl, unsigned int count, void *buffer, size_t size, off_t skip) {
  return scatterlist_copy(sgl, count, buffer, size, skip, SCATTERLIST_TO_BUFFER);
}

size_t sg_zero_buffer(struct scatterlist *sgl, unsigned int count, size_t size, off_t skip) {
  return scatterlist_copy(sgl, count, NULL, size, skip, SCATTERLIST_ZERO);
}
