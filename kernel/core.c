// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C core: everything of koi that touches a kernel structure. Kbuild compiles it against the user's own headers, so
 * that layouts and configuration are the module's own, into the single object core.o (no modpost; its globals are taken
 * from its symbol table, so EXPORT_SYMBOL is not used). The parts are included, not linked.
 *
 * What is not here is C++: algorithms, and all state that modules cannot see. The core calls it through koi_* and the
 * kernel's own function names, like any module does.
 */
#include <linux/version.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/percpu.h>
#include <linux/kernel_stat.h>
#include <linux/pid_namespace.h>
#include <linux/smp.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/page-flags.h>
#include <linux/utsname.h>
#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/user_namespace.h>
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/ioport.h>
#include <linux/rtc.h>
#include <linux/printk.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <linux/timer.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/completion.h>
#include <linux/wait.h>
#include <linux/ratelimit.h>
#include <linux/dynamic_debug.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/refcount.h>
#include <linux/semaphore.h>
#include <linux/rwsem.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/swait.h>
#include <linux/wait_bit.h>
#include <linux/rcuwait.h>
#include <linux/srcu.h>
#include <linux/ww_mutex.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/sched/clock.h>
#include <linux/sched/rt.h>
#include <linux/sched/prio.h>
#include <uapi/linux/sched/types.h>
#include <generated/utsrelease.h>
#include <generated/compile.h>
#if __has_include(<generated/utsversion.h>)
#include <generated/utsversion.h>
#endif
#include <asm/paravirt.h>
#include <asm/processor.h>
#include <asm/page.h>
#include <asm/pgtable.h>

#include "koi_core.h"

#include "entry.c"
#include "data.c"
#include "paravirt.c"
#include "layout.c"
#include "page_data.c"
#include "page.c"
#include "uaccess.c"
#include "user_buffers.c"
#include "mempool.c"
#include "shrinker.c"
#include "devres.c"
#include "task.c"
#include "params.c"
#include "module.c"
#include "notifier.c"
#include "locks.c"
#include "cred.c"
#include "sched.c"
#include "wait.c"
#include "wait_bit.c"
#include "completion.c"
#include "mutex.c"
#include "semaphore.c"
#include "rwsem.c"
#include "time.c"
#include "timer.c"
#include "timerqueue.c"
#include "hrtimer.c"
#include "softirq.c"
#include "rcu.c"
#include "smp.c"
#include "kthread.c"
#include "workqueue.c"
#include "boot.c"
#include "lib.c"
#include "printk.c"
#include "jump_label.c"
#include "platform.c"
