// SPDX-License-Identifier: GPL-2.0-only
/* A watchdog timer that arms itself and is petted from elsewhere; the exit ends it for good. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

struct watchdog {
	struct timer_list timer;
	spinlock_t lock;
	unsigned long last_pet;
	unsigned int barks;
	bool shut_down;
};

static struct watchdog *dog;
static struct task_struct *owner;

static void look(struct timer_list *timer)
{
	struct watchdog *w = from_timer(w, timer, timer);

	spin_lock(&w->lock);
	if (time_after(jiffies, w->last_pet + 5))
		w->barks++;
	if (!w->shut_down)
		mod_timer(&w->timer, jiffies + 2);
	spin_unlock(&w->lock);
}

static void pet(struct watchdog *w)
{
	spin_lock_bh(&w->lock);
	w->last_pet = jiffies;
	spin_unlock_bh(&w->lock);
}

static int keep_petting(void *data)
{
	while (!kthread_should_stop()) {
		pet(data);
		schedule_timeout_interruptible(2);
	}
	return 0;
}

static int __init rearming_timer_init(void)
{
	dog = kzalloc(sizeof(*dog), GFP_KERNEL);
	if (!dog)
		return -ENOMEM;
	spin_lock_init(&dog->lock);
	timer_setup(&dog->timer, look, 0);
	dog->last_pet = jiffies;
	mod_timer(&dog->timer, jiffies + 2);
	owner = kthread_run(keep_petting, dog, "watchdog/owner");
	if (IS_ERR(owner)) {
		del_timer_sync(&dog->timer);
		kfree(dog);
		return PTR_ERR(owner);
	}
	return 0;
}

static void __exit rearming_timer_exit(void)
{
	msleep(80);
	kthread_stop(owner);
	spin_lock_bh(&dog->lock);
	dog->shut_down = true;
	spin_unlock_bh(&dog->lock);
	del_timer_sync(&dog->timer);
	pr_info("drivers: %u barks\n", dog->barks);
	kfree(dog);
}

module_init(rearming_timer_init);
module_exit(rearming_timer_exit);

MODULE_LICENSE("GPL");
