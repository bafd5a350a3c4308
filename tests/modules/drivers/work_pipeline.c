// SPDX-License-Identifier: GPL-2.0-only
/* A pipeline of three works: each stage hands its item to the next queue. */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct job {
	struct work_struct work;
	int value;
};

static struct workqueue_struct *stages[3];
static atomic_t done = ATOMIC_INIT(0);
static DEFINE_SPINLOCK(lock);
static long sum;

static void stage_three(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	spin_lock(&lock);
	sum += job->value;
	spin_unlock(&lock);
	kfree(job);
	atomic_inc(&done);
}

static void stage_two(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	job->value *= 2;
	INIT_WORK(&job->work, stage_three);
	queue_work(stages[2], &job->work);
}

static void stage_one(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	job->value += 1;
	if (job->value % 4 == 0)
		usleep_range(10, 20);
	INIT_WORK(&job->work, stage_two);
	queue_work(stages[1], &job->work);
}

static void destroy(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(stages); i++)
		if (stages[i])
			destroy_workqueue(stages[i]);
}

static int __init work_pipeline_init(void)
{
	int i;

	stages[0] = alloc_workqueue("pipe_in", WQ_UNBOUND, 2);
	stages[1] = alloc_workqueue("pipe_middle", 0, 0);
	stages[2] = alloc_ordered_workqueue("pipe_out", WQ_MEM_RECLAIM);
	if (!stages[0] || !stages[1] || !stages[2]) {
		destroy();
		return -ENOMEM;
	}
	for (i = 0; i < 50; i++) {
		struct job *job = kmalloc(sizeof(*job), GFP_KERNEL);

		if (!job)
			break;
		job->value = i;
		INIT_WORK(&job->work, stage_one);
		queue_work(stages[0], &job->work);
	}
	return 0;
}

static void __exit work_pipeline_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(stages); i++)
		flush_workqueue(stages[i]);
	pr_info("drivers: %d jobs, sum %ld\n", atomic_read(&done), sum);
	destroy();
}

module_init(work_pipeline_init);
module_exit(work_pipeline_exit);

MODULE_LICENSE("GPL");
