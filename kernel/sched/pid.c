// SPDX-License-Identifier: GPL-2.0-only
/* struct pid: each task but the idle ones has one beside it, which keeps the task's memory as long as somebody refers to it. */

static struct pid koi_idle_pid;	/* of tasks without a number: what pid_alive() looks for */

static void koi_pid_init(struct task_struct *t)
{
	struct pid *pid = &container_of(t, struct koi_task_block, task)->pid.pid;

	refcount_set(&pid->count, 1);
	spin_lock_init(&pid->lock);
	INIT_HLIST_HEAD(&pid->tasks[PIDTYPE_PID]);
	INIT_HLIST_HEAD(&pid->tasks[PIDTYPE_TGID]);
	INIT_HLIST_HEAD(&pid->tasks[PIDTYPE_PGID]);
	INIT_HLIST_HEAD(&pid->tasks[PIDTYPE_SID]);
	init_waitqueue_head(&pid->wait_pidfd);
	pid->numbers[0].nr = t->pid;
	pid->numbers[0].ns = &init_pid_ns;
	hlist_add_head_rcu(&t->pid_links[PIDTYPE_PID], &pid->tasks[PIDTYPE_PID]);
	hlist_add_head_rcu(&t->pid_links[PIDTYPE_TGID], &pid->tasks[PIDTYPE_TGID]);
	t->thread_pid = pid;
	refcount_inc(&t->usage);
}

void put_pid(struct pid *pid)
{
	if (pid && refcount_dec_and_test(&pid->count))
		put_task_struct(&container_of(pid, struct koi_task_block, pid.pid)->task);
}

/* The task is dead. */
static void koi_pid_release(struct task_struct *t)
{
	struct pid *pid = t->thread_pid;

	t->thread_pid = NULL;
	if (!pid || pid == &koi_idle_pid)
		return;
	hlist_del_rcu(&t->pid_links[PIDTYPE_PID]);
	hlist_del_rcu(&t->pid_links[PIDTYPE_TGID]);
	/* Not put_pid(): the caller looks after the last reference to the task. */
	if (refcount_dec_and_test(&pid->count))
		refcount_dec(&t->usage);
}

struct pid *find_pid_ns(int number, struct pid_namespace *ns)
{
	struct task_struct *t;

	list_for_each_entry(t, &init_task.tasks, tasks) {
		if (t->pid == number && t->thread_pid && t->thread_pid != &koi_idle_pid)
			return t->thread_pid;
	}
	return NULL;
}

struct pid *find_vpid(int number)
{
	return find_pid_ns(number, &init_pid_ns);
}

struct pid *find_get_pid(int number)
{
	return get_pid(find_vpid(number));
}

struct task_struct *pid_task(struct pid *pid, enum pid_type type)
{
	struct hlist_node *first = pid && type < PIDTYPE_MAX ? pid->tasks[type].first : NULL;

	return first ? hlist_entry(first, struct task_struct, pid_links[type]) : NULL;
}

struct task_struct *get_pid_task(struct pid *pid, enum pid_type type)
{
	struct task_struct *t = pid_task(pid, type);

	if (t)
		get_task_struct(t);
	return t;
}

struct pid *get_task_pid(struct task_struct *t, enum pid_type type)
{
	return t->thread_pid == &koi_idle_pid ? NULL : get_pid(t->thread_pid);
}

pid_t pid_nr_ns(struct pid *pid, struct pid_namespace *ns)
{
	return pid ? pid->numbers[0].nr : 0;
}

pid_t pid_vnr(struct pid *pid)
{
	return pid_nr_ns(pid, &init_pid_ns);
}

struct pid_namespace *task_active_pid_ns(struct task_struct *t)
{
	return &init_pid_ns;
}

/* Task numbers; there is one pid namespace. */
pid_t __task_pid_nr_ns(struct task_struct *t, enum pid_type type, struct pid_namespace *ns)
{
	return type == PIDTYPE_TGID ? t->tgid : t->pid;
}
