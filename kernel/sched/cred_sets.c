// SPDX-License-Identifier: GPL-2.0-only
/* Sets of credentials: copied, changed, put on and taken off by tasks. Those of the first tasks are never freed. */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
const kernel_cap_t __cap_empty_set = CAP_EMPTY_SET;
#endif

static bool koi_cred_is_static(const struct cred *cred)
{
	return cred == &koi_root_cred || cred == &init_cred;
}

static void koi_cred_free(struct rcu_head *head)
{
	struct cred *cred = container_of(head, struct cred, rcu);

	if (cred->group_info)
		put_group_info(cred->group_info);
	kfree(cred);
}

void __put_cred(struct cred *cred)
{
#line KOI_LINE(141, 103) "kernel/cred.c"
	BUG_ON(atomic_long_read(&cred->usage) != 0);
#line KOI_LINE(147, 104) "kernel/cred.c"
	BUG_ON(cred == current->cred);
#line KOI_LINE(148, 105) "kernel/cred.c"
	BUG_ON(cred == current->real_cred);
	if (koi_cred_is_static(cred))
		koi_unsupported("dropping the last reference to the first task's credentials");
	if (cred->non_rcu)
		koi_cred_free(&cred->rcu);
	else
		call_rcu(&cred->rcu, koi_cred_free);
}

/* A task that dies gives up both. */
static void koi_cred_exit(struct task_struct *t)
{
	const struct cred *cred = t->cred, *real = t->real_cred;

	t->cred = t->real_cred = &koi_root_cred;
	if (!koi_cred_is_static(cred))
		put_cred(cred);
	if (!koi_cred_is_static(real))
		put_cred(real);
}

static struct cred *koi_cred_copy(const struct cred *old)
{
	struct cred *new = kmemdup(old, sizeof(*new), GFP_KERNEL);

	if (!new)
		return NULL;
	atomic_long_set(&new->usage, 1);
	new->non_rcu = 0;
	if (new->group_info)
		get_group_info(new->group_info);
	return new;
}

struct cred *prepare_creds(void)
{
	return koi_cred_copy(current->cred);
}

struct cred *prepare_kernel_cred(struct task_struct *daemon)
{
	const struct cred *old;
	struct cred *new;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#line 634 "kernel/cred.c"
	if (WARN_ON_ONCE(!daemon))
		return NULL;
#endif
	old = daemon ? get_task_cred(daemon) : get_cred(&koi_root_cred);
	new = koi_cred_copy(old);
	put_cred(old);
	return new;
}

/* What the task shows to others and what it acts with are the same afterwards; takes over the caller's reference. */
int commit_creds(struct cred *new)
{
	struct task_struct *t = current;
	const struct cred *old = t->real_cred;

#line KOI_LINE(456, 400) "kernel/cred.c"
	BUG_ON(t->cred != old);
#line KOI_LINE(462, 401) "kernel/cred.c"
	BUG_ON(atomic_long_read(&new->usage) < 1);
	get_cred(new);
	rcu_assign_pointer(t->real_cred, new);
	rcu_assign_pointer(t->cred, new);
	if (!koi_cred_is_static(old)) {
		put_cred(old);
		put_cred(old);
	}
	return 0;
}

void abort_creds(struct cred *new)
{
#line KOI_LINE(542, 474) "kernel/cred.c"
	BUG_ON(atomic_long_read(&new->usage) < 1);
	put_cred(new);
}

const struct cred *override_creds(const struct cred *new)
{
	struct task_struct *t = current;
	const struct cred *taken_off = t->cred;

	rcu_assign_pointer(t->cred, get_cred(new));
	return taken_off;
}

void revert_creds(const struct cred *old)
{
	struct task_struct *t = current;
	const struct cred *worn = t->cred;

	rcu_assign_pointer(t->cred, old);
	put_cred(worn);
}

const struct cred *get_task_cred(struct task_struct *t)
{
	const struct cred *cred;

	rcu_read_lock();
	cred = get_cred(__task_cred(t));
	rcu_read_unlock();
	return cred;
}

/* Which of two sets comes first, by what file systems look at: -1, 0, 1. */
int cred_fscmp(const struct cred *a, const struct cred *b)
{
	int groups_a, groups_b, i;

	if (a == b)
		return 0;
	if (!uid_eq(a->fsuid, b->fsuid))
		return uid_lt(a->fsuid, b->fsuid) ? -1 : 1;
	if (!gid_eq(a->fsgid, b->fsgid))
		return gid_lt(a->fsgid, b->fsgid) ? -1 : 1;
	if (a->group_info == b->group_info)
		return 0;
	groups_a = a->group_info ? a->group_info->ngroups : 0;
	groups_b = b->group_info ? b->group_info->ngroups : 0;
	if (groups_a != groups_b)
		return groups_a < groups_b ? -1 : 1;
	for (i = 0; i < groups_a; i++) {
		if (!gid_eq(a->group_info->gid[i], b->group_info->gid[i]))
			return gid_lt(a->group_info->gid[i], b->group_info->gid[i]) ? -1 : 1;
	}
	return 0;
}

/* ---- supplementary groups ---- */
struct group_info *groups_alloc(int count)
{
	struct group_info *groups = kvmalloc(struct_size(groups, gid, count), GFP_KERNEL_ACCOUNT);

	if (!groups)
		return NULL;
	memset(groups, 0, sizeof(*groups));
	atomic_set((atomic_t *)&groups->usage, 1);
	groups->ngroups = count;
	return groups;
}

void groups_free(struct group_info *groups)
{
	kvfree(groups);
}

static int koi_gid_compare(const void *a, const void *b)
{
	kgid_t x = *(const kgid_t *)a, y = *(const kgid_t *)b;

	return gid_gt(x, y) - gid_lt(x, y);
}

void groups_sort(struct group_info *groups)
{
	sort(groups->gid, groups->ngroups, sizeof(*groups->gid), koi_gid_compare, NULL);
}

static bool koi_group_in(const struct group_info *groups, kgid_t gid)
{
	int i;

	for (i = 0; groups && i < groups->ngroups; i++) {
		if (gid_eq(groups->gid[i], gid))
			return true;
	}
	return false;
}

int in_group_p(kgid_t gid)
{
	const struct cred *cred = current_cred();

	return gid_eq(gid, cred->fsgid) || koi_group_in(cred->group_info, gid);
}

int in_egroup_p(kgid_t gid)
{
	const struct cred *cred = current_cred();

	return gid_eq(gid, cred->egid) || koi_group_in(cred->group_info, gid);
}

void set_groups(struct cred *new, struct group_info *groups)
{
	if (new->group_info)
		put_group_info(new->group_info);
	new->group_info = get_group_info(groups);
}
