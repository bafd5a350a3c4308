// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts that cost a per-CPU increment while nobody waits for zero (<linux/percpu-refcount.h>). In per-CPU mode
 * the common count holds a bias that no sum of the parts can reach, so that it never drops to zero. A change to atomic
 * mode takes effect at once for new users; the parts are added up after a grace period.
 */
#define KOI_REF_BIAS (1UL << (BITS_PER_LONG - 1))
/* confirm_switch says that a change to atomic mode is on its way; this one, that nobody wants to hear of its end. */
#define KOI_REF_SILENT ((percpu_ref_func_t *)1)

static DEFINE_SPINLOCK(koi_ref_lock);
static DECLARE_WAIT_QUEUE_HEAD(koi_ref_changed);

/* The common word is the address of the parts with flags in its low bits. */
static unsigned long __percpu *koi_ref_parts(const struct percpu_ref *ref)
{
	return (unsigned long __percpu *)(ref->percpu_count_ptr & ~__PERCPU_REF_ATOMIC_DEAD);
}

int percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release, unsigned int flags, gfp_t gfp)
{
	bool dead = flags & PERCPU_REF_INIT_DEAD, atomic = dead || (flags & PERCPU_REF_INIT_ATOMIC);
	unsigned long __percpu *parts = alloc_percpu_gfp(unsigned long, gfp);
	struct percpu_ref_data *data = parts ? kzalloc(sizeof(*data), gfp) : NULL;

	BUILD_BUG_ON(__alignof__(unsigned long) < 1 << __PERCPU_REF_FLAG_BITS);
	memset(ref, 0, sizeof(*ref));
	if (!data) {
		free_percpu(parts);
		return -ENOMEM;
	}
	atomic_long_set(&data->count, (atomic ? 0 : KOI_REF_BIAS) + !dead);
	data->release = release;
	data->force_atomic = (flags & PERCPU_REF_INIT_ATOMIC) != 0;
	data->allow_reinit = atomic || (flags & PERCPU_REF_ALLOW_REINIT);
	data->ref = ref;
	ref->data = data;
	ref->percpu_count_ptr = (unsigned long)parts | (atomic ? __PERCPU_REF_ATOMIC : 0) | (dead ? __PERCPU_REF_DEAD : 0);
	return 0;
}

/* For good: the parts are not needed any more. */
static void koi_ref_drop_parts(struct percpu_ref *ref)
{
	void __percpu *parts = koi_ref_parts(ref);

	if (parts)
		ref->percpu_count_ptr = __PERCPU_REF_ATOMIC_DEAD;
	free_percpu(parts);
}

void percpu_ref_exit(struct percpu_ref *ref)
{
	struct percpu_ref_data *data = ref->data;
	unsigned long irqs;

#line KOI_LINE(114, 114) "lib/percpu-refcount.c"
	WARN_ON_ONCE(koi_ref_parts(ref) && data && data->confirm_switch);
	koi_ref_drop_parts(ref);
	if (!data)
		return;
	spin_lock_irqsave(&koi_ref_lock, irqs);
	ref->data = NULL;
	/* The last count can still be asked for: percpu_ref_is_zero(). */
	ref->percpu_count_ptr |= atomic_long_read(&data->count) << __PERCPU_REF_FLAG_BITS;
	spin_unlock_irqrestore(&koi_ref_lock, irqs);
	kfree(data);
}

/* The change is complete: who waits for it is told, and the reference goes that was held for it. */
static noinline void koi_ref_gathered(struct percpu_ref *ref)
{
	percpu_ref_func_t *tell = ref->data->confirm_switch;

	if (tell != KOI_REF_SILENT)
		tell(ref);
	ref->data->confirm_switch = NULL;
	wake_up_all(&koi_ref_changed);
	if (!ref->data->allow_reinit)
		koi_ref_drop_parts(ref);
	percpu_ref_put(ref);
}

/* After a grace period nobody counts in the parts any more. */
static void percpu_ref_switch_to_atomic_rcu(struct rcu_head *head)
{
	struct percpu_ref *ref = container_of(head, struct percpu_ref_data, rcu)->ref;
	long total = 0 - KOI_REF_BIAS;
	int cpu;

	for_each_possible_cpu(cpu)
		total += *per_cpu_ptr(koi_ref_parts(ref), cpu);
	total = atomic_long_add_return(total, &ref->data->count);
#line KOI_LINE(197, 197) "lib/percpu-refcount.c"
	WARN_ONCE(total <= 0, "percpu ref (%ps) <= 0 (%ld) after switching to atomic", ref->data->release, total);
	koi_ref_gathered(ref);
}

/*
 * What became of the reference decides its mode: atomic if it was killed or somebody insists, else per CPU. `flags` are the new
 * ones of __PERCPU_REF_DEAD, `insists` is -1 if that stays as it is; `users` come (1) or go (-1) with the change.
 */
static noinline void koi_ref_change(struct percpu_ref *ref, unsigned long flags, int insists, int users, percpu_ref_func_t *tell)
{
	struct percpu_ref_data *data = ref->data;
	unsigned long irqs;
	int cpu;

	spin_lock_irqsave(&koi_ref_lock, irqs);
	ref->percpu_count_ptr = (ref->percpu_count_ptr & ~__PERCPU_REF_DEAD) | flags;
	if (insists >= 0)
		data->force_atomic = insists;
	if (users > 0)
		percpu_ref_get(ref);
	wait_event_lock_irq(koi_ref_changed, !data->confirm_switch, koi_ref_lock);

	if (percpu_ref_is_dying(ref) || data->force_atomic) {
		if (!(ref->percpu_count_ptr & __PERCPU_REF_ATOMIC)) {
			data->confirm_switch = tell ?: KOI_REF_SILENT;
			ref->percpu_count_ptr |= __PERCPU_REF_ATOMIC;
			percpu_ref_get(ref);
			call_rcu_hurry(&data->rcu, percpu_ref_switch_to_atomic_rcu);
		} else if (tell) {
			tell(ref);
		}
	} else if (ref->percpu_count_ptr & __PERCPU_REF_ATOMIC) {
#line KOI_LINE(241, 242) "lib/percpu-refcount.c"
		BUG_ON(!koi_ref_parts(ref));
#line KOI_LINE(246, 247) "lib/percpu-refcount.c"
		if (!WARN_ON_ONCE(!data->allow_reinit)) {
			for_each_possible_cpu(cpu)
				*per_cpu_ptr(koi_ref_parts(ref), cpu) = 0;
			atomic_long_add(KOI_REF_BIAS, &data->count);
			/* Whoever sees the mode sees the zeros. */
			smp_store_release(&ref->percpu_count_ptr, ref->percpu_count_ptr - __PERCPU_REF_ATOMIC);
		}
	}
	if (users < 0)
		percpu_ref_put(ref);
	spin_unlock_irqrestore(&koi_ref_lock, irqs);
}

static unsigned long koi_ref_flags(const struct percpu_ref *ref)
{
	return ref->percpu_count_ptr & __PERCPU_REF_DEAD;
}

void percpu_ref_switch_to_atomic(struct percpu_ref *ref, percpu_ref_func_t *tell)
{
	koi_ref_change(ref, koi_ref_flags(ref), 1, 0, tell);
}

void percpu_ref_switch_to_atomic_sync(struct percpu_ref *ref)
{
	koi_ref_change(ref, koi_ref_flags(ref), 1, 0, NULL);
	wait_event(koi_ref_changed, !ref->data->confirm_switch);
}

void percpu_ref_switch_to_percpu(struct percpu_ref *ref)
{
	koi_ref_change(ref, koi_ref_flags(ref), 0, 0, NULL);
}

void percpu_ref_kill_and_confirm(struct percpu_ref *ref, percpu_ref_func_t *tell)
{
#line KOI_LINE(389, 390) "lib/percpu-refcount.c"
	WARN_ONCE(percpu_ref_is_dying(ref), "%s called more than once on %ps!", __func__, ref->data->release);
	koi_ref_change(ref, __PERCPU_REF_DEAD, -1, -1, tell);
}

void percpu_ref_resurrect(struct percpu_ref *ref)
{
#line KOI_LINE(469, 470) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!percpu_ref_is_dying(ref));
#line KOI_LINE(470, 471) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!(ref->percpu_count_ptr & __PERCPU_REF_ATOMIC_DEAD));
	koi_ref_change(ref, 0, -1, 1, NULL);
}

bool percpu_ref_is_zero(struct percpu_ref *ref)
{
	unsigned long irqs, left = 1;

	if (READ_ONCE(ref->percpu_count_ptr) & __PERCPU_REF_ATOMIC_DEAD) {
		spin_lock_irqsave(&koi_ref_lock, irqs);
		if (ref->data)
			left = atomic_long_read(&ref->data->count);
		else
			left = ref->percpu_count_ptr >> __PERCPU_REF_FLAG_BITS;
		spin_unlock_irqrestore(&koi_ref_lock, irqs);
	}
	return left == 0;
}

void percpu_ref_reinit(struct percpu_ref *ref)
{
#line KOI_LINE(442, 443) "lib/percpu-refcount.c"
	WARN_ON_ONCE(!percpu_ref_is_zero(ref));
	percpu_ref_resurrect(ref);
}
