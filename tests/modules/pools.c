// SPDX-License-Identifier: GPL-2.0-only
/* A memory pool whose allocator can be told to fail: the reserve, who waits for it, and how it fills up again. */
#include <linux/jiffies.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

static bool fail;
static int live;
static mempool_t *pool;
static void *given_back_later;

static void *take(gfp_t gfp, void *data)
{
	void *element = fail ? NULL : kmalloc((long)data, gfp);

	live += element != NULL;
	return element;
}

static void give(void *element, void *data)
{
	live--;
	kfree(element);
}

static void give_back(struct timer_list *timer)
{
	mempool_free(given_back_later, pool);
}
static DEFINE_TIMER(timer, give_back);

static int __init pools_init(void)
{
	void *elements[5] = { NULL };
	unsigned long began;
	int i, result;

	pool = mempool_create(3, take, give, (void *)64L);
	if (!pool)
		return -ENOMEM;
	pr_info("reserve %d of %d, live %d\n", pool->curr_nr, pool->min_nr, live);
	elements[0] = mempool_alloc(pool, GFP_KERNEL);
	pr_info("allocator first: reserve %d, live %d\n", pool->curr_nr, live);
	fail = true;
	for (i = 1; i < 5; i++)
		elements[i] = mempool_alloc(pool, GFP_NOWAIT);
	pr_info("reserve used up: %d left, fourth is NULL: %d\n", pool->curr_nr, !elements[4]);
	given_back_later = elements[1];
	began = jiffies;
	mod_timer(&timer, jiffies + HZ / 10);
	elements[1] = mempool_alloc(pool, GFP_NOIO);
	pr_info("waited %u ms for %s\n", jiffies_to_msecs(jiffies - began),
		elements[1] == given_back_later ? "the element given back" : "another one");
	for (i = 0; i < 4; i++)
		mempool_free(elements[i], pool);
	pr_info("all given back: reserve %d, live %d\n", pool->curr_nr, live);
	fail = false;
	result = mempool_resize(pool, 5);
	pr_info("grown: %d, reserve %d\n", result, pool->curr_nr);
	result = mempool_resize(pool, 1);
	pr_info("shrunk: %d, reserve %d, live %d\n", result, pool->curr_nr, live);
	mempool_destroy(pool);
	pr_info("destroyed: live %d\n", live);
	return 0;
}

static void __exit pools_exit(void)
{
}

module_init(pools_init);
module_exit(pools_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Memory pools");
