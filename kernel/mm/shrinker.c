// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shrinkers. The page allocator's slow path asks them by way of C++ (koi_run_shrinkers()), harder from round to round;
 * a write to /proc/sys/vm/drop_caches asks for everything (koi_drop_slab()).
 */
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

/* Counters of /proc/vmstat, for C++ too: runtime::VmEvent. */
enum { KOI_SLABS_SCANNED = 0, KOI_VM_EVENTS = 16 };
unsigned long koi_vm_events[KOI_VM_EVENTS];

static LIST_HEAD(koi_shrinkers);
static DEFINE_MUTEX(koi_shrinker_mutex);
static bool koi_shrinking;

/* What one call after another left undone, for each node. */
static int shrinker_prepare(struct shrinker *s)
{
	const unsigned int nodes = s->flags & SHRINKER_NUMA_AWARE ? nr_node_ids : 1;

	s->nr_deferred = kcalloc(nodes, sizeof(*s->nr_deferred), GFP_KERNEL);
	return s->nr_deferred ? 0 : -ENOMEM;
}

static void shrinker_list_add(struct shrinker *s)
{
	mutex_lock(&koi_shrinker_mutex);
	list_add_tail(&s->list, &koi_shrinkers);
	s->flags |= SHRINKER_REGISTERED;
	mutex_unlock(&koi_shrinker_mutex);
}

static void shrinker_list_del(struct shrinker *s)
{
	mutex_lock(&koi_shrinker_mutex);
	list_del(&s->list);
	s->flags &= ~SHRINKER_REGISTERED;
	mutex_unlock(&koi_shrinker_mutex);
}

/* How many objects are due: a share of what there is, by priority and by what it costs to make them again. */
static unsigned long shrinker_share(struct shrinker *s, unsigned long freeable, int priority)
{
	if (!s->seeks)
		return freeable / 2;
	return (freeable >> priority) * 4 / s->seeks;
}

static unsigned long shrinker_run(struct shrinker *s, struct shrink_control *sc, int priority)
{
	const unsigned long batch = s->batch ? s->batch : 128;
	const int nid = s->flags & SHRINKER_NUMA_AWARE ? sc->nid : 0;
	unsigned long freeable, due, share, deferred, freed = 0, scanned = 0;

	freeable = s->count_objects(s, sc);
	if (freeable == 0 || freeable == SHRINK_EMPTY)
		return freeable;
	deferred = atomic_long_xchg(&s->nr_deferred[nid], 0);
	share = shrinker_share(s, freeable, priority);
	due = min((deferred >> priority) + share, 2 * freeable);
	while (due >= batch || due >= freeable) {
		unsigned long answer;

		sc->nr_to_scan = sc->nr_scanned = min(batch, due);
		answer = s->scan_objects(s, sc);
		if (answer == SHRINK_STOP)
			break;
		freed += answer;
		koi_vm_events[KOI_SLABS_SCANNED] += sc->nr_scanned;
		scanned += sc->nr_scanned;
		due -= min(due, sc->nr_scanned);
		cond_resched();
	}
	deferred = deferred + share > scanned ? deferred + share - scanned : 0;
	atomic_long_add(min(deferred, 2 * freeable), &s->nr_deferred[nid]);
	return freed;
}

/* All shrinkers once, for each node. Priority 12: a 4096th of what they have; 0: all of it. */
static unsigned long shrinkers_run(gfp_t gfp, int priority)
{
	unsigned long freed = 0;
	struct shrinker *s, *next;
	int nid;

	if (koi_shrinking)	/* a shrinker allocates */
		return 0;
	koi_shrinking = true;
	for_each_online_node(nid) {
		list_for_each_entry_safe(s, next, &koi_shrinkers, list) {
			struct shrink_control sc = {
				.gfp_mask = gfp, .nid = s->flags & SHRINKER_NUMA_AWARE ? nid : 0,
			};
			const unsigned long answer = shrinker_run(s, &sc, priority);

			if (answer != SHRINK_EMPTY)
				freed += answer;
		}
	}
	koi_shrinking = false;
	return freed;
}

/* For C++: in reclaim, where the one who runs reclaims no more for what it allocates. */
unsigned long koi_run_shrinkers(gfp_t gfp, int priority)
{
	const unsigned int scope = memalloc_noreclaim_save();
	const unsigned long freed = shrinkers_run(gfp, priority);

	memalloc_noreclaim_restore(scope);
	return freed;
}

/* Everything, round after round, for as long as it pays; less and less is enough to stop. */
void koi_drop_slab(void)
{
	int shift = 0;
	unsigned long freed;

	do {
		if (fatal_signal_pending(current))
			return;
		freed = shrinkers_run(GFP_KERNEL, 0);
	} while (freed >> shift++ > 1);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
struct shrinker *shrinker_alloc(unsigned int flags, const char *fmt, ...)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->flags = flags | SHRINKER_ALLOCATED;
	s->seeks = DEFAULT_SEEKS;
	if (!shrinker_prepare(s))
		return s;
	kfree(s);
	return NULL;
}

void shrinker_register(struct shrinker *s)
{
	if (unlikely(!(s->flags & SHRINKER_ALLOCATED))) {
		pr_warn("Must use shrinker_alloc() to dynamically allocate the shrinker");
		return;
	}
	shrinker_list_add(s);
}

void shrinker_free(struct shrinker *s)
{
	if (!s)
		return;
	if (s->flags & SHRINKER_REGISTERED)
		shrinker_list_del(s);
	kfree(s->nr_deferred);
	kfree(s);
}
#else
int register_shrinker(struct shrinker *s, const char *fmt, ...)
{
	const int error = shrinker_prepare(s);

	if (!error)
		shrinker_list_add(s);
	return error;
}

void unregister_shrinker(struct shrinker *s)
{
	if (!(s->flags & SHRINKER_REGISTERED))
		return;
	shrinker_list_del(s);
	kfree(s->nr_deferred);
	s->nr_deferred = NULL;
}

void synchronize_shrinkers(void)
{
}
#endif
