/* SPDX-License-Identifier: GPL-2.0-only */
/* Small misuses and their correct look-alikes: "what" names one; tests/system/corpus.tsv says what koi has to say of each. */
#ifndef CORPUS_H
#define CORPUS_H

#include <linux/module.h>

static char *what = "none";
module_param(what, charp, 0444);

struct corpus_case {
	const char *name;
	void (*run)(void);
};

/* What rmmod is to do. */
static void (*corpus_at_exit)(void);

#define CASE(name) static void name(void)
#define ROW(name) { #name, name }

#define CORPUS(rows)							\
static int __init corpus_init(void)					\
{									\
	unsigned int i;							\
									\
	for (i = 0; i < ARRAY_SIZE(rows); i++) {			\
		if (strcmp(rows[i].name, what))				\
			continue;					\
		pr_info("corpus: %s begins\n", what);			\
		rows[i].run();						\
		pr_info("corpus: %s is done\n", what);			\
		return 0;						\
	}								\
	return -EINVAL;							\
}									\
static void __exit corpus_exit(void)					\
{									\
	if (corpus_at_exit)						\
		corpus_at_exit();					\
}									\
module_init(corpus_init);						\
module_exit(corpus_exit);						\
MODULE_LICENSE("GPL")

#endif
