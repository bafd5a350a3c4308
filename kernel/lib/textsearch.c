// SPDX-License-Identifier: GPL-2.0-only
/* Textsearch (linux/textsearch.h): the registry of search algorithms, and searches in flat buffers. */
#include <linux/textsearch.h>

static LIST_HEAD(koi_ts_list);
static DEFINE_SPINLOCK(koi_ts_lock);

static struct ts_ops *koi_ts_find(const char *name)
{
	struct ts_ops *o;

	list_for_each_entry(o, &koi_ts_list, list)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

int textsearch_register(struct ts_ops *ops)
{
	int error = 0;

	if (!ops->name || !ops->find || !ops->init || !ops->get_pattern || !ops->get_pattern_len)
		return -EINVAL;
	spin_lock(&koi_ts_lock);
	if (koi_ts_find(ops->name))
		error = -EEXIST;
	else
		list_add_tail(&ops->list, &koi_ts_list);
	spin_unlock(&koi_ts_lock);
	return error;
}

int textsearch_unregister(struct ts_ops *ops)
{
	int error = -ENOENT;
	struct ts_ops *o;

	spin_lock(&koi_ts_lock);
	list_for_each_entry(o, &koi_ts_list, list) {
		if (o != ops)
			continue;
		list_del(&ops->list);
		error = 0;
		break;
	}
	spin_unlock(&koi_ts_lock);
	return error;
}

/* The algorithm of that name, with its module held; NULL if there is none, or it is just leaving. */
static struct ts_ops *koi_ts_get(const char *name)
{
	struct ts_ops *found;

	spin_lock(&koi_ts_lock);
	found = koi_ts_find(name);
	if (found && !try_module_get(found->owner))
		found = NULL;
	spin_unlock(&koi_ts_lock);
	return found;
}

struct ts_config *textsearch_prepare(const char *algo, const void *pattern, unsigned int len, gfp_t gfp, int flags)
{
	struct ts_ops *ops = len ? koi_ts_get(algo) : NULL;
	struct ts_config *prepared;

	if (!ops)
		return ERR_PTR(len ? -ENOENT : -EINVAL);
	prepared = ops->init(pattern, len, gfp, flags);
	if (!IS_ERR(prepared))
		prepared->ops = ops;
	else
		module_put(ops->owner);
	return prepared;
}

void textsearch_destroy(struct ts_config *prepared)
{
	struct ts_ops *ops = prepared->ops;

	if (ops && ops->destroy)
		ops->destroy(prepared);
	if (ops)
		module_put(ops->owner);
	kfree(prepared);
}

/* A flat buffer as a source of blocks: one block, then none. */
struct koi_ts_flat {
	const u8 *data;
	unsigned int len;
};

static unsigned int koi_ts_flat_block(unsigned int consumed, const u8 **dst, struct ts_config *conf, struct ts_state *state)
{
	struct koi_ts_flat *flat = (struct koi_ts_flat *)state->cb;

	if (consumed >= flat->len)
		return 0;
	*dst = flat->data + consumed;
	return flat->len - consumed;
}

unsigned int textsearch_find_continuous(struct ts_config *conf, struct ts_state *state, const void *data, unsigned int len)
{
	struct koi_ts_flat *flat = (struct koi_ts_flat *)state->cb;

	BUILD_BUG_ON(sizeof(*flat) > sizeof(state->cb));
	conf->get_next_block = koi_ts_flat_block;
	flat->data = data;
	flat->len = len;
	return textsearch_find(conf, state);
}
