// SPDX-License-Identifier: GPL-2.0-only
/* Resource trees: who has claimed which memory and port ranges. Children lie inside their parent, siblings are in order and do not overlap. */

static DEFINE_SPINLOCK(koi_resource_lock);

/* Puts `new` below `root`; otherwise the one that is in the way. */
static struct resource *koi_resource_add(struct resource *root, struct resource *new)
{
	struct resource **at = &root->child, *other;

	if (new->end < new->start || new->start < root->start || new->end > root->end)
		return root;
	for (; (other = *at) && other->end < new->start; at = &other->sibling)
		;
	if (other && other->start <= new->end)
		return other;
	new->sibling = other;
	new->parent = root;
	*at = new;
	return NULL;
}

struct resource *request_resource_conflict(struct resource *root, struct resource *new)
{
	struct resource *conflict;

	spin_lock(&koi_resource_lock);
	conflict = koi_resource_add(root, new);
	spin_unlock(&koi_resource_lock);
	return conflict;
}

int request_resource(struct resource *root, struct resource *new)
{
	return request_resource_conflict(root, new) ? -EBUSY : 0;
}

/* Takes what lies inside of `new` in as its children. */
static struct resource *koi_resource_insert(struct resource *root, struct resource *new)
{
	struct resource *first, *last, **at;

	for (;; root = first) {
		first = koi_resource_add(root, new);
		if (!first || first == root || first == new)
			return first;
		if (first->start > new->start || first->end < new->end)
			break;
		if (first->start == new->start && first->end == new->end)
			break;
	}
	for (last = first;; last = last->sibling) {
		if (last->start < new->start || last->end > new->end)
			return last;
		if (!last->sibling || last->sibling->start > new->end)
			break;
	}
	for (at = &root->child; *at != first; at = &(*at)->sibling)
		;
	*at = new;
	new->parent = root;
	new->child = first;
	new->sibling = last->sibling;
	last->sibling = NULL;
	for (last = first; last; last = last->sibling)
		last->parent = new;
	return NULL;
}

int insert_resource(struct resource *parent, struct resource *new)
{
	struct resource *conflict;

	spin_lock(&koi_resource_lock);
	conflict = koi_resource_insert(parent, new);
	spin_unlock(&koi_resource_lock);
	return conflict ? -EBUSY : 0;
}

int release_resource(struct resource *old)
{
	struct resource **at;
	int error = -EINVAL;

	spin_lock(&koi_resource_lock);
	for (at = &old->parent->child; *at; at = &(*at)->sibling) {
		if (*at != old)
			continue;
		*at = old->sibling;
		old->parent = NULL;
		error = 0;
		break;
	}
	spin_unlock(&koi_resource_lock);
	return error;
}

/* request_mem_region(), request_region() */
struct resource *__request_region(struct resource *parent, resource_size_t start, resource_size_t n, const char *name,
				  int flags)
{
	struct resource *region = kzalloc(sizeof(*region), GFP_KERNEL), *in_the_way;

	if (!region)
		return NULL;
	region->name = name;
	region->start = start;
	region->end = start + n - 1;
	spin_lock(&koi_resource_lock);
	for (;;) {
		region->flags = resource_type(parent) | resource_ext_type(parent) | IORESOURCE_BUSY | flags;
		region->desc = parent->desc;
		in_the_way = koi_resource_add(parent, region);
		if (!in_the_way || in_the_way == parent || in_the_way->flags & IORESOURCE_BUSY)
			break;
		parent = in_the_way;
	}
	spin_unlock(&koi_resource_lock);
	if (!in_the_way)
		return region;
	kfree(region);
	return NULL;
}

void __release_region(struct resource *parent, resource_size_t start, resource_size_t n)
{
	resource_size_t end = start + n - 1;
	struct resource **at, *found = NULL;

	spin_lock(&koi_resource_lock);
	for (at = &parent->child; *at;) {
		struct resource *r = *at;

		if (r->start > start || r->end < end) {
			at = &r->sibling;
		} else if (!(r->flags & IORESOURCE_BUSY)) {
			at = &r->child;
		} else {
			if (r->start == start && r->end == end) {
				*at = r->sibling;
				found = r;
			}
			break;
		}
	}
	spin_unlock(&koi_resource_lock);
	if (found)
		kfree(found);
	else
		pr_warn("resource: Trying to free nonexistent resource <%pa-%pa>\n", &start, &end);
}
