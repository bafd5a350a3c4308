#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# races.sh SERIES: the data-race detector on a module that was built with --sanitize=thread: every race is reported in KCSAN's
# words on whatever run, and nothing that is ordered is.
. "$(dirname "$0")/lib.sh"
thread=$KOI_MODULES/$1/instrumented-thread
module=$thread/races.ko

reported() {
  koi_all run --fail-on race "$module" "what=$1"
  expect_status 3
  expect_line "BUG: KCSAN: data-race in $2"
  expect_line 'Findings: .*, [0-9]+ data races?'
}
silent() {
  local seed
  for seed in 1 7; do
    koi_all run --fail-on race --seed "$seed" "$module" "what=$1"
    expect_status 0
    expect_no_line 'BUG:|WARNING|data race'
  done
}

# Only the instrumentation differs: a stock kernel's version magic, and CRCs that agree.
koi modinfo "$module"
expect_line "^vermagic: +$(sed "s/[+.]/\\\\&/g" "$KOI_MODULES/$1/release") "

reported counter 'counter_body \[races\] / counter_body \[races\]'
expect_order '^\[.*\] ={66}$' 'BUG: KCSAN: data-race' '(read|write) to 0x[0-9a-f]{16} of 8 bytes by task [0-9]+ on cpu [01]:' \
  'counter_body\+0x[0-9a-f]+/0x[0-9a-f]+ \[races\]' 'thread\+0x.* \[races\]' 'kthread\+0x' 'ret_from_fork' \
  'write to|read to' 'kthread\+0x' 'Reported by Kernel Concurrency Sanitizer on:' 'CPU: [01] .*PID: [0-9]+ .*Comm: racer/[01]' \
  'Hardware name:' '={66}$' 'koi: source: .*races\.c:[0-9]+ in counter_body'
# Once for each pair of sites, however often they meet.
expect_equal 'reports of one race' 1 "$(grep -c 'BUG: KCSAN' <<<"$out")"
# The accesses are points where the other CPU goes on, so that updates are lost.
expect_line 'races: counter 1[0-9]{3}$|counter 1[0-9]{3}$'
expect_no_line 'counter 2000$'

reported two_locks 'two_locks_body \[races\]'
reported rwlock_reader_writes 'rwlock_reader_writes_body'
reported no_barrier 'no_barrier_body'
reported plain_flag 'plain_flag_body'
expect_line 'read \(marked\) to'
reported plain_publish 'plain_publish_body'
reported refcount 'refcount_body'
reported in_callee 'in_callee_body'
reported work 'bump_work \[races\] / (work_case|races_init) \[races\]'
reported timer 'bump_timer \[races\] / (timer_case|races_init)'
expect_line 'by interrupt on cpu [01]:'
reported irq_on 'bump_hrtimer \[races\] / (irq_off_case|races_init)'

# A free is a write of the whole object, in the words of KCSAN's assertion.
for name in free cache_free vmalloc_free free_without_rcu; do
  koi_all run --fail-on race "$module" "what=$name"
  expect_status 3
  expect_line 'BUG: KCSAN: assert: race in '
  expect_line 'assert no accesses to 0x[0-9a-f]{16} of [0-9]+ bytes by task [0-9]+ on cpu [01]:'
done
for name in free_completed cache_free_completed vmalloc_free_completed free_locked free_rcu; do silent "${name}_ok"; done

for name in spin mutex atomic semaphore rwsem seqlock completion wait_event message_passing wmb once bits rcu llist refcount data_race \
  bytes work timer hrtimer tasklet irq_off smp_call; do
  silent "${name}_ok"
done

# The same bytes from the same seed, others from another.
koi run --seed 5 "$module" what=counter
first=$out
koi run --seed 5 "$module" what=counter
expect_equal 'the same seed' "$first" "$out"

# What is asked for and not there is refused by name.
koi_all build --sanitize=undefined "$thread"
expect_status 2
expect_line '--sanitize=undefined: .*thread'
koi_all run --accounting=off "$module"
expect_status 2
expect_line 'accounting'
# On each run a race; in some schedules the sum is wrong, too.
koi_all explore "$thread/plain_counter.ko" --seeds 1..60 --strategy random
expect_status 3
expect_line '60 race: BUG: KCSAN: data-race in adder'
expect_line '[1-9][0-9]* module: .*plain_counter\.ko: init failed: it returned -117'
expect_line 'minimised:  koi run .*plain_counter\.ko'

finish
