// SPDX-License-Identifier: GPL-2.0-only
/* A link that is tried again with growing delays: a delayed work that queues itself, cancelled at the end. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct link_state {
	struct delayed_work work;
	struct mutex lock;
	unsigned int attempts;
	bool up, closing;
};

static struct link_state *state;

static void try_again(struct work_struct *work)
{
	struct link_state *s = container_of(to_delayed_work(work), struct link_state, work);

	mutex_lock(&s->lock);
	s->attempts++;
	if (s->attempts >= 5)
		s->up = true;
	if (!s->up && !s->closing)
		schedule_delayed_work(&s->work, msecs_to_jiffies(1 << s->attempts));
	mutex_unlock(&s->lock);
}

static int __init delayed_retry_init(void)
{
	state = kzalloc(sizeof(*state), GFP_KERNEL);
	if (!state)
		return -ENOMEM;
	mutex_init(&state->lock);
	INIT_DELAYED_WORK(&state->work, try_again);
	schedule_delayed_work(&state->work, 0);
	msleep(10);
	mod_delayed_work(system_wq, &state->work, 0);
	return 0;
}

static void __exit delayed_retry_exit(void)
{
	msleep(200);
	mutex_lock(&state->lock);
	state->closing = true;
	mutex_unlock(&state->lock);
	cancel_delayed_work_sync(&state->work);
	pr_info("drivers: %s\n", state->up ? "up" : "down");
	kfree(state);
}

module_init(delayed_retry_init);
module_exit(delayed_retry_exit);

MODULE_LICENSE("GPL");
