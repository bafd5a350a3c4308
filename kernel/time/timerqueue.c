// SPDX-License-Identifier: GPL-2.0-only
/* <linux/timerqueue.h>: nodes in order of expiry; equal ones in order of arrival. */

bool timerqueue_add(struct timerqueue_head *head, struct timerqueue_node *node)
{
	struct rb_node **link = &head->rb_root.rb_root.rb_node;
	struct rb_node *parent = NULL;
	bool first = true;

#line KOI_LINE(38, 38) "lib/timerqueue.c"
	WARN_ON_ONCE(!RB_EMPTY_NODE(&node->node));
	while (*link) {
		parent = *link;
		if (node->expires < rb_entry(parent, struct timerqueue_node, node)->expires) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(&node->node, parent, link);
	rb_insert_color_cached(&node->node, &head->rb_root, first);
	return first;
}

bool timerqueue_del(struct timerqueue_head *head, struct timerqueue_node *node)
{
#line KOI_LINE(55, 55) "lib/timerqueue.c"
	WARN_ON_ONCE(RB_EMPTY_NODE(&node->node));
	rb_erase_cached(&node->node, &head->rb_root);
	RB_CLEAR_NODE(&node->node);	/* so that it can be seen that it is in no queue */
	return rb_first_cached(&head->rb_root) != NULL;
}

struct timerqueue_node *timerqueue_iterate_next(struct timerqueue_node *node)
{
	struct rb_node *next = node ? rb_next(&node->node) : NULL;

	return next ? rb_entry(next, struct timerqueue_node, node) : NULL;
}
