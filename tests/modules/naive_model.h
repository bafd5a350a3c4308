/* SPDX-License-Identifier: GPL-2.0-only */
/* Random operations beside a naive model: draws that are the same in each run, and a count of what differs. */
#ifndef NAIVE_MODEL_H
#define NAIVE_MODEL_H

#include <linux/printk.h>
#include <linux/types.h>

static unsigned int differences;
static u32 state = MODEL_SEED;

static u32 draw(u32 below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

#define SAME(what, got, want) do {							\
	u64 got_ = (u64)(got), want_ = (u64)(want);					\
	if (got_ != want_ && differences++ < 10)					\
		pr_info(KBUILD_MODNAME ": %s: %llu, not %llu\n", what, got_, want_);	\
} while (0)

#endif
