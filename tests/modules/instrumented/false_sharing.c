// SPDX-License-Identifier: GPL-2.0-only
/* false_sharing.ko what=CASE: two kernel threads, each on a CPU of its own, count in memory of their own. In cases that end in _ok
 * each has a cache line of its own, too, or they take turns.
 */
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>

static char *what = "fields";
module_param(what, charp, 0444);
static int rounds = 500;
module_param(rounds, int, 0444);

struct traffic {
	u64 received;
	u64 sent;
	char name[16];
};

struct padded_traffic {
	u64 received;
	u64 sent ____cacheline_aligned_in_smp;
	char name[16];
};

struct slot {
	u32 hits;
	u32 misses;
};

struct table {
	struct list_head entries;
	spinlock_t lock;
	struct slot slots[2];
};

struct padded_slot {
	u32 hits;
	u32 misses;
} ____cacheline_aligned_in_smp;

static struct traffic totals ____cacheline_aligned_in_smp;
static struct padded_traffic padded_totals;
static struct padded_slot padded_slots[2];
static u64 numbers[8] ____cacheline_aligned_in_smp;
static DEFINE_PER_CPU(u64, percpu_count);
static struct traffic *traffic;
static struct table *table;
static struct slot *slots;
static u64 *many[64];
static u64 *pair[2];
static void *opaque;
static atomic_t done;

static void fields_body(long who)
{
	if (who)
		WRITE_ONCE(totals.sent, totals.sent + 1);
	else
		WRITE_ONCE(totals.received, totals.received + 1);
}

static void padded_body(long who)
{
	if (who)
		WRITE_ONCE(padded_totals.sent, padded_totals.sent + 1);
	else
		WRITE_ONCE(padded_totals.received, padded_totals.received + 1);
}

static void heap_body(long who)
{
	struct traffic *t = traffic;

	if (who)
		WRITE_ONCE(t->sent, t->sent + 1);
	else
		WRITE_ONCE(t->received, t->received + 1);
}

static void nested_body(long who)
{
	struct slot *mine = &table->slots[who];

	WRITE_ONCE(mine->hits, mine->hits + 1);
}

static void elements_body(long who)
{
	WRITE_ONCE(slots[who].misses, slots[who].misses + 1);
}

static void padded_elements_body(long who)
{
	WRITE_ONCE(padded_slots[who].misses, padded_slots[who].misses + 1);
}

static void numbers_body(long who)
{
	WRITE_ONCE(numbers[who], numbers[who] + 1);
}

static void neighbours_body(long who)
{
	WRITE_ONCE(*pair[who], *pair[who] + 1);
}

static void opaque_body(long who)
{
	u32 *word = opaque + 4 + who * 12;

	WRITE_ONCE(*word, *word + 1);
}

static void percpu_body(long who)
{
	this_cpu_inc(percpu_count);
}

static void same_field_body(long who)
{
	WRITE_ONCE(totals.sent, READ_ONCE(totals.sent) + 1);
}

/* One after the other. */
static void turns_body(long who)
{
	if (who && !atomic_read(&done))
		msleep(5);
	fields_body(who);
}

static const struct {
	const char *name;
	void (*body)(long who);
} cases[] = {
	{ "fields", fields_body },
	{ "heap", heap_body },
	{ "nested", nested_body },
	{ "elements", elements_body },
	{ "numbers", numbers_body },
	{ "neighbours", neighbours_body },
	{ "opaque", opaque_body },
	{ "padded_ok", padded_body },
	{ "padded_elements_ok", padded_elements_body },
	{ "percpu_ok", percpu_body },
	{ "same_field_ok", same_field_body },
	{ "turns_ok", turns_body },
};

static void (*body)(long who);

static int thread(void *data)
{
	long who = (long)data;
	int i;

	for (i = 0; i < rounds; i++)
		body(who);
	atomic_inc(&done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Two objects that happen to lie in one line. */
static void find_pair(void)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = kzalloc(sizeof(u64), GFP_KERNEL);
		for (j = 0; many[i] && j < i; j++) {
			if ((unsigned long)many[i] / L1_CACHE_BYTES == (unsigned long)many[j] / L1_CACHE_BYTES) {
				pair[0] = many[j];
				pair[1] = many[i];
			}
		}
	}
}

static int __init false_sharing_init(void)
{
	struct task_struct *t[2];
	long who;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!strcmp(cases[i].name, what))
			body = cases[i].body;
	if (!body)
		return -EINVAL;
	traffic = kzalloc(sizeof(*traffic), GFP_KERNEL);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	slots = kcalloc(2, sizeof(*slots), GFP_KERNEL);
	find_pair();
	opaque = kzalloc(40, GFP_KERNEL);
	if (!traffic || !table || !slots || !pair[0] || !pair[1] || !opaque)
		return -ENOMEM;
	/* Who sets it up is not who uses it. */
	strscpy(traffic->name, "eth0", sizeof(traffic->name));
	traffic->received = traffic->sent = totals.received = totals.sent = 0;
	for (who = 0; who < 2; who++) {
		t[who] = kthread_create(thread, (void *)who, "counter/%ld", who);
		if (IS_ERR(t[who]))
			return PTR_ERR(t[who]);
		kthread_bind(t[who], who);
	}
	wake_up_process(t[0]);
	wake_up_process(t[1]);
	while (atomic_read(&done) < 2)
		msleep(1);
	for (who = 0; who < 2; who++)
		kthread_stop(t[who]);
	return 0;
}

static void __exit false_sharing_exit(void)
{
	size_t i;

	kfree(opaque);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		kfree(many[i]);
	kfree(slots);
	kfree(table);
	kfree(traffic);
}

module_init(false_sharing_init);
module_exit(false_sharing_exit);
MODULE_DESCRIPTION("Counters that share, and do not share, a cache line");
MODULE_LICENSE("GPL");
