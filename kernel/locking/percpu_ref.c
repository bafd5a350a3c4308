// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts that cost a per-CPU increment while nobody waits for zero (<linux/percpu-refcount.h>). In per-CPU mode
 * the common count holds a bias that no sum of the parts can reach, so that it never drops to zero. A change to atomic
 * mode takes effect at once for new users; the parts are added up after a grace period.
 */
#define KOI_REF_BIAS (1UL << (BITS_PER_LONG - 1))

static DEFINE_SPINLOCK(koi_ref_lock);
static DECLARE_WAIT_QUEUE_HEAD(koi_ref_switched);

static unsigned long __percpu *koi_ref_parts(const struct percpu_ref *ref)
{
	return (unsigned long __percpu *)(ref->percpu_count_ptr & ~__PERCPU_REF_ATOMIC_DEAD);
}

int percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release, unsigned int flags, gfp_t gfp)
{
	bool dead = flags & PERCPU_REF_INIT_DEAD, atomic = dead || (flags & PERCPU_REF_INIT_ATOMIC);
	/* The flags lie in the low bits of the address. */
	unsigned long __percpu *parts = alloc_percpu_gfp(unsigned long, gfp);
	struct percpu_ref_data *data;

	BUILD_BUG_ON(__alignof__(unsigned long) < 1 << __PERCPU_REF_FLAG_BITS);
	*ref = (struct percpu_ref){};
	if (!parts)
		return -ENOMEM;
	data = kzalloc(sizeof(*data), gfp);
	if (!data) {
		free_percpu(parts);
		return -ENOMEM;
	}
	data->release = release;
	data->ref = ref;
	data->force_atomic = (flags & PERCPU_REF_INIT_ATOMIC) != 0;
	data->allow_reinit = atomic || (flags & PERCPU_REF_ALLOW_REINIT);
	atomic_long_set(&data->count, (atomic ? 0 : KOI_REF_BIAS) + !dead);
	ref->data = data;
	ref->percpu_count_ptr = (unsigned long)parts | (atomic ? __PERCPU_REF_ATOMIC : 0) | (dead ? __PERCPU_REF_DEAD : 0);
	return 0;
}

static void koi_ref_free_parts(struct percpu_ref *ref)
{
	unsigned long __percpu *parts = koi_ref_parts(ref);

	if (!parts)
		return;
#line KOI_LINE(114, 114) "lib/percpu-refcount.c"
	WARN_ON_ONCE(ref->data && ref->data->confirm_switch);
	free_percpu(parts);
	ref->percpu_count_ptr = __PERCPU_REF_ATOMIC_DEAD;
}

void percpu_ref_exit(struct percpu_ref *ref)
{
	struct percpu_ref_data *data = ref->data;
	unsigned long flags;

	koi_ref_free_parts(ref);
	if (!data)
		return;
	/* What the count was stays to be read, beside the flags. */
	spin_lock_irqsave(&koi_ref_lock, flags);
	ref->percpu_count_ptr |= atomic_long_read(&data->count) << __PERCPU_REF_FLAG_BITS;
	ref->data = NULL;
	spin_unlock_irqrestore(&koi_ref_lock, flags);
	kfree(data);
}

static noinline void koi_ref_confirm(struct percpu_ref_data *data)
{
	struct percpu_ref *ref = data->ref;
	percpu_ref_func_t *confirm = data->confirm_switch;

	if (confirm)
		confirm(ref);
	data->confirm_switch = NULL;
	wake_up_all(&koi_ref_switched);
	if (!data->allow_reinit)
		koi_ref_free_parts(ref);
	percpu_ref_put(ref);
}

static void percpu_ref_switch_to_atomic_rcu(struct rcu_head *head)
{
	struct percpu_ref_data *data = container_of(head, struct percpu_ref_data, rcu);
	unsigned long __percpu *parts = koi_ref_parts(data->ref);
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(parts, cpu);
	atomic_long_add((long)sum - KOI_REF_BIAS, &data->count);
#line KOI_LINE(197, 197) "lib/percpu-refcount.c"
	WARN_ONCE(atomic_long_read(&data->count) <= 0, "percpu ref (%ps) <= 0 (%ld) after switching to atomic", data->release,
		  atomic_long_read(&data->count));
	koi_ref_confirm(data);
}

/* A switch that is done although there was nothing to do is confirmed all the same. */
static void koi_ref_no_confirm(struct percpu_ref *ref)
{
}

/* koi_ref_lock is held, for these three. */
static void koi_ref_to_atomic(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	if (ref->percpu_count_ptr & __PERCPU_REF_ATOMIC) {
		if (confirm)
			confirm(ref);
		return;
	}
	ref->percpu_count_ptr |= __PERCPU_REF_ATOMIC;
	ref->data->confirm_switch = confirm ?: koi_ref_no_confirm;
	percpu_ref_get(ref);
	call_rcu_hurry(&ref->data->rcu, percpu_ref_switch_to_atomic_rcu);
}

static void koi_ref_to_percpu(struct percpu_ref *ref)
{
	unsigned long __percpu *parts = koi_ref_parts(ref);
	int cpu;

#line KOI_LINE(241, 242) "lib/percpu-refcount.c"
	BUG_ON(!parts);
	if (!(ref->percpu_count_ptr & __PERCPU_REF_ATOMIC))
		return;
#line KOI_LINE(246, 247) "lib/percpu-refcount.c"
	if (WARN_ON_ONCE(!ref->data->allow_reinit))
		return;
	atomic_long_add(KOI_REF_BIAS, &ref->data->count);
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(parts, cpu) = 0;
	smp_store_release(&ref->percpu_count_ptr, ref->percpu_count_ptr & ~__PERCPU_REF_ATOMIC);
}

static noinline void __percpu_ref_switch_mode(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	wait_event_lock_irq(koi_ref_switched, !ref->data->confirm_switch, koi_ref_lock);
	if (ref->data->force_atomic || percpu_ref_is_dying(ref))
		koi_ref_to_atomic(ref, confirm);
	else
		koi_ref_to_percpu(ref);
}

void percpu_ref_switch_to_atomic(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	unsigned long flags;

	spin_lock_irqsave(&koi_ref_lock, flags);
	ref->data->force_atomic = true;
	__percpu_ref_switch_mode(ref, confirm);
	spin_unlock_irqrestore(&koi_ref_lock, flags);
}

void percpu_ref_switch_to_atomic_sync(struct percpu_ref *ref)
{
	percpu_ref_switch_to_atomic(ref, NULL);
	wait_event(koi_ref_switched, !ref->data->confirm_switch);
}

void percpu_ref_switch_to_percpu(struct percpu_ref *ref)
{
	unsigned long flags;

	spin_lock_irqsave(&koi_ref_lock, flags);
	ref->data->force_atomic = false;
	__percpu_ref_switch_mode(ref, NULL);
	spin_unlock_irqrestore(&koi_ref_lock, flags);
}

void percpu_ref_kill_and_confirm(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	unsigned long flags;

	spin_lock_irqsave(&koi_ref_lock, flags);
#line KOI_LINE(389, 390) "lib/percpu-refcount.c"
	WARN_ONCE(percpu_ref_is_dying(ref), "%s called more than once on %ps!", __func__, ref->data->release);
	ref->percpu_count_ptr |= __PERCPU_REF_DEAD;
	__percpu_ref_switch_mode(ref, confirm);
	percpu_ref_put(ref);
	spin_unlock_irqrestore(&koi_ref_lock, flags);
}

bool percpu_ref_is_zero(struct percpu_ref *ref)
{
	unsigned long word = READ_ONCE(ref->percpu_count_ptr), flags, count;

	if (!(word & __PERCPU_REF_ATOMIC_DEAD))
		return false;
	spin_lock_irqsave(&koi_ref_lock, flags);
	count = ref->data ? atomic_long_read(&ref->data->count) : ref->percpu_count_ptr >> __PERCPU_REF_FLAG_BITS;
	spin_unlock_irqrestore(&koi_ref_lock, flags);
	return !count;
}

void percpu_ref_resurrect(struct percpu_ref *ref)
{
	unsigned long flags;

	spin_lock_irqsave(&koi_ref_lock, flags);
#line KOI_LINE(469, 470) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!percpu_ref_is_dying(ref));
#line KOI_LINE(470, 471) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!(ref->percpu_count_ptr & __PERCPU_REF_ATOMIC_DEAD));
	ref->percpu_count_ptr &= ~__PERCPU_REF_DEAD;
	percpu_ref_get(ref);
	__percpu_ref_switch_mode(ref, NULL);
	spin_unlock_irqrestore(&koi_ref_lock, flags);
}

void percpu_ref_reinit(struct percpu_ref *ref)
{
#line KOI_LINE(442, 443) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!percpu_ref_is_zero(ref));
	percpu_ref_resurrect(ref);
}
