#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# machine_files.sh SERIES: the files of /proc that list what the machine has: counts are those of this run, lists those of what is
# registered. Their lines after boot are compared with a real kernel's by koi-conformance.
. "$(dirname "$0")/lib.sh"
series=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
session() {
  cat >"$work/session"
  koi_all shell --kernel "$(cat "$KOI_MODULES/$series/release")" --script "$work/session"
}

session <<SCRIPT
cat /proc/interrupts
cat /proc/softirqs
SCRIPT
expect_status 0
expect_line '^ +CPU0       CPU1       $'
expect_line '^  1:          0          0   IO-APIC   1-edge      i8042$'
expect_line '^LOC:          0          0   Local timer interrupts$'
expect_line '^     TASKLET:          0          0$'

# Timers, a tasklet and what they did: no longer zero.
session <<SCRIPT
insmod $KOI_MODULES/$series/modules/ticks.ko
sleep 1
cat /proc/interrupts
cat /proc/softirqs
cat /proc/vmstat
cat /proc/buddyinfo
rmmod ticks
SCRIPT
expect_status 0
expect_line '^LOC: +[1-9][0-9]* +[0-9]+   Local timer interrupts$'
expect_line '^     TASKLET: +[1-9][0-9]* +[0-9]+$'
# Free pages are those of buddyinfo.
free=$(sed -n 's/^nr_free_pages //p' <<<"$out")
sum=$(awk '/^Node/ { for (i = 5; i <= NF; i++) pages += $i * 2 ^ (i - 5) } END { print pages }' <<<"$out")
expect_equal "free pages" "$sum" "$free"

session <<SCRIPT
insmod $KOI_MODULES/$series/modules/upcall_files.ko
cat /proc/misc
cat /proc/filesystems
cat /proc/sys/vm/min_free_kbytes
cat /proc/sys/vm/lowmem_reserve_ratio
ls /proc/sys/vm
cat /proc/zoneinfo
SCRIPT
expect_status 0
expect_line '^183 hw_random$'
expect_line '^ *[0-9]+ upcall$'
expect_line '^nodev	debugfs$'
expect_line '^256	256	32	0	0$'
expect_line '^45056$'
expect_line 'min_free_kbytes'
# The setting is the sum of the zones' marks.
expect_equal "min watermarks" 1 "$(awk '/^        min / { sum += $2 } END { print (sum > 45056 / 4 - 4 && sum <= 45056 / 4 + 64) ? 1 : sum }' <<<"$out")"
finish
