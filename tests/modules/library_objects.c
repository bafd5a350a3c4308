// SPDX-License-Identifier: GPL-2.0-only
/* Queues, lists that change while they are walked, and kobjects, beside naive models. */
#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/klist.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

#define MODEL_SEED 3
#include "naive_model.h"

/* ---- queues of bytes, and of records; the model is a long array ---- */
#define LONG 60000
static u8 bytes[LONG];
static u32 put, got;

static void try_elements(void)
{
	struct kfifo fifo;
	u8 text[80], back[80];
	u32 step, i, n, room;

	SAME("a size", kfifo_alloc(&fifo, 100, GFP_KERNEL), 0);
	SAME("rounded up", kfifo_size(&fifo), 128);
	for (step = 0; step < 1500 && put < LONG - 80; step++) {
		n = draw(80);
		if (draw(2)) {
			room = 128 - (put - got);
			for (i = 0; i < n; i++)
				text[i] = draw(256);
			SAME("put in", kfifo_in(&fifo, text, n), min(n, room));
			memcpy(bytes + put, text, min(n, room));
			put += min(n, room);
		} else {
			room = put - got;
			SAME("seen", kfifo_out_peek(&fifo, back, n), min(n, room));
			SAME("seen bytes", memcmp(back, bytes + got, min(n, room)), 0);
			memset(back, 0, sizeof(back));
			SAME("taken out", kfifo_out(&fifo, back, n), min(n, room));
			SAME("bytes", memcmp(back, bytes + got, min(n, room)), 0);
			got += min(n, room);
		}
		SAME("length", kfifo_len(&fifo), put - got);
	}
	kfifo_free(&fifo);
	SAME("freed", kfifo_initialized(&fifo), 0);
	SAME("too small", kfifo_init(&fifo, text, 1), -EINVAL);
	SAME("rounded down", kfifo_init(&fifo, text, 80) * 1000 + kfifo_size(&fifo), 64);
}

#define TRY_RECORDS(recsize) do {								\
	STRUCT_KFIFO_REC_##recsize(256) fifo;							\
	static u16 lengths[3000];								\
	static u8 data[400], back[400];								\
	u32 first = 0, last = 0, step, i, n, used = 0;						\
	INIT_KFIFO(fifo);									\
	for (step = 0; step < 3000; step++) {							\
		n = draw(8) ? 1 + draw(60) : 1 + draw(250);					\
		if (draw(2)) {									\
			bool fits = used + n + recsize <= 256;					\
			for (i = 0; i < n; i++)							\
				data[i] = last + i;						\
			SAME("a record", kfifo_in(&fifo, data, n), fits ? n : 0);		\
			if (fits) {								\
				lengths[last++] = n;						\
				used += n + recsize;						\
			}									\
		} else if (first < last) {							\
			u32 want = min_t(u32, n, lengths[first]);				\
			SAME("its length", kfifo_peek_len(&fifo), lengths[first]);		\
			if (draw(4) == 0) {							\
				kfifo_skip(&fifo);						\
			} else {								\
				SAME("peeked", kfifo_out_peek(&fifo, back, n), want);		\
				memset(back, 0, sizeof(back));					\
				SAME("read", kfifo_out(&fifo, back, n), want);			\
				for (i = 0; i < want; i++)					\
					SAME("a byte of it", back[i], (u8)(first + i));		\
			}									\
			used -= lengths[first++] + recsize;					\
		} else {									\
			SAME("no record", kfifo_out(&fifo, back, n), 0);			\
		}										\
		SAME("empty", kfifo_is_empty(&fifo), first == last);				\
	}											\
} while (0)

static noinline void try_records_1(void) { TRY_RECORDS(1); }
static noinline void try_records_2(void) { TRY_RECORDS(2); }

/* ---- klists: what is deleted under a walker stays until the walker has gone on ---- */
#define NODES 12
static struct klist_node nodes[NODES];
static int references[NODES];

static void list_get(struct klist_node *node) { references[node - nodes]++; }
static void list_put(struct klist_node *node) { references[node - nodes]--; }

static void try_klist(void)
{
	struct klist list;
	struct klist_iter iter;
	u32 round, i, deleted, seen, next;

	for (round = 0; round < 200; round++) {
		bool gone[NODES] = {};

		klist_init(&list, list_get, list_put);
		for (i = 0; i < NODES; i++) {	/* 0, 1, 2... however they come in */
			if (i > 1 && i == NODES - 1)
				klist_add_behind(&nodes[i], &nodes[i - 1]);
			else
				klist_add_tail(&nodes[i], &list);
		}
		klist_del(&nodes[0]);
		SAME("off at once", klist_node_attached(&nodes[0]), 0);
		klist_add_before(&nodes[0], &nodes[1]);
		klist_iter_init_node(&list, &iter, draw(2) ? &nodes[0] : NULL);
		next = iter.i_cur ? 1 : 0;
		seen = 0;
		while (true) {
			struct klist_node *node = klist_next(&iter);

			for (; next < NODES && gone[next]; next++)
				;
			SAME("the next node", node ? node - nodes : NODES, next);
			if (!node || next >= NODES)
				break;
			seen++;
			deleted = draw(3) ? next : draw(NODES);
			if (draw(2) && !gone[deleted]) {
				gone[deleted] = true;
				klist_del(&nodes[deleted]);
				SAME("held by the walker", klist_node_attached(&nodes[deleted]), deleted == next);
				SAME("and referred to", references[deleted], deleted == next);
			}
			next++;
			if (seen == 7 && draw(2)) {
				struct klist_node *back = klist_prev(&iter);

				for (i = next - 1; i-- > 0 && gone[i];)
					;
				SAME("the one before", back ? back - nodes : ~0u, i);
				if (!back)
					break;
				next = i + 1;
			}
		}
		klist_iter_exit(&iter);
		for (i = 0; i < NODES; i++) {
			if (!gone[i])
				klist_remove(&nodes[i]);
			SAME("no references", references[i], 0);
		}
	}
}

/* ---- kobjects: what happens to them, as a line of words ---- */
static char story[600];
#define TELL(...) scnprintf(story + strlen(story), sizeof(story) - strlen(story), __VA_ARGS__)

static void expect_story(const char *want)
{
	if (strcmp(story, want) && differences++ < 10)
		pr_info("library_objects: it was \"%s\", not \"%s\"\n", story, want);
	story[0] = '\0';
}

static void object_release(struct kobject *kobj)
{
	TELL("free %s;", kobject_name(kobj));
	kfree(kobj);
}

static ssize_t name_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", kobject_name(kobj));
}
static struct kobj_attribute name_attribute = __ATTR_RO(name);
static struct attribute *attributes[] = { &name_attribute.attr, NULL };

static const struct attribute_group group = { .attrs = attributes };
static const struct attribute_group *groups[] = { &group, NULL };
static struct kobj_type object_type = { .release = object_release, .sysfs_ops = &kobj_sysfs_ops, .default_groups = groups };

/* The callbacks' object became const. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define CONST_KOBJECT const struct kobject
#else
#define CONST_KOBJECT struct kobject
#endif

static int event_filter(CONST_KOBJECT *kobj)
{
	TELL("ask %s;", kobject_name(kobj));
	return strcmp(kobject_name(kobj), "quiet") != 0;
}

static const char *event_name(CONST_KOBJECT *kobj)
{
	return "trees";
}

static int event_vars(CONST_KOBJECT *kobj, struct kobj_uevent_env *env)
{
	int i;

	add_uevent_var(env, "LEAF=%d", 5);
	for (i = 0; i < env->envp_idx; i++)
		TELL("%s,", env->envp[i]);
	TELL("%d;", env->buflen);
	return 0;
}

static const struct kset_uevent_ops event_ops = { .filter = event_filter, .name = event_name, .uevent = event_vars };

static struct kobject *make(struct kset *set, struct kobject *parent, const char *name, int *error)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);

	kobj->kset = set;
	*error = kobject_init_and_add(kobj, &object_type, parent, "%s", name);
	return kobj;
}

static void try_kobjects(void)
{
	struct kobject *a, *b, *c, *d;
	struct kset *set = kset_create_and_add("koi/trees", &event_ops, kernel_kobj);
	char *path, *extra[] = { "MORE=1", NULL };
	int error;

	expect_story("");	/* a set's own event belongs to the set above, and there is none */
	SAME("a slash in a name", strcmp(kobject_name(&set->kobj), "koi!trees"), 0);
	a = make(set, NULL, "a", &error);
	SAME("added", error, 0);
	SAME("under its set", a->parent == &set->kobj, 1);
	b = make(set, a, "b", &error);
	SAME("added below", error, 0);
	SAME("counts of a", kref_read(&a->kref), 2);
	SAME("counts of the set", kref_read(&set->kobj.kref), 4);
	path = kobject_get_path(b, GFP_KERNEL);
	SAME("a path", strcmp(path, "/kernel/koi!trees/a/b"), 0);
	kfree(path);
	SAME("an event", kobject_uevent_env(b, KOBJ_ADD, extra), 0);
	expect_story("ask b;ACTION=add,DEVPATH=/kernel/koi!trees/a/b,SUBSYSTEM=trees,MORE=1,LEAF=5,71;");
	d = make(set, NULL, "quiet", &error);
	SAME("a filtered event", kobject_uevent(d, KOBJ_CHANGE), 0);
	expect_story("ask quiet;");
	d->uevent_suppress = 1;
	SAME("a suppressed event", kobject_uevent(d, KOBJ_CHANGE), 0);
	expect_story("");
	c = kset_find_obj(set, "b");
	SAME("found in its set", c == b, 1);
	kobject_put(c);
	SAME("not in its set", kset_find_obj(set, "none") == NULL, 1);

	/* The name of an object that is there already. */
	c = make(set, NULL, "a", &error);
	SAME("a name twice", error, -EEXIST);
	SAME("its parent is let go", c->parent == NULL && kref_read(&a->kref) == 2, 1);
	kobject_put(c);
	expect_story("free a;");

	/* Releasing an object that is still there takes it away, with the event that it never had. */
	kobject_put(a);
	expect_story("");
	kobject_put(b);
	expect_story("ask b;ACTION=remove,DEVPATH=/kernel/koi!trees/a/b,SUBSYSTEM=trees,LEAF=5,67;free b;free a;");
	kobject_del(d);
	SAME("deleted, not freed", kref_read(&d->kref), 1);
	SAME("in no place", d->parent == NULL && !d->state_in_sysfs && list_empty(&d->entry), 1);
	SAME("could it be had", kobject_get_unless_zero(d) == d, 1);
	kobject_put(d);
	kobject_put(d);
	expect_story("free quiet;");
	SAME("only the set is left", kref_read(&set->kobj.kref), 1);
	kset_unregister(set);

	a = kobject_create_and_add("plain", kernel_kobj);
	SAME("a plain one", a && !strcmp(kobject_name(a), "plain") && a->parent == kernel_kobj, 1);
	SAME("renamed", kobject_set_name(a, "%d/%s", 7, "x"), 0);
	SAME("its name", strcmp(kobject_name(a), "7!x"), 0);
	kobject_put(a);
}

static int __init library_objects_init(void)
{
	try_elements();
	try_records_1();
	try_records_2();
	try_klist();
	try_kobjects();
	pr_info("library_objects: %u differences\n", differences);
	return 0;
}

static void __exit library_objects_exit(void)
{
}

module_init(library_objects_init);
module_exit(library_objects_exit);
MODULE_LICENSE("GPL");
