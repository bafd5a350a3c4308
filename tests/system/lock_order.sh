#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# lock_order.sh SERIES: the lock validator on modules without any lock debugging: it reports what is wrong on a run in which
# nothing goes wrong, under the kernel's headlines, and says nothing about what only looks like it.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/modules/lock_order.ko
example=$KOI_MODULES/$1/abba_deadlock/abba_deadlock.ko

# reported CASE HEADLINE: among the log's lines; the exit code says so.
reported() {
  koi_all run --fail-on lock "$module" "what=$1"
  expect_status 3
  expect_line "$2"
  expect_line 'Findings: .*lock finding'
}
# A sleep where nobody may is a warning, not a matter of lock order.
reported_sleep() {
  koi_all run --fail-on warning "$module" "what=$1"
  expect_status 3
  expect_line "$2"
  expect_line 'Findings: [1-9][0-9]* warning'
}
silent() {
  koi_all run --fail-on lock "$module" "what=$1"
  expect_status 0
  expect_no_line 'WARNING|BUG:|lock finding'
}

reported abba 'WARNING: possible circular locking dependency detected'
expect_order 'insmod/[0-9]+ is trying to acquire lock:' '\(A\)\{\+\.\+\.\}-\{3:3\}, at: (ab)?ba\+0x' 'but task is already holding lock:' \
  '\(B\)\{\+\.\+\.\}-\{3:3\}, at: (ab)?ba\+0x' 'the existing dependency chain \(in reverse order\) is:' '-> #1 \(B\)' '__mutex_lock\+0x' '(abb)?ab?\+0x' \
  '-> #0 \(A\)' '__lock_acquire\+0x' 'ba\+0x' 'Possible unsafe locking scenario' 'lock\(B\);' 'lock\(A\);' '\*\*\* DEADLOCK \*\*\*' \
  '1 lock held by insmod' 'stack backtrace:' 'check_noncircular\+0x'
reported abba_threads 'WARNING: possible circular locking dependency detected'
reported three 'A --> B --> C'
reported readers_order 'WARNING: possible circular locking dependency detected'
reported of_objects 'WARNING: possible circular locking dependency detected'
reported same_class 'WARNING: possible recursive locking detected'
expect_line '\(&n->m\)'
reported read_twice 'WARNING: possible recursive locking detected'
reported hardirq 'inconsistent \{HARDIRQ-ON-W\} -> \{IN-HARDIRQ-W\} usage\.'
reported softirq 'inconsistent \{SOFTIRQ-ON-W\} -> \{IN-SOFTIRQ-W\} usage\.'
reported hardirq_chain 'WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected'
reported mutex_in_spin '\[ BUG: Invalid wait context \]'
expect_line 'BUG: sleeping function called from invalid context at kernel/locking/mutex\.c:[0-9]+'
reported_sleep alloc_in_spin 'BUG: sleeping function called from invalid context at include/linux/sched/mm\.h:[0-9]+'
reported_sleep sleep_in_rcu 'BUG: sleeping function called from invalid context at .*lock_order\.c:[0-9]+'
reported unlock_twice 'WARNING: bad unlock balance detected!'
reported free_held 'WARNING: held lock freed!'
reported kept 'WARNING: lock held when returning to user space!'
reported thread_keeps 'WARNING: lock_order/[0-9]+ still has locks held!'
reported work_leak 'BUG: workqueue leaked'
for name in flush_holding cancel_holding queue_holding timer_holding; do
  reported "$name" 'WARNING: possible circular locking dependency detected'
done
reported uninitialised 'DEBUG_LOCKS_WARN_ON\(lock->magic != lock\)'

for name in one_order_ok three_ok trylock_ok of_objects_ok same_class_ok hardirq_ok hardirq_reader_ok softirq_ok hardirq_chain_ok \
  spin_in_mutex_ok alloc_in_spin_ok sleep_after_rcu_ok unlock_out_of_order_ok free_ok work_ok flush_other_lock_ok \
  timer_other_lock_ok timer_not_waited_for_ok work_frees_itself_ok on_stack_ok; do
  silent "$name"
done

# Switched off: the log of the distribution's kernel.
koi_all run --fail-on lock --checks stock "$module" what=abba
expect_status 0
expect_no_line 'WARNING'

# The textbook's deadlock, on a run in which it does not happen.
koi_all run --fail-on lock "$example"
expect_status 3
expect_line 'checking 115, savings 85'
expect_line 'WARNING: possible circular locking dependency detected'
expect_line 'checking\+0x|checking\)|\(checking\)'
koi_all run --fail-on lock "$example" by_address=1
expect_status 0
expect_line 'checking 115, savings 85'
expect_no_line 'WARNING'
finish
