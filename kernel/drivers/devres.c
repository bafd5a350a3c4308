// SPDX-License-Identifier: GPL-2.0-only
/*
 * Managed resources of a device: a list in struct device of nodes with a release function each, undone in reverse when
 * the device goes. A group is a pair of nodes that brackets the resources between them.
 */
#include <linux/device.h>

struct devres_node {
	struct list_head entry;
	dr_release_t release;
	const char *name;
	size_t size;
};

struct devres {
	struct devres_node node;
	u8 __aligned(ARCH_KMALLOC_MINALIGN) data[];
};

struct devres_group {
	struct devres_node node[2];	/* where it opens and closes */
	void *id;
	int color;
};

static struct devres *devres_of(void *res)
{
	return container_of(res, struct devres, data);
}

static void devres_group_open(struct device *dev, void *res) { }
static void devres_group_close(struct device *dev, void *res) { }

static struct devres_group *devres_node_group(struct devres_node *node)
{
	if (node->release == devres_group_open)
		return container_of(node, struct devres_group, node[0]);
	if (node->release == devres_group_close)
		return container_of(node, struct devres_group, node[1]);
	return NULL;
}

void *__devres_alloc_node(dr_release_t release, size_t size, gfp_t gfp, int nid, const char *name)
{
	struct devres *dr;
	size_t total;

	if (unlikely(check_add_overflow(sizeof(struct devres), size, &total)))
		return NULL;
	dr = kmalloc_node(total, gfp | __GFP_ZERO, nid);
	if (!dr)
		return NULL;
	INIT_LIST_HEAD(&dr->node.entry);
	dr->node.release = release;
	dr->node.name = name;
	dr->node.size = size;
	return dr->data;
}

void devres_free(void *res)
{
	if (res) {
		struct devres *dr = devres_of(res);

#line KOI_LINE(225, 228) "drivers/base/devres.c"
		BUG_ON(!list_empty(&dr->node.entry));
		kfree(dr);
	}
}

void devres_add(struct device *dev, void *res)
{
	struct devres *dr = devres_of(res);
	unsigned long flags;

	spin_lock_irqsave(&dev->devres_lock, flags);
#line KOI_LINE(132, 135) "drivers/base/devres.c"
	BUG_ON(!list_empty(&dr->node.entry));
	list_add_tail(&dr->node.entry, &dev->devres_head);
	spin_unlock_irqrestore(&dev->devres_lock, flags);
}

/* The youngest that matches. */
static struct devres *devres_search(struct device *dev, dr_release_t release, dr_match_t match, void *match_data)
{
	struct devres_node *node;

	list_for_each_entry_reverse(node, &dev->devres_head, entry) {
		struct devres *dr = container_of(node, struct devres, node);

		if (node->release == release && (!match || match(dev, dr->data, match_data)))
			return dr;
	}
	return NULL;
}

void *devres_find(struct device *dev, dr_release_t release, dr_match_t match, void *match_data)
{
	struct devres *dr = devres_search(dev, release, match, match_data);

	return dr ? dr->data : NULL;
}

void devres_for_each_res(struct device *dev, dr_release_t release, dr_match_t match, void *match_data,
			 void (*fn)(struct device *, void *, void *), void *data)
{
	struct devres_node *node, *next;

	if (!fn)
		return;
	list_for_each_entry_safe_reverse(node, next, &dev->devres_head, entry) {
		struct devres *dr = container_of(node, struct devres, node);

		if (node->release == release && (!match || match(dev, dr->data, match_data)))
			fn(dev, dr->data, data);
	}
}

/* Adds `new_res` unless there is one already, which is returned (and the new one freed). */
void *devres_get(struct device *dev, void *new_res, dr_match_t match, void *match_data)
{
	struct devres *fresh = devres_of(new_res);
	struct devres *dr = devres_search(dev, fresh->node.release, match, match_data);

	if (!dr) {
		devres_add(dev, new_res);
		return new_res;
	}
	devres_free(new_res);
	return dr->data;
}

void *devres_remove(struct device *dev, dr_release_t release, dr_match_t match, void *match_data)
{
	struct devres *dr = devres_search(dev, release, match, match_data);

	if (!dr)
		return NULL;
	list_del_init(&dr->node.entry);
	return dr->data;
}

int devres_destroy(struct device *dev, dr_release_t release, dr_match_t match, void *match_data)
{
	void *res = devres_remove(dev, release, match, match_data);

	if (!res)
		return -ENOENT;
	devres_free(res);
	return 0;
}

int devres_release(struct device *dev, dr_release_t release, dr_match_t match, void *match_data)
{
	void *res = devres_remove(dev, release, match, match_data);

	if (!res)
		return -ENOENT;
	release(dev, res);
	devres_free(res);
	return 0;
}

/* Runs the release functions of what was moved to `todo`, youngest first. */
static int devres_undo(struct device *dev, struct list_head *todo)
{
	struct devres_node *node, *next;
	int count = 0;

	list_for_each_entry_safe_reverse(node, next, todo, entry) {
		struct devres_group *group = devres_node_group(node);

		list_del_init(&node->entry);
		if (group) {
			if (node == &group->node[0])
				kfree(group);
			continue;
		}
		node->release(dev, container_of(node, struct devres, node)->data);
		kfree(container_of(node, struct devres, node));
		count++;
	}
	return count;
}

int devres_release_all(struct device *dev)
{
	LIST_HEAD(todo);

#line KOI_LINE(521, 524) "drivers/base/devres.c"
	if (WARN_ON(dev->devres_head.next == NULL))
		return -ENODEV;
	if (list_empty(&dev->devres_head))
		return 0;
	list_splice_init(&dev->devres_head, &todo);
	return devres_undo(dev, &todo);
}

/* ---- groups ---- */

void *devres_open_group(struct device *dev, void *id, gfp_t gfp)
{
	struct devres_group *group = kzalloc(sizeof(*group), gfp);

	if (!group)
		return NULL;
	group->node[0].release = devres_group_open;
	group->node[1].release = devres_group_close;
	INIT_LIST_HEAD(&group->node[0].entry);
	INIT_LIST_HEAD(&group->node[1].entry);
	group->id = id ? id : group;
	list_add_tail(&group->node[0].entry, &dev->devres_head);
	return group->id;
}

/* By its id, or the youngest that is still open. */
static struct devres_group *devres_find_group(struct device *dev, void *id)
{
	struct devres_node *node;

	list_for_each_entry_reverse(node, &dev->devres_head, entry) {
		struct devres_group *group = devres_node_group(node);

		if (!group || node != &group->node[0])
			continue;
		if (id ? group->id == id : list_empty(&group->node[1].entry))
			return group;
	}
	return NULL;
}

void devres_close_group(struct device *dev, void *id)
{
	struct devres_group *group = devres_find_group(dev, id);

#line KOI_LINE(618, 621) "drivers/base/devres.c"
	if (WARN_ON(!group))
		return;
	list_add_tail(&group->node[1].entry, &dev->devres_head);
}

void devres_remove_group(struct device *dev, void *id)
{
	struct devres_group *group = devres_find_group(dev, id);

#line KOI_LINE(646, 649) "drivers/base/devres.c"
	if (WARN_ON(!group))
		return;
	list_del_init(&group->node[0].entry);
	list_del_init(&group->node[1].entry);
	kfree(group);
}

int devres_release_group(struct device *dev, void *id)
{
	struct devres_group *group = devres_find_group(dev, id);
	struct devres_node *node, *next;
	bool closed;
	LIST_HEAD(todo);

	if (!group)
#line KOI_LINE(695, 698) "drivers/base/devres.c"
		return list_empty(&dev->devres_head) ? 0 : (WARN_ON(1), 0);
	closed = !list_empty(&group->node[1].entry);
	node = &group->node[0];
	list_for_each_entry_safe_from(node, next, &dev->devres_head, entry) {
		bool last = closed && node == &group->node[1];

		list_move_tail(&node->entry, &todo);
		if (last)
			break;
	}
	return devres_undo(dev, &todo);
}

/* ---- actions ---- */

struct devres_action {
	void *data;
	void (*action)(void *data);
};

static void devm_action_release(struct device *dev, void *res)
{
	struct devres_action *a = res;

	a->action(a->data);
}

static int devm_action_match(struct device *dev, void *res, void *p)
{
	struct devres_action *a = res, *wanted = p;

	return a->data == wanted->data && a->action == wanted->action;
}

static int devm_action_add(struct device *dev, void (*action)(void *), void *data, const char *name)
{
	struct devres_action *a =
		__devres_alloc_node(devm_action_release, sizeof(*a), GFP_KERNEL, NUMA_NO_NODE, name);

	if (!a)
		return -ENOMEM;
	a->data = data;
	a->action = action;
	devres_add(dev, a);
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
int __devm_add_action(struct device *dev, void (*action)(void *), void *data, const char *name)
{
	return devm_action_add(dev, action, data, name);
}
#else
int devm_add_action(struct device *dev, void (*action)(void *), void *data)
{
	return devm_action_add(dev, action, data, "action");
}
#endif

void devm_remove_action(struct device *dev, void (*action)(void *), void *data)
{
	struct devres_action wanted = { .data = data, .action = action };

#line KOI_LINE(771, 775) "drivers/base/devres.c"
	WARN_ON(devres_destroy(dev, devm_action_release, devm_action_match, &wanted));
}

void devm_release_action(struct device *dev, void (*action)(void *), void *data)
{
	struct devres_action wanted = { .data = data, .action = action };

#line KOI_LINE(793, 797) "drivers/base/devres.c"
	WARN_ON(devres_release(dev, devm_action_release, devm_action_match, &wanted));
}

/* ---- kmalloc ---- */

static void devm_kmalloc_release(struct device *dev, void *res) { }

static int devm_kmalloc_match(struct device *dev, void *res, void *data)
{
	return res == data;
}

void *devm_kmalloc(struct device *dev, size_t size, gfp_t gfp)
{
	struct devres *dr;
	size_t total;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (unlikely(check_add_overflow(sizeof(struct devres), size, &total)))
		return NULL;
	dr = kmalloc_node_track_caller(total, gfp, NUMA_NO_NODE);
	if (unlikely(!dr))
		return NULL;
	memset(&dr->node, 0, sizeof(dr->node));
	INIT_LIST_HEAD(&dr->node.entry);
	dr->node.release = devm_kmalloc_release;
	dr->node.name = "devm_kzalloc_release";
	dr->node.size = size;
	devres_add(dev, dr->data);
	return dr->data;
}

void devm_kfree(struct device *dev, const void *p)
{
	if (unlikely(is_kernel_rodata((unsigned long)p) || ZERO_OR_NULL_PTR(p)))
		return;
#line KOI_LINE(1073, 1077) "drivers/base/devres.c"
	WARN_ON(devres_destroy(dev, devm_kmalloc_release, devm_kmalloc_match, (void *)p));
}

void *devm_krealloc(struct device *dev, void *ptr, size_t new_size, gfp_t gfp)
{
	struct devres *old = NULL;
	void *fresh;

	if (unlikely(!new_size)) {
		devm_kfree(dev, ptr);
		return ZERO_SIZE_PTR;
	}
	if (unlikely(ZERO_OR_NULL_PTR(ptr)))
		return devm_kmalloc(dev, new_size, gfp);
#line KOI_LINE(877, 881) "drivers/base/devres.c"
	if (WARN_ON(is_kernel_rodata((unsigned long)ptr)))
		return NULL;
	old = devres_search(dev, devm_kmalloc_release, devm_kmalloc_match, ptr);
	if (!old) {
#line KOI_LINE(924, 928) "drivers/base/devres.c"
		WARN(1, "Memory chunk not managed or managed by a different device.");
		return NULL;
	}
	if (new_size <= ksize(old) - sizeof(*old))
		return ptr;
	fresh = devm_kmalloc(dev, new_size, gfp);
	if (!fresh)
		return NULL;
	memcpy(fresh, ptr, ksize(old) - sizeof(*old));
	devm_kfree(dev, ptr);
	return fresh;
}

void *devm_kmemdup(struct device *dev, const void *src, size_t len, gfp_t gfp)
{
	void *p = devm_kmalloc(dev, len, gfp);

	if (p)
		memcpy(p, src, len);
	return p;
}

char *devm_kstrdup(struct device *dev, const char *s, gfp_t gfp)
{
	return s ? devm_kmemdup(dev, s, strlen(s) + 1, gfp) : NULL;
}

const char *devm_kstrdup_const(struct device *dev, const char *s, gfp_t gfp)
{
	return devm_kstrdup(dev, s, gfp);
}

char *devm_kvasprintf(struct device *dev, gfp_t gfp, const char *fmt, va_list ap)
{
	va_list again;
	unsigned int len;
	char *p;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = devm_kmalloc(dev, len + 1, gfp);
	if (p)
		vsnprintf(p, len + 1, fmt, ap);
	return p;
}

char *devm_kasprintf(struct device *dev, gfp_t gfp, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = devm_kvasprintf(dev, gfp, fmt, ap);
	va_end(ap);
	return p;
}

/* ---- pages and per-CPU memory ---- */

struct devres_pages {
	unsigned long addr;
	unsigned int order;
};

static void devm_pages_release(struct device *dev, void *res)
{
	struct devres_pages *pages = res;

	free_pages(pages->addr, pages->order);
}

static int devm_pages_match(struct device *dev, void *res, void *p)
{
	return ((struct devres_pages *)res)->addr == ((struct devres_pages *)p)->addr;
}

unsigned long devm_get_free_pages(struct device *dev, gfp_t gfp, unsigned int order)
{
	unsigned long addr = __get_free_pages(gfp, order);
	struct devres_pages *res;

	if (unlikely(!addr))
		return 0;
	res = __devres_alloc_node(devm_pages_release, sizeof(*res), GFP_KERNEL, NUMA_NO_NODE, "devm_pages_release");
	if (unlikely(!res)) {
		free_pages(addr, order);
		return 0;
	}
	res->addr = addr;
	res->order = order;
	devres_add(dev, res);
	return addr;
}

void devm_free_pages(struct device *dev, unsigned long addr)
{
	struct devres_pages wanted = { .addr = addr };

#line KOI_LINE(1169, 1173) "drivers/base/devres.c"
	WARN_ON(devres_release(dev, devm_pages_release, devm_pages_match, &wanted));
}

static void devm_percpu_release(struct device *dev, void *res)
{
	free_percpu(*(void __percpu **)res);
}

static int devm_percpu_match(struct device *dev, void *res, void *p)
{
	return *(void **)res == p;
}

void __percpu *__devm_alloc_percpu(struct device *dev, size_t size, size_t align)
{
	void __percpu *pcpu = __alloc_percpu(size, align);
	void *res;

	if (!pcpu)
		return NULL;
	res = __devres_alloc_node(devm_percpu_release, sizeof(void *), GFP_KERNEL, NUMA_NO_NODE, "devm_percpu_release");
	if (!res) {
		free_percpu(pcpu);
		return NULL;
	}
	*(void __percpu **)res = pcpu;
	devres_add(dev, res);
	return pcpu;
}

void devm_free_percpu(struct device *dev, void __percpu *pdata)
{
#line KOI_LINE(1238, 1242) "drivers/base/devres.c"
	WARN_ON(devres_release(dev, devm_percpu_release, devm_percpu_match, (void __force *)pdata));
}
