#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# cpu_share.sh SERIES: how virtual CPUs are shared and balanced, and what a real-time thread that never sleeps leaves to others,
# beside what the same module measured on real kernels (two CPUs of a PC in QEMU).
. "$(dirname "$0")/lib.sh"
series=$1
module=$KOI_MODULES/$series/modules/cpu_share.ko

share() {
  koi_all run "$module" "$@"
  expect_status 0
}
# expect_ran HOG MS TOLERANCE
expect_ran() {
  local ran
  ran=$(sed -n "s/.*hog $1 ran \([0-9]*\) ms.*/\1/p" <<< "$out")
  checks=$((checks + 1))
  [ "${ran:-0}" -ge $(($2 - $3)) ] && [ "${ran:-0}" -le $(($2 + $3)) ] || fail "hog $1 ran ${ran:-?} ms, not $2 +- $3"
}
# expect_turn HOG NUMBER FROM TO: in jiffies, by 4
expect_turn() {
  local turn
  turn=$(sed -n "s/.*hog $1 turn \(.*\)/\1/p" <<< "$out" | sed -n "$2p")
  checks=$((checks + 1))
  awk -v turn="$turn" -v from="$3" -v to="$4" 'function near(a, b) { return a - b <= 4 && b - a <= 4 }
    BEGIN { split(turn, is, " "); exit !(near(is[1], from) && near(is[2], to)) }' || fail "hog $1's turn $2 is $turn, not $3 to $4"
}

# 6.1: 1953, 2148, 1920 ms; 6.12: 2003, 2045, 1977 ms.
share hogs=3
for hog in 0 1 2; do expect_ran $hog 2000 220; done
expect_line 'migrated [1-9][0-9]* times, waited often, was preempted often'
# 6.1: 1176 to 1238 ms; 6.12: 1164 to 1253 ms.
share hogs=5
for hog in 0 1 2 3 4; do expect_ran $hog 1200 60; done
# Bound, nothing is balanced.
share hogs=3 bind=1
for hog in 0 1 2; do expect_ran $hog 1000 25; done
expect_no_line 'migrated ([2-9]|[1-9][0-9]+) times'

share hogs=2 fifo=1 bind=1 ms=5000
if [ "$series" = 6.1 ]; then
  expect_line 'sched: RT throttling activated'
  # 3-242 253-490 503-741 753-991, and 242-253 490-503 ...
  expect_ran 0 4766 20; expect_ran 1 241 15
  for turn in 1 2 3 4; do
    expect_turn 0 $turn $((250 * turn - 250)) $((250 * turn - 12)); expect_turn 1 $turn $((250 * turn - 12)) $((250 * turn))
  done
else
  expect_no_line 'throttling'
  # 1-238 252-489 503-740 754-991, and 238-252 489-503 ...
  expect_ran 0 4772 20; expect_ran 1 248 15
  for turn in 1 2 3 4; do
    expect_turn 0 $turn $((251 * turn - 251)) $((251 * turn - 13)); expect_turn 1 $turn $((251 * turn - 13)) $((251 * turn))
  done
fi
# Alone: 2866 ms on 6.1, which throttles nevertheless; 3016 ms on 6.12.
share hogs=1 fifo=1 bind=1
if [ "$series" = 6.1 ]; then expect_ran 0 2860 20; else expect_ran 0 3000 16; fi
# No other CPU takes a throttled thread.
share hogs=2 fifo=1
expect_no_line 'migrated ([2-9]|[1-9][0-9]+) times'
finish
