#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# virtual_time.sh SERIES: sleeping costs nothing, and virtual CPUs stall side by side.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules

# cpu_ms ARGS...: the least CPU time of five runs, in milliseconds.
cpu_ms() {
  local least=1000000 i used
  for i in 1 2 3 4 5; do
    used=$( { TIMEFORMAT='%U %S'; time "$KOI" "$@" >/dev/null 2>&1; } 2>&1 | awk '{ print int(($1 + $2) * 1000) }')
    [ "$used" -lt "$least" ] && least=$used
  done
  echo "$least"
}

koi_all run --cpus 8 "$modules/many_threads.ko"
expect_status 0
# Timers of a second lie on multiples of 32 ms in the timer wheel, so each sleep takes up to 32 ms longer.
expect_line 'many_threads: 10[0-3][0-9][0-9] ms'
base=$(cpu_ms run --cpus 8 "$modules/plain.ko")
sleeping=$(cpu_ms run --cpus 8 "$modules/many_threads.ko")
echo "plain: $base ms, ten seconds of sleep in eight threads: $sleeping ms of CPU time"
expect_equal "ten seconds of msleep in 8 threads cost less than 20 ms" yes \
  "$([ $((sleeping - base)) -lt 20 ] && echo yes)"

koi_all run --cpus 8 "$modules/many_threads.ko" stall=1
expect_status 0
expect_line 'many_threads: 10[0-9][0-9] ms'
koi_all run --cpus 1 "$modules/many_threads.ko" stall=1
expect_line 'many_threads: 80[0-9][0-9] ms'

# Paced: what takes a second takes a second, and prints the same.
koi_all run --cpus 2 "$modules/many_threads.ko" stall=1
unpaced=$out
start=$(date +%s%N)
koi_all run --cpus 2 --realtime "$modules/many_threads.ko" stall=1
spent=$((($(date +%s%N) - start) / 1000000))
echo "paced, four seconds of virtual time: $spent ms"
expect_equal "--realtime prints the same" "$unpaced" "$out"
expect_equal "--realtime takes as long" yes "$([ $spent -ge 3900 ] && echo yes)"
finish
