// SPDX-License-Identifier: GPL-2.0-only
/* Processes as modules look at them: lists, numbers, struct pid, CPUs, policies, signals to kernel threads. */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <uapi/linux/sched/types.h>

static int got, dequeued;

static int listener(void *unused)
{
	allow_signal(SIGUSR1);
	allow_kernel_signal(SIGUSR2);
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			dequeued = kernel_dequeue_signal();
			got++;
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void send(struct task_struct *t, const char *what, int sig, int priv)
{
	int before = got, result = send_sig(sig, t, priv);

	msleep(5);
	pr_info("%s: %d, %s %d\n", what, result, got == before ? "ignored" : "taken", got == before ? 0 : dequeued);
}

static void signals(void)
{
	struct task_struct *t = kthread_create(listener, NULL, "listener");
	struct pid *pid;

	if (IS_ERR(t))
		return;
	get_task_struct(t);
	if (num_online_cpus() > 1)
		kthread_bind(t, 1);
	wake_up_process(t);
	msleep(5);
	pr_info("on cpu %u, state %c\n", task_cpu(t), task_state_to_char(t));
	send(t, "allowed", SIGUSR1, 0);
	send(t, "not allowed", SIGTERM, 1);
	send(t, "killed", SIGKILL, 1);
	send(t, "for the kernel only, by a task", SIGUSR2, 0);
	send(t, "for the kernel only", SIGUSR2, 1);
	pr_info("no signal: %d %d\n", send_sig(65, t, 1), send_sig(0, t, 1));
	pid = get_task_pid(t, PIDTYPE_PID);
	pr_info("kill_pid %d\n", kill_pid(pid, SIGUSR1, 1));
	msleep(5);
	kthread_stop(t);
	msleep(5);
	put_task_struct(t);
	pr_info("after its end: task %d, kill_pid %d, number %d\n", pid_task(pid, PIDTYPE_PID) != NULL, kill_pid(pid, SIGUSR1, 1),
		pid_nr(pid) > 0);
	put_pid(pid);
}

static int __init processes_init(void)
{
	struct sched_attr rr = { .size = sizeof(rr), .sched_policy = SCHED_RR, .sched_priority = 20 };
	struct sched_attr normal = { .size = sizeof(normal), .sched_policy = SCHED_NORMAL, .sched_nice = 5 };
	struct task_struct *p, *t;
	int processes = 0, threads = 0;
	struct pid *pid;

	rcu_read_lock();
	for_each_process(p)
		processes++;
	for_each_process_thread(p, t)
		threads++;
	pr_info("as many threads as processes: %d\n", processes == threads && processes >= 4);
	p = pid_task(find_vpid(1), PIDTYPE_PID);
	pr_info("1 is %s, 2 is %s\n", p->comm, pid_task(find_vpid(2), PIDTYPE_PID)->comm);
	pr_info("parent of %s: %s, parent of kthreads: %s\n", current->comm, current->real_parent->comm,
		pid_task(find_vpid(2), PIDTYPE_PID)->comm);
	pr_info("I am myself: %d, nobody: %d\n", pid_task(find_vpid(current->pid), PIDTYPE_PID) == current,
		find_vpid(30000) == NULL);
	rcu_read_unlock();
	pid = find_get_pid(current->pid);
	t = get_pid_task(pid, PIDTYPE_TGID);
	pr_info("held: %d\n", t == current && pid == task_pid(current) && pid_vnr(pid) == current->pid);
	put_task_struct(t);
	put_pid(pid);
	pr_info("root: %d %d\n", capable(CAP_SYS_ADMIN), uid_eq(current_uid(), GLOBAL_ROOT_UID));
	pr_info("round robin: %d", sched_setattr_nocheck(current, &rr));
	pr_cont(" policy %u prio %d\n", current->policy, current->prio);
	rr.sched_priority = 100;
	pr_info("too high: %d\n", sched_setattr_nocheck(current, &rr));
	pr_info("normal: %d", sched_setattr_nocheck(current, &normal));
	pr_cont(" policy %u nice %d\n", current->policy, task_nice(current));
	set_user_nice(current, 0);
	signals();
	return 0;
}

static void __exit processes_exit(void)
{
}

module_init(processes_init);
module_exit(processes_exit);
MODULE_DESCRIPTION("Processes, their numbers and their signals");
MODULE_LICENSE("GPL");
