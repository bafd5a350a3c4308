// SPDX-License-Identifier: GPL-2.0-only
/* Integer mathematics: divisors, powers, roots, reciprocals, fractions. */
#include "lib.h"

#include <linux/gcd.h>
#include <linux/lcm.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/rational.h>
#include <linux/reciprocal_div.h>

unsigned long gcd(unsigned long a, unsigned long b) {
  while (b) {
    unsigned long rest = a % b;

    a = b;
    b = rest;
  }
  return a;
}

unsigned long lcm(unsigned long a, unsigned long b) { return a && b ? a / gcd(a, b) * b : 0; }

unsigned long lcm_not_zero(unsigned long a, unsigned long b) {
  unsigned long multiple = lcm(a, b);

  return multiple ? multiple : (b ? b : a);
}

u64 int_pow(u64 base, unsigned int exponent) {
  u64 result = 1;

  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

/* floor(sqrt(x)), a bit at a time from the top. */
unsigned long int_sqrt(unsigned long x) {
  unsigned long root = 0, bit;

  if (x <= 1) return x;
  for (bit = 1UL << (__fls(x) & ~1UL); bit; bit >>= 2) {
    unsigned long trial = root + bit;

    root >>= 1;
    if (x >= trial) {
      x -= trial;
      root += bit;
    }
  }
  return root;
}

u32 iter_div_u64_rem(u64 dividend, u32 divisor, u64 *rest) { return __iter_div_u64_rem(dividend, divisor, rest); }

/*
 * Division by an invariant integer using multiplication: Granlund and Montgomery (PLDI 1994), figure 4.1. A divisor of
 * zero is a division error here, as in the kernel.
 */
struct reciprocal_value reciprocal_value(u32 divisor) {
  struct reciprocal_value r;
  int l = fls(divisor - 1);
  u64 m = (1ULL << 32) * ((1ULL << l) - divisor);

  do_div(m, divisor);
  r.m = (u32)(m + 1);
  r.sh1 = l < 1 ? l : 1;
  r.sh2 = l > 1 ? l - 1 : 0;
  return r;
}

/* The same with the precision the dividend needs: figure 6.2 there. */
struct reciprocal_value_adv reciprocal_value_adv(u32 divisor, u8 precision) {
  struct reciprocal_value_adv r;
  u32 l = fls(divisor - 1), shift = l;
  u64 low = 1ULL << (32 + l), high;

#line KOI_LINE(47, 47) "lib/math/reciprocal_div.c"
  WARN(l == 32, "ceil(log2(0x%08x)) == 32, %s doesn't support such divisor", divisor, __func__);
  do_div(low, divisor);
  high = (1ULL << (32 + l)) + (1ULL << (32 + l - precision));
  do_div(high, divisor);
  for (; shift > 0; shift--) {
    u64 half_low = low >> 1, half_high = high >> 1;

    if (half_low >= half_high) break;
    low = half_low;
    high = half_high;
  }
  r.m = (u32)high;
  r.sh = shift;
  r.exp = l;
  r.is_wide_m = high > U32_MAX;
  return r;
}

/* ---- the best approximation of a fraction within limits ---- */

/* 1/0 is the infinity that a continued fraction begins with. */
struct rational {
  unsigned long top, bottom;
};

/* From two neighbours in a continued fraction, the older one first: the one that comes after `times` of the newer. */
static struct rational rational_after(struct rational older, struct rational newer, unsigned long times) {
  struct rational next = {older.top + times * newer.top, older.bottom + times * newer.bottom};

  return next;
}

/* The most times that keep rational_after() within the limits. */
static unsigned long rational_room(struct rational older, struct rational newer, struct rational limit) {
  unsigned long by_top = newer.top ? (limit.top - older.top) / newer.top : ULONG_MAX;
  unsigned long by_bottom = newer.bottom ? (limit.bottom - older.bottom) / newer.bottom : ULONG_MAX;

  return by_top < by_bottom ? by_top : by_bottom;
}

/*
 * The convergents of the continued fraction, until one passes a limit. Then the part of its term that fits gives a
 * semiconvergent, which is nearer than the last convergent if it has more than half of the term; at exactly half the
 * remainders decide.
 */
void rational_best_approximation(unsigned long numerator, unsigned long denominator, unsigned long max_numerator,
                                 unsigned long max_denominator, unsigned long *best_numerator,
                                 unsigned long *best_denominator) {
  const struct rational limit = {max_numerator, max_denominator};
  struct rational older = {0, 1}, newer = {1, 0}, next;
  unsigned long dividend = numerator, divisor = denominator;

  while (divisor) {
    unsigned long term = dividend / divisor, rest = dividend % divisor, room;
    bool nearer;

    next = rational_after(older, newer, term);
    if (next.top > limit.top || next.bottom > limit.bottom) {
      room = rational_room(older, newer, limit);
      nearer = 2 * room == term ? older.bottom * divisor > newer.bottom * rest : 2 * room > term;
      if (nearer || !newer.bottom) newer = rational_after(older, newer, room);
      break;
    }
    older = newer;
    newer = next;
    dividend = divisor;
    divisor = rest;
  }
  *best_numerator = newer.top;
  *best_denominator = newer.bottom;
}
