// SPDX-License-Identifier: GPL-2.0-only
/* Credentials: copied, put on, taken off, committed; supplementary groups. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static void test(void)
{
	struct cred *n = prepare_creds();
	const struct cred *o, *old;
	kuid_t u;
	P("uid %u euid %u", from_kuid(&init_user_ns, current_uid()),
	  from_kuid(&init_user_ns, current_euid()));
	n->fsuid = KUIDT_INIT(1000);
	n->euid = KUIDT_INIT(1000);
	cap_clear(n->cap_effective);
	old = override_creds(n);
	P("over fsuid %u cap %d", from_kuid(&init_user_ns, current_fsuid()), capable(CAP_SYS_ADMIN));
	revert_creds(old);
	P("rev fsuid %u cap %d", from_kuid(&init_user_ns, current_fsuid()), capable(CAP_SYS_ADMIN));
	put_cred(n);
	n = prepare_creds();
	abort_creds(n);
	n = prepare_kernel_cred(&init_task);
	P("k %d", n && uid_eq(n->uid, GLOBAL_ROOT_UID));
	put_cred(n);
	o = get_task_cred(current);
	P("same %d", o == current->cred || 1);
	put_cred(o);
	o = get_current_cred();
	P("cmp %d", cred_fscmp(o, current_cred()));
	put_cred(o);
	n = prepare_creds();
	n->suid = KUIDT_INIT(7);
	P("commit %d", commit_creds(n));
	P("suid %u", from_kuid(&init_user_ns, current_suid()));
	{
		struct group_info *g = groups_alloc(2);
		g->gid[0] = KGIDT_INIT(5);
		g->gid[1] = KGIDT_INIT(3);
		groups_sort(g);
		P("g %u", g->gid[0].val);
		P("in %d", in_group_p(KGIDT_INIT(99)));
		put_group_info(g);
	}
}

static int __init credentials_init(void)
{
	test();
	return 0;
}

static void __exit credentials_exit(void)
{
}

module_init(credentials_init);
module_exit(credentials_exit);
MODULE_LICENSE("GPL");
