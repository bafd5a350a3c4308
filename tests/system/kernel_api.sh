#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# kernel_api.sh SERIES: what modules ask of processes, signals, resource trees and static calls: the lines that a real 6.12 prints.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules

# says MODULE LINE...: its lines, in this order, are these and no others.
says() {
  local module=$1
  shift
  koi run "$modules/$module.ko"
  expect_status 0
  expect_equal "what $module says" "$(printf '%s\n' "$@")" "$(sed 's/^\[[^]]*\] //' <<<"$out" | grep -v 'taint')"
}
says processes 'as many threads as processes: 1' '1 is init, 2 is kthreadd' 'parent of insmod: init, parent of kthreads: kthreadd' \
  'I am myself: 1, nobody: 1' 'held: 1' 'root: 1 1' 'round robin: 0 policy 2 prio 79' 'too high: -22' 'normal: 0 policy 0 nice 5' \
  'on cpu 1, state S' 'allowed: 0, taken 10' 'not allowed: 0, ignored 0' 'killed: 0, ignored 0' \
  'for the kernel only, by a task: 0, ignored 0' 'for the kernel only: 0, taken 12' 'no signal: -22 0' 'kill_pid 0' \
  'after its end: task 0, kill_pid -3, number 1'
says resources 'mem fe000000 io 300 irq 5' '[mem 0xfe000000-0xfe000fff]' 'the same again: 1' 'request a: 0' 'request b: -16' 'around a: 0' \
  'a is in around' 'release a: 0' 'release around: 0' 'region: 1' 'in the region: 0' \
  'resource: Trying to free nonexistent resource <0x00000000fe000100-0x00000000fe00010f>' \
  'static call: 11, then 20; null 1, then 8' 'trace event off'

# The rest from kernel_api.txt: "== MODULE", then its lines; "6.1:" and "6.12:" before those of one series.
module= lines=()
said() { [ -n "$module" ] && says "$module" "${lines[@]}"; }
while IFS= read -r line; do
  case $line in
  '#'*) ;;
  '== '*)
    said
    module=${line#== } lines=()
    ;;
  6.1:* | 6.12:*) [ "${line%%:*}" = "$1" ] && lines+=("${line#*:}") ;;
  *) lines+=("$line") ;;
  esac
done <"$(dirname "$0")/kernel_api.txt"
said

# A table of /proc/sys from a session: limits, modes, and directories that go with their last entry.
koi_shell=$work/session
cat >"$koi_shell" <<END
insmod $modules/sysctl_table.ko
cat /proc/sys/kernel/example/level
echo 7 > /proc/sys/kernel/example/level
echo 11 > /proc/sys/kernel/example/level
cat /proc/sys/kernel/example/level
echo some words > /proc/sys/kernel/example/word
cat /proc/sys/kernel/example/word
ls /proc/sys/kernel/example
rmmod sysctl_table
ls /proc/sys/kernel/example
END
koi shell --kernel "$(cat "$KOI_MODULES/$1/release")" --script "$koi_shell"
expect_equal 'a session with /proc/sys' "$(printf '%s\n' 3 'sh: write error: Invalid argument' 7 'some words' level word 'ls: /proc/sys/kernel/example: No such file or directory')" "$out"
# Values of every kind against their limits.
koi run "$modules/sysctl_limits.ko"
expect_status 0
for line in "a <-4> w -22 r 3 '-3'" "a < 5 6> w 3 r 2 '5'" "a <5x> w -22 r 2 '5'" "u <9> w -22 r 2 '9'" "u <-3> w -22 r 2 '9'" \
  "u <4> w 1 r 2 '4'" "c <256> w -22 r 4 '255'" "s <0123456789> w 10 r 8 '0123456'" "ms <1000> w 4 r 5 '1000'" 'r w open -13' 'at 1: 1'; do
  expect_line "$line"
done
finish
