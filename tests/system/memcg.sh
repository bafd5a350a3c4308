#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# memcg.sh SERIES: --memcg: what is charged to the cgroup of the tasks, what stays, and what happens at the limit. The numbers of
# memory.stat and the steps of memory.events are those of real kernels of both releases (qemu, one CPU).
. "$(dirname "$0")/lib.sh"
series=$1
release=$(release_of "$series") || exit 1
module=$KOI_MODULES/$series/modules/memcg.ko
group=/sys/fs/cgroup/koi
script=$work/script

# session LIMIT ARGUMENTS [FILE]...: the log and the files while the module is loaded, and memory.stat after it.
session() {
  local limit=$1 arguments=$2
  shift 2
  { echo "insmod $module $arguments"
    echo dmesg
    for file in "$@"; do echo "cat $group/$file"; done
    echo "rmmod memcg"
    echo "cat $group/memory.stat"; } >"$script"
  koi_all shell --kernel "$release" --cpus 1 --memcg "$limit" --script "$script"
}

# ---- charged, and given back ----
session max "how=kmalloc" memory.current memory.stat memory.peak memory.max
expect_order '^524288$' '^kernel 266240$' '^524288$' '^max$' '^kernel 4096$'
session max "how=plain" memory.current memory.stat
expect_order '^0$' '^kernel 0$' '^slab 0$' '^kernel 0$'
session max "how=cache" memory.stat
expect_order '^kernel 208896$' '^slab_unreclaimable 2[01]....$' '^kernel 4096$'
# Beyond the caches: pages, which the statistics call slab.
session max "how=kmalloc size=10000 count=100" memory.stat
expect_order '^kernel 1638400$' '^slab_unreclaimable 1638400$' '^kernel 0$' '^slab_unreclaimable 0$'
session max "how=pages size=8192 count=100" memory.stat
expect_order '^kernel 819200$' '^slab 0$' '^kernel 0$'
session max "how=vmalloc size=12000 count=100" memory.stat
expect_order '^kernel 1228800$' '^vmalloc 1228800$' '^kernel 0$' '^vmalloc 0$'
session max "how=percpu size=100 count=100" memory.stat
expect_order '^kernel 32768$' '^percpu 30000$' '^percpu 0$'

# ---- at the limit ----
koi_all run --memcg 4M "$module" size=4096 count=2000
expect_order 'insmod invoked oom-killer: gfp_mask=0x400cc0\(GFP_KERNEL_ACCOUNT\), order=1, oom_score_adj=0$' \
  'memory: usage 4096kB, limit 4096kB, failcnt 19$' 'swap: usage 0kB, limit 9007199254740988kB, failcnt 0$' \
  'Memory cgroup stats for /koi:$' ' kernel 4194304$' 'Tasks state \(memory values in pages\):$' \
  'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=\(null\),cpuset=/,mems_allowed=0,oom_memcg=/koi,task_memcg=/koi,task=insmod,pid=[0-9]+,uid=0$' \
  'Memory cgroup out of memory: Killed process [0-9]+ \(insmod\) total-vm:' 'memcg: kmalloc of 4096: 1022 of 2000$'
session 4M "how=kmalloc size=4096 count=2000" memory.events
expect_order '^max 35$' '^oom 1$' '^oom_kill 1$'
# Blocks too large for the OOM killer: only a failure. So is GFP_NOWAIT, without an event.
session 4M "how=pages size=65536 count=200" memory.events
expect_order 'pages of 65536: 64 of 200$' '^max 18$' '^oom 0$' '^oom_kill 0$'
session 4M "how=nowait size=4096 count=2000" memory.events
expect_order 'nowait of 4096: 1022 of 2000$' '^max 0$' '^oom 0$'
# What may not fail goes beyond it.
session 4M "how=nofail size=4096 count=2000" memory.current
expect_order 'Killed process [0-9]+ \(insmod\)' 'nofail of 4096: 2000 of 2000$' '^8[0-9]{6}$'

# ---- none ----
koi_all run "$module" size=4096 count=2000
expect_status 0
expect_line 'kmalloc of 4096: 2000 of 2000$'
echo "cat $group/memory.current" >"$script"
koi_all shell --kernel "$release" --script "$script"
expect_line 'No such file or directory'
koi_all run --memcg 4M --guard=all "$module"
expect_line 'does not charge guarded objects'
koi_all run --memcg lots "$module"
expect_line '\-\-memcg'

finish
