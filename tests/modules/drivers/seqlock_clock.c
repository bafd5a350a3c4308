// SPDX-License-Identifier: GPL-2.0-only
/* A clock that an hrtimer advances and threads read: a seqlock. */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/seqlock.h>

struct stamp {
	u64 seconds, nanoseconds;
};

static DEFINE_SEQLOCK(lock);
static struct stamp stamp;
static struct hrtimer timer;
static struct task_struct *readers[2];
static atomic_t wrong = ATOMIC_INIT(0), reads = ATOMIC_INIT(0);

static enum hrtimer_restart advance(struct hrtimer *t)
{
	write_seqlock(&lock);
	stamp.nanoseconds += 400;
	if (stamp.nanoseconds >= 1000) {
		stamp.nanoseconds -= 1000;
		stamp.seconds++;
	}
	write_sequnlock(&lock);
	hrtimer_forward_now(t, ns_to_ktime(200 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static struct stamp now(void)
{
	struct stamp copy;
	unsigned int seq;

	do {
		seq = read_seqbegin(&lock);
		copy = stamp;
	} while (read_seqretry(&lock, seq));
	return copy;
}

static int read_clock(void *unused)
{
	u64 last = 0;

	while (!kthread_should_stop()) {
		struct stamp s = now();
		u64 total = s.seconds * 1000 + s.nanoseconds;

		if (total < last || s.nanoseconds >= 1000)
			atomic_inc(&wrong);
		last = total;
		atomic_inc(&reads);
		usleep_range(30, 60);
	}
	return 0;
}

static int __init seqlock_clock_init(void)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = advance;
	hrtimer_start(&timer, ns_to_ktime(200 * NSEC_PER_USEC), HRTIMER_MODE_REL);
	readers[0] = kthread_run(read_clock, NULL, "seqlock/0");
	readers[1] = kthread_run(read_clock, NULL, "seqlock/1");
	return 0;
}

static void __exit seqlock_clock_exit(void)
{
	msleep(20);
	kthread_stop(readers[0]);
	kthread_stop(readers[1]);
	hrtimer_cancel(&timer);
	pr_info("drivers: %d wrong\n", atomic_read(&wrong));
}

module_init(seqlock_clock_init);
module_exit(seqlock_clock_exit);

MODULE_LICENSE("GPL");
