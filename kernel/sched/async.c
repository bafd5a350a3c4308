// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous calls: works of an unbound queue, numbered in the order of their scheduling. To synchronise with a cookie is
 * to wait until no call with a smaller one, of the domain or of all registered ones, is pending or runs.
 */

struct koi_async {
	struct work_struct work;
	struct list_head all, mine;	/* koi_async_all, by cookie; the domain's pending ones */
	async_cookie_t cookie;
	async_func_t func;
	void *data;
	struct async_domain *domain;
	struct task_struct *runs;
};

static LIST_HEAD(koi_async_all);
static DEFINE_SPINLOCK(koi_async_lock);
static DECLARE_WAIT_QUEUE_HEAD(koi_async_done);
static async_cookie_t koi_async_next = 1;
static ASYNC_DOMAIN(koi_async_default);
#define KOI_MOST_ASYNC 32768
static unsigned int koi_async_count;

static noinline void koi_async_call(struct koi_async *a)
{
	unsigned long flags;

	a->func(a->data, a->cookie);
	spin_lock_irqsave(&koi_async_lock, flags);
	list_del(&a->all);
	list_del(&a->mine);
	koi_async_count--;
	spin_unlock_irqrestore(&koi_async_lock, flags);
	kfree(a);
	wake_up(&koi_async_done);
}

static void async_run_entry_fn(struct work_struct *work)
{
	struct koi_async *a = container_of(work, struct koi_async, work);

	a->runs = current;
	koi_async_call(a);
}

async_cookie_t async_schedule_node_domain(async_func_t func, void *data, int node, struct async_domain *domain)
{
	struct koi_async *a = koi_async_count < KOI_MOST_ASYNC ? kzalloc(sizeof(*a), GFP_ATOMIC) : NULL;
	async_cookie_t cookie;
	unsigned long flags;

	spin_lock_irqsave(&koi_async_lock, flags);
	cookie = koi_async_next++;
	if (a) {
		a->cookie = cookie;
		a->func = func;
		a->data = data;
		a->domain = domain;
		INIT_WORK(&a->work, async_run_entry_fn);
		list_add_tail(&a->all, &koi_async_all);
		list_add_tail(&a->mine, &domain->pending);
		koi_async_count++;
	}
	spin_unlock_irqrestore(&koi_async_lock, flags);
	if (a)
		queue_work_node(node, koi_async_wq(), &a->work);
	else
		func(data, cookie);
	return cookie;
}

async_cookie_t async_schedule_node(async_func_t func, void *data, int node)
{
	return async_schedule_node_domain(func, data, node, &koi_async_default);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
/* Now, or not at all. */
bool async_schedule_dev_nocall(async_func_t func, struct device *dev)
{
	if (koi_async_count >= KOI_MOST_ASYNC)
		return false;
	async_schedule_node(func, dev, dev_to_node(dev));
	return true;
}
#endif

/* domain NULL: all that are registered. */
static bool koi_async_before(async_cookie_t cookie, struct async_domain *domain)
{
	struct koi_async *a;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&koi_async_lock, flags);
	list_for_each_entry(a, &koi_async_all, all) {
		if (a->cookie >= cookie)
			break;
		if (domain ? a->domain == domain : a->domain->registered) {
			found = true;
			break;
		}
	}
	spin_unlock_irqrestore(&koi_async_lock, flags);
	return found;
}

static void koi_async_wait(async_cookie_t cookie, struct async_domain *domain)
{
	wait_event(koi_async_done, !koi_async_before(cookie, domain));
}

void async_synchronize_cookie_domain(async_cookie_t cookie, struct async_domain *domain)
{
	koi_async_wait(cookie, domain);
}

void async_synchronize_cookie(async_cookie_t cookie)
{
	koi_async_wait(cookie, &koi_async_default);
}

void async_synchronize_full(void)
{
	koi_async_wait(ULLONG_MAX, NULL);
}

void async_synchronize_full_domain(struct async_domain *domain)
{
	koi_async_wait(ULLONG_MAX, domain);
}

bool current_is_async(void)
{
	struct koi_async *a;
	unsigned long flags;
	bool found = false;

	spin_lock_irqsave(&koi_async_lock, flags);
	list_for_each_entry(a, &koi_async_all, all)
		found |= a->runs == current;
	spin_unlock_irqrestore(&koi_async_lock, flags);
	return found;
}
