// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table of flows, with three mistakes in it for koi to find:
 *
 *   - struct flow is a little larger than a kmalloc() class, so that each one wastes almost as much again;
 *   - flow_name() leaves no room for the terminating NUL: a name of 16 characters overflows its block by one byte;
 *   - flow_expire() forgets the name.
 *
 * The ring of each tenth flow is a fourth: kmalloc() rounds 20000 bytes up to 32768.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#define RING_BYTES 20000

static unsigned int flows = 200;
module_param(flows, uint, 0444);
MODULE_PARM_DESC(flows, "number of flows (default 200)");

static unsigned int expired = 10;
module_param(expired, uint, 0444);
MODULE_PARM_DESC(expired, "flows that expire before the module goes (default 10)");

struct flow {
	struct list_head list;
	unsigned int id;
	char *name;
	void *ring;
	u64 bytes[64];
	u64 packets[64];
};

static LIST_HEAD(table);
static unsigned int count;

static char *flow_name(const char *from)
{
	size_t length = strlen(from);
	char *name = kmalloc(length, GFP_KERNEL);

	if (!name)
		return NULL;
	memcpy(name, from, length);
	name[length] = '\0';
	return name;
}

static struct flow *flow_alloc(void)
{
	return kzalloc(sizeof(struct flow), GFP_KERNEL);
}

static void flow_free(struct flow *flow)
{
	kfree(flow);
}

static int flow_add(unsigned int id)
{
	struct flow *flow = flow_alloc();
	char text[32];

	if (!flow)
		return -ENOMEM;
	snprintf(text, sizeof(text), "10.0.%03u.%03u:443", id / 250, id % 250 + 1);
	flow->id = id;
	flow->name = flow_name(text);
	if (id % 10 == 0)
		flow->ring = kmalloc(RING_BYTES, GFP_KERNEL);
	if (!flow->name || (id % 10 == 0 && !flow->ring)) {
		kfree(flow->ring);
		kfree(flow->name);
		flow_free(flow);
		return -ENOMEM;
	}
	list_add_tail(&flow->list, &table);
	count++;
	return 0;
}

static void flow_drop(struct flow *flow)
{
	list_del(&flow->list);
	kfree(flow->ring);
	flow_free(flow);
	count--;
}

static void flow_expire(struct flow *flow)
{
	flow_drop(flow);
}

static void flow_remove(struct flow *flow)
{
	kfree(flow->name);
	flow_drop(flow);
}

static void table_clear(void)
{
	struct flow *flow, *next;

	list_for_each_entry_safe(flow, next, &table, list)
		flow_remove(flow);
}

static int __init flow_table_init(void)
{
	unsigned int id;
	int err;

	for (id = 0; id < flows; id++) {
		err = flow_add(id);
		if (err) {
			table_clear();
			return err;
		}
	}
	for (id = 0; id < expired && !list_empty(&table); id++)
		flow_expire(list_first_entry(&table, struct flow, list));
	pr_info("%u flows of %zu bytes, %u expired\n", count, sizeof(struct flow), id);
	return 0;
}

static void __exit flow_table_exit(void)
{
	table_clear();
}

module_init(flow_table_init);
module_exit(flow_table_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A table of flows with a leak, an overflow by one byte and a wasteful struct");
