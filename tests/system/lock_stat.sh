#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# lock_stat.sh SERIES: how long locks are held and waited for, in virtual time: in the words of /proc/lock_stat, and as JSON.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/modules/lock_stat.ko

koi_all run --lock-stat "$module"
expect_status 0
expect_line '^lock_stat version 0\.4$'
# 100 us under the lock, and the calls that take it.
expect_line '^ +timed: +0 +0 +0\.00 +0\.00 +0\.00 +0\.00 +[0-9]+ +1 +100\.[0-9]+ +100\.[0-9]+ +100\.[0-9]+ +100\.[0-9]+$'
expect_line '^ +shared-W: .* 1 +0\.[0-9]+'
expect_line '^ +shared-R: .* 1 +0\.[0-9]+'
# 20 times 50 us each; the waits are those of the other thread, at the same place.
expect_line '^ +wanted: +[0-9]+ +[1-9][0-9]* +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+ +20 +50\.[0-9]+ +50\.[0-9]+ +1[0-9]{3}\.[0-9]+ +50\.[0-9]+$'
expect_line '^ +wanted +[1-9][0-9]* +\[<[0-9a-f]{16}>\] contend\+0x[0-9a-f]+/0x[0-9a-f]+ \[lock_stat\]$'
expect_line '^ +wanted_spin +[1-9][0-9]* +\[<[0-9a-f]{16}>\] contend\+0x'

# While the machine runs, the file shows what there is; classes go with their module.
printf 'insmod %s\ncat /proc/lock_stat\nrmmod lock_stat\necho @gone\ncat /proc/lock_stat\n' "$module" > "$work/script"
koi_all shell --kernel "$1" --script "$work/script"
expect_order '^ +wanted: ' '@gone'
out=$(sed -n '/@gone/,$p' <<<"$out")
expect_no_line 'wanted'

koi_all run --lock-stat --json "$module"
expect_status 0
expect_line '"class": "timed"'
expect_line '"hold_max_ns": 100[0-9]{3},?$'
expect_line '"at": "contend\+0x[0-9a-f]+/0x[0-9a-f]+ \[lock_stat\]"'

koi_all run --lock-stat --checks stock "$module"
expect_status 2
expect_line '^koi: --lock-stat needs the lock validator'
finish
