#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# slab_debug.sh SERIES: what slub_debug= reports, /sys/kernel/slab, the memory files of /proc, alloc_traces.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules
release=$(release_of "$1") || exit 1
option=slub_debug
[ "$1" = 6.1 ] || option=slab_debug

# Each misuse is reported once; without the option, or without one, nothing is.
koi_all run --cmdline "$option=FZPU" "$modules/slab_damage.ko"
expect_status 0
expect_no_line 'BUG kmalloc'
koi_all run --cmdline "$option=FZPU" "$modules/slab_damage.ko" what=overflow
expect_line 'First byte 0x1 instead of 0xcc'
expect_order 'Right Redzone overwritten' 'Allocated in misuse\+0x.* \[slab_damage\] age=[0-9]+ cpu=[0-9] pid=[0-9]+' \
  ' slab_damage_init\+0x' ' do_one_initcall\+0x' 'Slab 0x[0-9a-f]{16} objects=' 'Redzone  [0-9a-f]{16}: cc cc' \
  'Object   [0-9a-f]{16}: 6b 6b' 'Redzone  [0-9a-f]{16}: 01 cc' 'Padding  [0-9a-f]{16}: 5a' 'check_object\+0x' \
  'FIX kmalloc-64: Object at 0x[0-9a-f]{16} not freed' 'slab_damage: done'
koi_all run --cmdline "$option=FZPU" "$modules/slab_damage.ko" what=after_free
expect_line 'First byte 0x78 instead of 0x6b'
expect_order 'Poison overwritten' 'Allocated in misuse' 'Freed in ' 'alloc_debug_processing\+0x' \
  'FIX kmalloc-64: Restoring Poison' 'FIX kmalloc-64: Marking all objects used' 'slab_damage: done'
koi_all run --cmdline "$option=FZPU" "$modules/slab_damage.ko" what=double
expect_order 'BUG kmalloc-64 \(Tainted: .*\): Object already free' 'Freed in ' 'not freed' 'slab_damage: done'
koi_all run --cmdline "$option=FZPU" "$modules/slab_damage.ko" what=inner
expect_order 'BUG kmalloc-64 \(.*\): Invalid object pointer 0x' 'not freed' 'slab_damage: done'
# Only the caches that are named.
koi_all run --cmdline "$option=FZPU,kmalloc-128" "$modules/slab_damage.ko" what=overflow
expect_no_line 'BUG kmalloc'
koi_all run --cmdline "$option=FZ,kmalloc-64" "$modules/slab_damage.ko" what=overflow
expect_line 'Right Redzone overwritten'
expect_no_line 'Allocated in'
koi_all run --cmdline "$option=-" "$modules/slab_damage.ko" what=overflow
expect_no_line 'BUG kmalloc'

cat >"$work/session" <<END
insmod $modules/slab_damage.ko
readlink /sys/kernel/slab/koi_second
cat /sys/kernel/slab/koi_second/aliases
cat /sys/kernel/slab/koi_first/object_size
cat /sys/kernel/slab/koi_first/cpu_partial
echo 7 > /sys/kernel/slab/koi_first/min_partial
cat /sys/kernel/slab/koi_first/min_partial
cat /sys/kernel/slab/koi_first/nonsense
cat /sys/kernel/slab//object_size
cat /sys/kernel/slab/inode_cache/ctor
ls /sys/kernel/slab/koi_first
cat /proc/slabinfo
cat /proc/buddyinfo
cat /proc/meminfo
cat /proc/zoneinfo
cat /proc/pagetypeinfo
cat /proc/allocinfo
END
koi_all shell --kernel "$release" --script "$work/session"
expect_order '^:0001000$' '^[1-9][0-9]*$' '^1000$' '^7$' 'koi_first/nonsense: No such file' 'slab//object_size: No such file' '^init_once\+0x0/0x10$' '^aliases$' '^usersize$' '^slabinfo - version: 2\.1$' \
  '^kmalloc-64 +[0-9]+ +[0-9]+ +64 ' '^Node 0, zone +DMA ' '^MemTotal: +[0-9]+ kB$' '^Node 0, zone +DMA32$' '^Page block order: 9$' \
  '^allocinfo - version: 1\.0$' 'slab_damage\.c:[0-9]+ \[slab_damage\] func:slab_damage_init$'

# Kept apart, tracked: directories of their own and traces.
koi_all shell --kernel "$release" --cmdline "$option=U slab_nomerge" --script <(
  echo "insmod $modules/slab_damage.ko"
  echo 'cat /sys/kernel/slab/koi_second/aliases'
  echo 'cat /sys/kernel/slab/koi_second/store_user'
  echo 'cat /sys/kernel/debug/slab/koi_first/alloc_traces'
  echo 'cat /sys/kernel/debug/slab/koi_second/alloc_traces')
expect_order '^0$' '^1$' '^ +1 .* age=[0-9]+ pid=[0-9]+ cpus=[0-9]' '^        do_one_initcall' '^No data$'
finish
