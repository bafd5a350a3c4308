#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# memory_events.sh SERIES: what /proc/vmstat counts, /proc/sys/vm/drop_caches, and how hard shrinkers are asked.
. "$(dirname "$0")/lib.sh"
series=$1
session() {
  cat >"$work/session"
  koi_all shell --kernel "$(cat "$KOI_MODULES/$series/release")" --memory 64M --script "$work/session"
}
# value NAME: of the last line with that name.
value() {
  sed -n "s/^$1 //p" <<<"$out" | tail -n 1
}
at_least() {
  checks=$((checks + 1))
  [ "$2" -ge "$3" ] || fail "$1: $2, expected at least $3"
}

# Whatever is free was freed once more often than it was allocated: at boot, too.
session <<SCRIPT
cat /proc/vmstat
insmod $KOI_MODULES/$series/modules/allocators.ko
rmmod allocators
cat /proc/vmstat
SCRIPT
expect_status 0
at_least "pgalloc_dma32" "$(value pgalloc_dma32)" 1
checks=$((checks + 1))
mapfile -t freed < <(sed -n 's/^pgfree //p' <<<"$out")
mapfile -t taken < <(awk '/^pgalloc_/ { sum += $2 } /^pgalloc_device/ { print sum; sum = 0 }' <<<"$out")
at_least "pgfree grew" "$((freed[1] - freed[0]))" 1
at_least "everything came back" "$((freed[1] - freed[0]))" "$((taken[1] - taken[0]))"
expect_equal "no stall" 0 "$(value allocstall_normal)"

# drop_caches asks for everything: in batches of 128, as long as a batch is due.
session <<SCRIPT
insmod $KOI_MODULES/$series/modules/shrinkers.ko
echo 2 > /proc/sys/vm/drop_caches
echo 9 > /proc/sys/vm/drop_caches
cat /proc/vmstat
rmmod shrinkers
dmesg
SCRIPT
expect_status 0
expect_line 'sh \([0-9]+\): drop_caches: 2'
expect_no_line 'drop_caches: 9'
expect_line 'shrinkers: 15 calls, smallest 128, 0 left'
expect_equal "slabs_scanned" 1920 "$(value slabs_scanned)"
expect_equal "drop_slab" 1 "$(value drop_slab)"
expect_equal "drop_pagecache" 0 "$(value drop_pagecache)"

# Memory pressure asks gently first; what a round leaves undone the next one finds.
session <<SCRIPT
insmod $KOI_MODULES/$series/modules/shrinkers.ko take=1
cat /proc/vmstat
rmmod shrinkers
dmesg
SCRIPT
expect_status 0
at_least "stalls" "$(value allocstall_normal)" 1
at_least "slabs_scanned" "$(value slabs_scanned)" 1000
expect_line 'shrinkers: [0-9]+ calls, smallest (12[0-8]|1[01][0-9]|[1-9][0-9]?), 0 left'
finish
