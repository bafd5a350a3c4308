// SPDX-License-Identifier: GPL-2.0-only
/* Signals as modules meet them. Kernel threads ignore each until they allow it (allow_signal()), and look for it themselves. Processes have
 * default actions only: most signals end them on their way to user space. Nobody is stopped or continued.
 */
#include <uapi/asm/signal.h>

static struct koi_task_block *koi_block_of(struct task_struct *t)
{
	return container_of(t, struct koi_task_block, task);
}

void recalc_sigpending(void)
{
	struct task_struct *t = current;
	sigset_t all;

	sigorsets(&all, &t->pending.signal, &t->signal->shared_pending.signal);
	sigandnsets(&all, &all, &t->blocked);
	if (!sigisemptyset(&all))
		set_tsk_thread_flag(t, TIF_SIGPENDING);
	else
		clear_tsk_thread_flag(t, TIF_SIGPENDING);
}

void kernel_sigaction(int sig, __sighandler_t action)
{
	struct koi_task_block *block = koi_block_of(current);

	if (sig < 1 || sig > _NSIG)
		return;
	sigdelset(&block->allowed, sig);
	sigdelset(&block->allowed_kernel, sig);
	if (action == SIG_KTHREAD)
		sigaddset(&block->allowed, sig);
	else if (action == SIG_KTHREAD_KERNEL)
		sigaddset(&block->allowed_kernel, sig);
	else if (action != SIG_IGN && action != SIG_DFL)
		koi_unsupported("handlers of signals");
	if (action == SIG_IGN) {
		sigdelset(&current->pending.signal, sig);
		sigdelset(&current->signal->shared_pending.signal, sig);
		recalc_sigpending();
	}
}

static bool koi_signal_ignored(struct task_struct *t, int sig, bool by_kernel)
{
	struct koi_task_block *block = koi_block_of(t);

	if (sigismember(&t->blocked, sig))
		return false;
	if (t->flags & PF_KTHREAD)
		return !sigismember(&block->allowed, sig) && !(by_kernel && sigismember(&block->allowed_kernel, sig));
	return sig == SIGCHLD || sig == SIGCONT || sig == SIGWINCH || sig == SIGURG;
}

static int koi_send(int sig, struct task_struct *t, bool by_kernel, bool whole_process)
{
	struct sigpending *pending = whole_process ? &t->signal->shared_pending : &t->pending;

	if (sig < 0 || sig > _NSIG)
		return -EINVAL;
	if (t->exit_state)
		return -ESRCH;
	if (!sig || koi_signal_ignored(t, sig, by_kernel))
		return 0;
	if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
		if (!(t->flags & PF_KTHREAD))
			koi_unsupported("signals that stop a process");
	}
	sigaddset(&pending->signal, sig);
	if (by_kernel)
		sigaddset(&koi_block_of(t)->by_kernel, sig);
	else
		sigdelset(&koi_block_of(t)->by_kernel, sig);
	if (sigismember(&t->blocked, sig))
		return 0;
	set_tsk_thread_flag(t, TIF_SIGPENDING);
	if (t->flags & PF_KTHREAD) {
		wake_up_state(t, TASK_INTERRUPTIBLE);
		return 0;
	}
	/* The default action of all that are left is the end of the process. */
	t->signal->flags |= SIGNAL_GROUP_EXIT;
	t->signal->group_exit_code = sig;
	sigaddset(&t->pending.signal, SIGKILL);
	wake_up_state(t, TASK_INTERRUPTIBLE | TASK_WAKEKILL);
	return 0;
}

int send_sig_info(int sig, struct kernel_siginfo *info, struct task_struct *t)
{
	return koi_send(sig, t, info == SEND_SIG_PRIV, false);
}

int send_sig(int sig, struct task_struct *t, int priv)
{
	return koi_send(sig, t, priv != 0, false);
}

int kill_pid(struct pid *pid, int sig, int priv)
{
	struct task_struct *t = pid_task(pid, PIDTYPE_PID);

	return t ? koi_send(sig, t, priv != 0, true) : -ESRCH;
}

void force_sig(int sig)
{
	if (current->flags & PF_KTHREAD)
		sigaddset(&koi_block_of(current)->allowed, sig);
	sigdelset(&current->blocked, sig);
	koi_send(sig, current, true, false);
}

void flush_signals(struct task_struct *t)
{
	clear_tsk_thread_flag(t, TIF_SIGPENDING);
	sigemptyset(&t->pending.signal);
	sigemptyset(&t->signal->shared_pending.signal);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
int dequeue_signal(sigset_t *mask, kernel_siginfo_t *info, enum pid_type *type)
#else
int dequeue_signal(struct task_struct *t, sigset_t *mask, kernel_siginfo_t *info, enum pid_type *type)
#endif
{
	struct sigpending *queues[] = { &current->pending, &current->signal->shared_pending };
	int i, sig;

	for (i = 0; i < 2; i++) {
		for (sig = 1; sig <= _NSIG; sig++) {
			if (!sigismember(&queues[i]->signal, sig) || sigismember(mask, sig))
				continue;
			sigdelset(&queues[i]->signal, sig);
			clear_siginfo(info);
			info->si_signo = sig;
			info->si_code = sigismember(&koi_block_of(current)->by_kernel, sig) ? SI_KERNEL : SI_USER;
			*type = i ? PIDTYPE_TGID : PIDTYPE_PID;
			recalc_sigpending();
			return sig;
		}
	}
	recalc_sigpending();
	return 0;
}

int sigprocmask(int how, sigset_t *set, sigset_t *old)
{
	if (old)
		*old = current->blocked;
	switch (how) {
	case SIG_BLOCK:
		sigorsets(&current->blocked, &current->blocked, set);
		break;
	case SIG_UNBLOCK:
		sigandnsets(&current->blocked, &current->blocked, set);
		break;
	case SIG_SETMASK:
		current->blocked = *set;
		break;
	default:
		return -EINVAL;
	}
	recalc_sigpending();
	return 0;
}
