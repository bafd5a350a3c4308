// SPDX-License-Identifier: GPL-2.0-only
/* Shrinkers: asked for memory when the page allocator has none left. C++ calls koi_run_shrinkers() before it gives up. */
#include <linux/shrinker.h>

static LIST_HEAD(koi_shrinkers);
static bool koi_shrinking;

static void shrinker_list_add(struct shrinker *s)
{
	list_add_tail(&s->list, &koi_shrinkers);
	s->flags |= SHRINKER_REGISTERED;
}

static void shrinker_list_del(struct shrinker *s)
{
	if (!(s->flags & SHRINKER_REGISTERED))
		return;
	list_del(&s->list);
	s->flags &= ~SHRINKER_REGISTERED;
}

/* One shrinker, in batches, as much as it says that it has. */
static void shrinker_run(struct shrinker *s, gfp_t gfp)
{
	struct shrink_control sc = { .gfp_mask = gfp, .nid = 0 };
	unsigned long batch = s->batch ? s->batch : 128;
	unsigned long count = s->count_objects(s, &sc);

	if (count == 0 || count == SHRINK_EMPTY)
		return;
	while (count) {
		sc.nr_to_scan = sc.nr_scanned = min(batch, count);
		if (s->scan_objects(s, &sc) == SHRINK_STOP)
			break;
		count -= min(count, max(sc.nr_scanned, 1UL));
	}
}

void koi_run_shrinkers(gfp_t gfp)
{
	struct shrinker *s, *next;

	if (koi_shrinking)	/* a shrinker allocates */
		return;
	koi_shrinking = true;
	list_for_each_entry_safe(s, next, &koi_shrinkers, list)
		shrinker_run(s, gfp);
	koi_shrinking = false;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->flags = flags | SHRINKER_ALLOCATED;
	s->seeks = DEFAULT_SEEKS;
	return s;
}

void shrinker_register(struct shrinker *s)
{
	shrinker_list_add(s);
}

void shrinker_free(struct shrinker *s)
{
	if (!s)
		return;
	shrinker_list_del(s);
	kfree(s);
}
#else
int register_shrinker(struct shrinker *s, const char *fmt, ...)
{
	shrinker_list_add(s);
	return 0;
}

void unregister_shrinker(struct shrinker *s)
{
	shrinker_list_del(s);
}

void synchronize_shrinkers(void)
{
}
#endif
