// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks that <linux/list.h> calls before it links or unlinks an entry, with the kernel's words. With
 * BUG_ON_DATA_CORRUPTION, which the distributions set, a corrupt list is a BUG, otherwise a WARN.
 */
#include "lib.h"

#include <linux/list.h>
#include <linux/poison.h>
#if defined(CONFIG_LIST_HARDENED) || defined(CONFIG_DEBUG_LIST)

/* The names changed when the check proper moved into an inline function of the header. */
#ifdef CONFIG_LIST_HARDENED
#define LIST_DEBUG_ADD __list_add_valid_or_report
#define LIST_DEBUG_DEL __list_del_entry_valid_or_report
#define LIST_DEBUG_LINE(old, new) new
#define LIST_DEBUG_BODY(name) name
#else
#define LIST_DEBUG_ADD __list_add_valid
#define LIST_DEBUG_DEL __list_del_entry_valid
#define LIST_DEBUG_LINE(old, new) old
/* There the compiler has split what finds the corruption off; the function jumps to it. */
#define LIST_DEBUG_COLD
#define LIST_DEBUG_BODY(name) name##_cold
#endif

/* The line of each check appears in the splat, so it is that of the kernel's file: (up to 6.5, later). */
#define LIST_DEBUG_AT(old, new) LIST_DEBUG_LINE(old, new) "lib/list_debug.c"

#ifdef LIST_DEBUG_COLD
static noinline bool __list_add_valid_cold(struct list_head *new, struct list_head *prev, struct list_head *next) asm("__list_add_valid.cold");
static noinline bool __list_del_entry_valid_cold(struct list_head *entry) asm("__list_del_entry_valid.cold");

bool koi_tail __list_add_valid(struct list_head *new, struct list_head *prev, struct list_head *next) {
  if (likely(prev && next && next->prev == prev && prev->next == next && new != prev && new != next)) return true;
  return __list_add_valid_cold(new, prev, next);
}

bool koi_tail __list_del_entry_valid(struct list_head *entry) {
  struct list_head *prev = entry->prev, *next = entry->next;

  if (likely(next && prev && next != LIST_POISON1 && prev != LIST_POISON2 && prev->next == entry && next->prev == entry)) return true;
  return __list_del_entry_valid_cold(entry);
}
#define LIST_DEBUG_KIND static noinline
#else
#define LIST_DEBUG_KIND
#endif
#define LIST_DEBUG_NAME(name) LIST_DEBUG_BODY(name)

LIST_DEBUG_KIND bool LIST_DEBUG_NAME(LIST_DEBUG_ADD)(struct list_head *new, struct list_head *prev, struct list_head *next) {
#line LIST_DEBUG_AT(23, 25)
  if (CHECK_DATA_CORRUPTION(!prev, "list_add corruption. prev is NULL.\n")) return false;
#line LIST_DEBUG_AT(25, 27)
  if (CHECK_DATA_CORRUPTION(!next, "list_add corruption. next is NULL.\n")) return false;
#line LIST_DEBUG_AT(27, 29)
  if (CHECK_DATA_CORRUPTION(next->prev != prev, "list_add corruption. next->prev should be prev (%px), but was %px. (next=%px).\n", prev, next->prev, next)) return false;
#line LIST_DEBUG_AT(30, 32)
  if (CHECK_DATA_CORRUPTION(prev->next != next, "list_add corruption. prev->next should be next (%px), but was %px. (prev=%px).\n", next, prev->next, prev)) return false;
#line LIST_DEBUG_AT(33, 35)
  if (CHECK_DATA_CORRUPTION(new == prev || new == next, "list_add double add: new=%px, prev=%px, next=%px.\n", new, prev, next)) return false;
  return true;
}

LIST_DEBUG_KIND bool LIST_DEBUG_NAME(LIST_DEBUG_DEL)(struct list_head *entry) {
  struct list_head *prev = entry->prev, *next = entry->next;

#line LIST_DEBUG_AT(49, 52)
  if (CHECK_DATA_CORRUPTION(!next, "list_del corruption, %px->next is NULL\n", entry)) return false;
#line LIST_DEBUG_AT(51, 54)
  if (CHECK_DATA_CORRUPTION(!prev, "list_del corruption, %px->prev is NULL\n", entry)) return false;
#line LIST_DEBUG_AT(53, 56)
  if (CHECK_DATA_CORRUPTION(next == LIST_POISON1, "list_del corruption, %px->next is LIST_POISON1 (%px)\n", entry, LIST_POISON1)) return false;
#line LIST_DEBUG_AT(56, 59)
  if (CHECK_DATA_CORRUPTION(prev == LIST_POISON2, "list_del corruption, %px->prev is LIST_POISON2 (%px)\n", entry, LIST_POISON2)) return false;
#line LIST_DEBUG_AT(59, 62)
  if (CHECK_DATA_CORRUPTION(prev->next != entry, "list_del corruption. prev->next should be %px, but was %px. (prev=%px)\n", entry, prev->next, prev)) return false;
#line LIST_DEBUG_AT(62, 65)
  if (CHECK_DATA_CORRUPTION(next->prev != entry, "list_del corruption. next->prev should be %px, but was %px. (next=%px)\n", entry, next->prev, next)) return false;
  return true;
}
#endif
