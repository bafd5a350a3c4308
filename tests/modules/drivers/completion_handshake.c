// SPDX-License-Identifier: GPL-2.0-only
/* Two threads that hand a token to and fro by completions. */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

struct side {
	struct completion turn;
	struct side *other;
	int moves;
	struct task_struct *task;
};

static struct side sides[2];
static DECLARE_COMPLETION(over);
static int token;

static int play(void *data)
{
	struct side *me = data;

	while (me->moves < 100) {
		if (!wait_for_completion_timeout(&me->turn, 10 * HZ))
			break;
		token++;
		me->moves++;
		complete(&me->other->turn);
	}
	if (me == &sides[1])
		complete_all(&over);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int __init completion_handshake_init(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		init_completion(&sides[i].turn);
		sides[i].other = &sides[1 - i];
	}
	for (i = 0; i < 2; i++) {
		sides[i].task = kthread_create(play, &sides[i], "handshake/%d", i);
		if (IS_ERR(sides[i].task)) {
			if (i)
				kthread_stop(sides[0].task);
			return PTR_ERR(sides[i].task);
		}
	}
	wake_up_process(sides[0].task);
	wake_up_process(sides[1].task);
	complete(&sides[0].turn);
	return 0;
}

static void __exit completion_handshake_exit(void)
{
	wait_for_completion(&over);
	kthread_stop(sides[0].task);
	kthread_stop(sides[1].task);
	pr_info("drivers: token %d\n", token);
}

module_init(completion_handshake_init);
module_exit(completion_handshake_exit);

MODULE_LICENSE("GPL");
