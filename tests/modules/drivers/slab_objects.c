// SPDX-License-Identifier: GPL-2.0-only
/* Objects of a cache with a constructor, and a mempool of them that works never lack one of. */
#include <linux/list.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct request {
	spinlock_t lock;
	struct list_head link;
	struct work_struct work;
	int state;
};

static struct kmem_cache *cache;
static mempool_t *pool;
static struct workqueue_struct *queue;
static atomic_t done = ATOMIC_INIT(0);

static void request_ctor(void *memory)
{
	struct request *r = memory;

	memset(r, 0, sizeof(*r));
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->link);
}

static void request_done(struct work_struct *work)
{
	struct request *r = container_of(work, struct request, work);

	spin_lock(&r->lock);
	r->state = 0;
	spin_unlock(&r->lock);
	atomic_inc(&done);
	mempool_free(r, pool);
}

static int __init slab_objects_init(void)
{
	int i;

	cache = kmem_cache_create("driver_request", sizeof(struct request), 0, SLAB_HWCACHE_ALIGN, request_ctor);
	if (!cache)
		return -ENOMEM;
	pool = mempool_create_slab_pool(4, cache);
	queue = alloc_workqueue("driver_requests", WQ_MEM_RECLAIM, 0);
	if (!pool || !queue)
		goto out;
	for (i = 0; i < 100; i++) {
		struct request *r = mempool_alloc(pool, GFP_NOIO);

		INIT_WORK(&r->work, request_done);
		spin_lock(&r->lock);
		r->state = 1;
		spin_unlock(&r->lock);
		queue_work(queue, &r->work);
	}
	return 0;
out:
	if (queue)
		destroy_workqueue(queue);
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
	return -ENOMEM;
}

static void __exit slab_objects_exit(void)
{
	destroy_workqueue(queue);
	mempool_destroy(pool);
	kmem_cache_destroy(cache);
	pr_info("drivers: %d done\n", atomic_read(&done));
}

module_init(slab_objects_init);
module_exit(slab_objects_exit);

MODULE_LICENSE("GPL");
