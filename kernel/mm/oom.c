// SPDX-License-Identifier: GPL-2.0-only
/* What the page allocator and the OOM killer ask of tasks; both are C++'s. */
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

/* One task for the OOM killer; sizes in pages, page tables in bytes. */
struct koi_oom_facts {
	s64 unkillable, killed, oom_score_adj, uid, tgid;
	u64 total_vm, rss_anon, rss_file, rss_shmem, swap, page_table_bytes;
};

/* Called from C++ with no upcall: nothing here may call out of the core. */
void koi_oom_facts(struct task_struct *t, struct koi_oom_facts *f)
{
	struct mm_struct *mm = t->mm;

	memset(f, 0, sizeof(*f));
	f->unkillable = !mm || is_global_init(t) || (t->flags & PF_KTHREAD);
	f->killed = __fatal_signal_pending(t) || (t->flags & PF_EXITING);
	f->oom_score_adj = t->signal->oom_score_adj;
	f->uid = __kuid_val(t->real_cred->uid);
	f->tgid = t->tgid;
	if (!mm)
		return;
	f->total_vm = mm->total_vm;
	f->rss_anon = get_mm_counter(mm, MM_ANONPAGES);
	f->rss_file = get_mm_counter(mm, MM_FILEPAGES);
	f->rss_shmem = get_mm_counter(mm, MM_SHMEMPAGES);
	f->swap = get_mm_counter(mm, MM_SWAPENTS);
	f->page_table_bytes = mm_pgtables_bytes(mm);
}

/* SIGKILL: the task dies when it would return to user space, and what sleeps killable wakes. */
void koi_oom_kill(struct task_struct *t)
{
	t->signal->oom_mm = t->mm;
	t->signal->flags |= SIGNAL_GROUP_EXIT;
	t->signal->group_exit_code = SIGKILL;
	sigaddset(&t->pending.signal, SIGKILL);
	set_tsk_thread_flag(t, TIF_MEMDIE);
	set_tsk_thread_flag(t, TIF_SIGPENDING);
	wake_up_state(t, TASK_INTERRUPTIBLE | TASK_WAKEKILL);
}

int koi_fatal_signal(struct task_struct *t)
{
	return __fatal_signal_pending(t);
}

/* What the scopes of memalloc_nofs_save() and its like take from a request. */
gfp_t koi_gfp_context(gfp_t gfp)
{
	return current_gfp_context(gfp);
}

/* Does the running task free memory itself, so that it may use the last of it? */
int koi_frees_memory(void)
{
	return !in_interrupt() && (current->flags & PF_MEMALLOC);
}
