// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversions between jiffies, clock ticks of user space, seconds and calendar dates (<linux/jiffies.h>,
 * <linux/time64.h>). None of them reads a clock. HZ divides 1000 in every kernel koi serves.
 */
#include "lib.h"

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/time.h>
#include <linux/time64.h>

#if MSEC_PER_SEC % HZ || USEC_PER_SEC % HZ
#error "HZ must divide 1000"
#endif

#define TIME_MS_PER_JIFFY (MSEC_PER_SEC / HZ)
#define TIME_US_PER_JIFFY (USEC_PER_SEC / HZ)
#define TIME_NS_PER_JIFFY (NSEC_PER_SEC / HZ)

/* ---- to jiffies, rounding up; a negative or too large span is the longest one ---- */

unsigned long __msecs_to_jiffies(const unsigned int ms) {
  if ((int)ms < 0) return MAX_JIFFY_OFFSET;
  return DIV_ROUND_UP((unsigned long)ms, TIME_MS_PER_JIFFY);
}

unsigned long __usecs_to_jiffies(const unsigned int us) {
  if (us > jiffies_to_usecs(MAX_JIFFY_OFFSET)) return MAX_JIFFY_OFFSET;
  return DIV_ROUND_UP((unsigned long)us, TIME_US_PER_JIFFY);
}

/* These two round down: they serve accounting, not timeouts. */
u64 nsecs_to_jiffies64(u64 ns) { return div_u64(ns, TIME_NS_PER_JIFFY); }
unsigned long nsecs_to_jiffies(u64 ns) { return nsecs_to_jiffies64(ns); }

/* In the header's fixed-point arithmetic, whose last digit is not always that of a division. */
unsigned long timespec64_to_jiffies(const struct timespec64 *value) {
  u64 sec = value->tv_sec;
  u64 ns = (u64)value->tv_nsec + TICK_NSEC - 1;

  if (sec >= MAX_SEC_IN_JIFFIES) {
    sec = MAX_SEC_IN_JIFFIES;
    ns = 0;
  }
  return (sec * SEC_CONVERSION + (ns * NSEC_CONVERSION >> (NSEC_JIFFIE_SC - SEC_JIFFIE_SC))) >> SEC_JIFFIE_SC;
}

unsigned long clock_t_to_jiffies(unsigned long ticks) {
  if (ticks >= ~0UL / HZ * USER_HZ) return ~0UL;
  return div_u64((u64)ticks * HZ, USER_HZ);
}

/* ---- from jiffies ---- */

unsigned int jiffies_to_msecs(const unsigned long j) { return TIME_MS_PER_JIFFY * j; }
unsigned int jiffies_to_usecs(const unsigned long j) { return TIME_US_PER_JIFFY * j; }
u64 jiffies64_to_nsecs(u64 j) { return TIME_NS_PER_JIFFY * j; }
u64 jiffies64_to_msecs(u64 j) { return TIME_MS_PER_JIFFY * j; }

void jiffies_to_timespec64(const unsigned long j, struct timespec64 *value) {
  u32 rest;

  value->tv_sec = div_u64_rem((u64)j * TICK_NSEC, NSEC_PER_SEC, &rest);
  value->tv_nsec = rest;
}

u64 jiffies_64_to_clock_t(u64 j) { return div_u64(j * TICK_NSEC, NSEC_PER_SEC / USER_HZ); }
clock_t jiffies_to_clock_t(unsigned long j) { return div_u64((u64)j * TICK_NSEC, NSEC_PER_SEC / USER_HZ); }

/* ---- seconds and nanoseconds ---- */

/* Floors: -1 ns is one second before, and 999,999,999 ns. */
struct timespec64 ns_to_timespec64(const s64 ns) {
  struct timespec64 value;
  s64 sec = ns / (s64)NSEC_PER_SEC, rest = ns % (s64)NSEC_PER_SEC;

  if (rest < 0) {
    sec--;
    rest += NSEC_PER_SEC;
  }
  value.tv_sec = sec;
  value.tv_nsec = rest;
  return value;
}

struct __kernel_old_timeval ns_to_kernel_old_timeval(s64 ns) {
  struct timespec64 value = ns_to_timespec64(ns);
  struct __kernel_old_timeval result = {.tv_sec = value.tv_sec, .tv_usec = value.tv_nsec / 1000};

  return result;
}

void set_normalized_timespec64(struct timespec64 *value, time64_t sec, s64 ns) {
  for (; ns >= NSEC_PER_SEC; sec++) {
    ns -= NSEC_PER_SEC;
    lib_hide(ns);
  }
  for (; ns < 0; sec--) {
    ns += NSEC_PER_SEC;
    lib_hide(ns);
  }
  value->tv_sec = sec;
  value->tv_nsec = ns;
}

/* An addition that overflows, or ends before the epoch, is the end of time. */
ktime_t ktime_add_safe(const ktime_t a, const ktime_t b) {
  ktime_t sum = (ktime_t)((u64)a + (u64)b);

  return sum < 0 || sum < a || sum < b ? ktime_set(KTIME_SEC_MAX, 0) : sum;
}

/* ---- the calendar ---- */

/* Days from 1970-01-01 to the first of March of year 0 of the shifted calendar, in which a year begins in March. */
#define TIME_DAYS_TO_EPOCH 719468

/* Months may be out of range by a year; the Gregorian calendar is used throughout. */
time64_t mktime64(const unsigned int year, const unsigned int month, const unsigned int day, const unsigned int hour,
                  const unsigned int minute, const unsigned int second) {
  /* The year begins in March, so that the leap day is its last. */
  int shifted = (int)month - 3;
  s64 y = year;
  s64 days;

  if (shifted < 0) {
    shifted += 12;
    y--;
  }
  days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * shifted + 2) / 5 + (s64)day - 1 - TIME_DAYS_TO_EPOCH;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

void time64_to_tm(time64_t seconds, int offset, struct tm *result) {
  static const u16 days_before_month[2][12] = {{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334},
                                                {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335}};
  s64 days, rest, era, year;
  u32 day_of_era, year_of_era, day_of_year, shifted, leap;

  days = div_s64(seconds, 86400);
  rest = seconds - days * 86400 + offset;
  while (rest < 0) {
    rest += 86400;
    days--;
    lib_hide(rest);
  }
  while (rest >= 86400) {
    rest -= 86400;
    days++;
    lib_hide(rest);
  }
  result->tm_hour = rest / 3600;
  result->tm_min = rest / 60 % 60;
  result->tm_sec = rest % 60;
  result->tm_wday = (days % 7 + 11) % 7; /* the epoch was a Thursday */

  /* 400-year eras, then the years and days of the shifted calendar in the era. */
  days += TIME_DAYS_TO_EPOCH;
  era = div_s64(days >= 0 ? days : days - 146096, 146097);
  day_of_era = days - era * 146097;
  year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  shifted = (5 * day_of_year + 2) / 153;
  year = era * 400 + year_of_era + (shifted >= 10);
  result->tm_mday = day_of_year - (153 * shifted + 2) / 5 + 1;
  result->tm_mon = shifted < 10 ? shifted + 2 : shifted - 10;
  leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  result->tm_yday = days_before_month[leap][result->tm_mon] + result->tm_mday - 1;
  result->tm_year = year - 1900;
}
