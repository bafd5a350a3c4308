#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# drivers.sh SERIES: correct modules as drivers are written, whole ones with threads, timers, works and interrupts: koi says nothing about
# any of them, whatever the order of their steps.
. "$(dirname "$0")/lib.sh"
drivers=$KOI_MODULES/$1/drivers
any='BUG:|WARNING:|INFO:|Oops|ODEBUG|corruption|koi: .* left|koi: .* return|leak|LOCKUP|imbalance'

# quiet MODULE OPTION...: it runs to its end, and nothing was found.
quiet() {
  local module=$1
  shift
  koi_all run --fail-on any --timeout 30 --irq 5@1ms,every=2ms,count=20 "$@" "$drivers/$module.ko"
  expect_status 0
  expect_line 'drivers: '
  out=$(grep -v '^koi: ' <<<"$out")
  expect_no_line "$any"
  expect_no_line 'drivers: .*([1-9][0-9]* (wrong|torn|mistaken|unordered|too many|live)|not empty|some stay|some missed|none|only)'
}

for source in "$KOI_SOURCE"/tests/modules/drivers/*.c; do
  module=$(basename "$source" .c)
  quiet "$module"
  quiet "$module" --cpus 4 --strategy random --seed 2
  quiet "$module" --guard=all --strategy pct --seed 3
done
# Transactions in any order: who is wounded backs off.
for seed in 4 5 6 7 8 9; do quiet ww_transactions --cpus 4 --strategy random --seed $seed; done
finish
