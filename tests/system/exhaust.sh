#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# exhaust.sh SERIES: a machine of 64 MiB run out of memory in every way; what the module gets and the log says is what real
# kernels of both releases did with the same module (qemu, 256 MiB). koi lives, and everything comes back.
. "$(dirname "$0")/lib.sh"
series=$1
module=$KOI_MODULES/$series/modules/exhaust.ko
pfn_total=16384

case $series in
  6.1 | 6.1-*) alloc='__alloc_pages' atomic=0xa20 killer=oom_kill_process.cold nobody=out_of_memory.cold suffix= ;;
  *) alloc='__alloc_pages_noprof' atomic=0x820 killer=oom_kill_process nobody=out_of_memory suffix=_noprof ;;
esac

# run HOW [OPTION...]
run() {
  local how=$1
  shift
  koi_all run --memory 64M "$@" "$module" how="$how"
}

blocks() { sed -nE "s/.*\] $1: ([0-9]+) blocks before NULL.*/\1/p" <<<"$out"; }

# expect_failure HOW EXIT TEXT: NULL, no OOM killer, everything given back and the module gone.
expect_failure() {
  run "$1"
  expect_status 0
  [ -z "$2" ] || expect_line "insmod: page allocation failure: $2, nodemask=\(null\),cpuset=/,mems_allowed=0$"
  expect_no_line 'oom-killer'
  expect_line "\] $1: [0-9]+ blocks before NULL, SIGKILL pending: 0$"
  expect_order 'all given back' 'bye' '1 of 1 module loaded, 1 unloaded'
}

# expect_kill HOW GFP ORDER: the OOM killer's report, NULL for the module, a killed insmod, a loaded module.
expect_kill() {
  run "$1"
  expect_status 3
  expect_order "insmod invoked oom-killer: gfp_mask=$2, order=$3, oom_score_adj=0$" 'Call Trace:' 'dump_stack_lvl' \
    'dump_header\+0x' "$killer\+0x" 'out_of_memory\+0x' '__alloc_pages_slowpath.constprop.0\+0x' "$alloc\+0x" \
    'exhaust_init\+0x' 'Mem-Info:' 'all_unreclaimable\? yes' 'Node 0 DMA: ' 'Node 0 DMA32: ' '16384 pages RAM' \
    'Unreclaimable slab info:' 'Name                      Used          Total' \
    'Tasks state \(memory values in pages\):' '\[  pid  \]   uid  tgid total_vm      rss .*oom_score_adj name' \
    '\[ *[0-9]+\]     0 .* insmod$' \
    'oom-kill:constraint=CONSTRAINT_NONE,nodemask=\(null\),cpuset=/,mems_allowed=0.*,task=insmod,pid=[0-9]+,uid=0$' \
    'Out of memory: Killed process [0-9]+ \(insmod\) total-vm:0kB, .* oom_score_adj:0$' \
    "\] $1: [0-9]+ blocks before NULL, SIGKILL pending: 1$" 'all given back' 'bye' \
    'insmod did not live to see it loaded: its process was killed by signal 9'
  expect_line '1 of 1 module loaded, 1 unloaded'
  expect_equal "$1: one victim" 1 "$(grep -c '^\[.*Out of memory: Killed' <<<"$out")"
}

# ---- requests that fail ----
expect_failure 4m 'order:10, mode:0x40cc0\(GFP_KERNEL\|__GFP_COMP\)'
expect_equal "4 MiB blocks: all that are free" 14 "$(blocks 4m)"
expect_failure 4m_nowarn ''
expect_no_line 'allocation failure'
expect_failure 4m_noretry 'order:10, mode:0x50cc0\(GFP_KERNEL\|__GFP_NORETRY\|__GFP_COMP\)'
expect_failure 4m_mayfail 'order:10, mode:0x44cc0\(GFP_KERNEL\|__GFP_RETRY_MAYFAIL\|__GFP_COMP\)'
expect_failure 4m_atomic "order:10, mode:0x40${atomic#0x}\(GFP_ATOMIC\|__GFP_COMP\)"
expect_failure order4 'order:4, mode:0xcc0\(GFP_KERNEL\)'
expect_failure pages_noretry 'order:0, mode:0x10cc0\(GFP_KERNEL\|__GFP_NORETRY\)'
noretry=$(blocks pages_noretry)
expect_failure pages_mayfail 'order:0, mode:0x4cc0\(GFP_KERNEL\|__GFP_RETRY_MAYFAIL\)'
expect_failure pages_dma 'order:0, mode:0xcc1\(GFP_KERNEL\|GFP_DMA\)'
expect_equal "DMA requests stay below 16 MiB" yes "$([ "$(blocks pages_dma)" -lt 3840 ] && echo yes)"
expect_failure pages_nowait ''
expect_failure pages_atomic "order:0, mode:$atomic\(GFP_ATOMIC\)"
atomic_blocks=$(blocks pages_atomic)
expect_failure pages_memalloc "order:0, mode:.*__GFP_MEMALLOC\)"
memalloc=$(blocks pages_memalloc)
# Each may go deeper than the one before; the last takes every page that there is.
expect_equal "reserves: NORETRY < ATOMIC < MEMALLOC" yes \
  "$([ "$noretry" -lt "$atomic_blocks" ] && [ "$atomic_blocks" -lt "$memalloc" ] && echo yes)"
expect_equal "__GFP_MEMALLOC takes all but the reserved MiB" yes "$([ "$memalloc" -ge $((pfn_total - 256 - 2)) ] && echo yes)"
expect_failure small_atomic 'order:0, mode:.*'
expect_line 'SLUB: Unable to allocate memory on .*gfp='"$atomic"'\(GFP_ATOMIC\)$'
expect_line 'cache: kmalloc-64, object size: 64, buffer size: 64, default order: 0, min order: 0$'
expect_failure 8k_atomic "order:1, mode:0x40${atomic#0x}\(GFP_ATOMIC\|__GFP_COMP\)"

# ---- requests that must not fail ----
expect_kill pages '0xcc0\(GFP_KERNEL\)' 0
expect_line 'insmod: page allocation failure: order:0, mode:0xcc0\(GFP_KERNEL\)'
expect_equal "a victim gets at half the reserve" yes "$([ "$(blocks pages)" -gt "$noretry" ] && echo yes)"
expect_kill order3 '0xcc0\(GFP_KERNEL\)' 3
expect_kill vmalloc '0x2cc2\(GFP_KERNEL\|__GFP_HIGHMEM\|__GFP_NOWARN\)' 0
expect_line "__vmalloc_node_range$suffix\+0x"
expect_no_line 'vmalloc error|allocation failure'
expect_kill kvmalloc '0x2cc2\(GFP_KERNEL\|__GFP_HIGHMEM\|__GFP_NOWARN\)' 0
case $series in
  6.1 | 6.1-*) expect_kill small '0xcc0\(GFP_KERNEL\)' 0 ;;
  *) expect_kill small '0x40cc0\(GFP_KERNEL\|__GFP_COMP\)' 0 ;;
esac
expect_line 'kmalloc-64 +[0-9]{5}KB +[0-9]{5}KB$'
expect_line 'SLUB: Unable to allocate memory on .*gfp=0xcc0\(GFP_KERNEL\)$'
expect_kill 1k '0x40cc0\(GFP_KERNEL\|__GFP_COMP\)' 0

# Without __GFP_FS nobody is killed: the request waits, here for ever.
run pages_noio
expect_status 3
expect_line 'INFO: task insmod:[0-9]+ blocked for more than 120 seconds\.'
expect_no_line 'oom-killer|allocation failure'
expect_line 'koi: insmod waits for memory that nobody gives back'
expect_line 'it waits for something that nothing will ever bring'

# __GFP_NOFAIL: the victim goes on asking; when it has been reaped after two seconds nobody is left to kill.
run pages_nofail
expect_status 3
expect_order 'Out of memory: Killed process [0-9]+ \(insmod\)' \
  '^\[ +2\.0.*oom_reaper: reaped process [0-9]+ \(insmod\), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB$' \
  '^\[ +2\.0.*insmod invoked oom-killer' "dump_header\+0x" "$nobody\+0x" \
  'Out of memory and no killable processes\.\.\.$' 'Kernel panic - not syncing: System is deadlocked on memory' \
  'panic\+0x' "$nobody\+0x" '---\[ end Kernel panic - not syncing: System is deadlocked on memory \]---'

# ---- afterwards: the buddy's lists are those of the boot, whatever was exhausted and whoever was killed ----
release=$(release_of "$series") || exit 1
for how in 4m pages pages_atomic vmalloc small small_atomic 8k_atomic kvmalloc order3; do
  printf 'cat /proc/buddyinfo\necho @gone\ninsmod %s how=%s\nrmmod exhaust\ndmesg\necho @gone\ncat /proc/buddyinfo\n' \
    "$module" "$how" >"$work/session"
  koi_all shell --kernel "$release" --memory 64M --script "$work/session"
  expect_line "\] $how: [1-9][0-9]* blocks before NULL"
  before=$(sed '/^@gone/,$d' <<<"$out" | grep '^Node')
  after=$(sed '0,/^@gone/d' <<<"$out" | sed '0,/^@gone/d' | grep '^Node')
  expect_equal "$how: /proc/buddyinfo equals that at boot" "$before" "$after"
  expect_equal "$how: and there is one" 2 "$(grep -c zone <<<"$before")"
done

# The same bytes for the same seed, also with the killer and the waiting.
run pages_nofail --seed 5
first=$out
run pages_nofail --seed 5
expect_equal "the second run prints the same bytes" "$first" "$out"
finish
