#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# messages.sh SERIES: dynamic debug, static branches, formatting, rate limits, panic, ticks, drivers.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules

koi_all run "$modules/messages.ko"
expect_status 0
expect_no_line 'a debug line'
expect_order 'branches at first: 0 1$' 'branches changed: 1 0$' 'branches one user left: 1 0$' 'branches at last: 0 1$'
expect_line 'messages: answer=42: 2 stored: answer, 42$'
expect_line 'messages: limited 9$'
expect_no_line 'messages: limited 10$'

koi_all run --log-format raw "$modules/messages.ko" dyndbg=+pmf
expect_status 0
expect_line '^<7>\[ +[0-9.]+\] messages:messages_init: a debug line 7$'
expect_line '^<7>\[ +[0-9.]+\] messages:messages_exit: exit$'

koi_all run "$modules/messages.ko" 'dyndbg="func messages_exit +p; nonsense"'
expect_status 0
expect_no_line 'a debug line'
expect_line '\] exit$'
expect_line 'dyndbg: bad flag-op'

koi_all run "$modules/messages.ko" misuse=size
expect_line '^\[ .*WARNING: CPU: 0 PID: [0-9]+ at lib/vsprintf\.c:[0-9]+ vsnprintf\+'
expect_line 'messages: 0 before$'

koi_all run "$modules/messages.ko" misuse=panic
expect_status 3
expect_order 'Kernel panic - not syncing: asked for 1$' 'Call Trace:$' ' panic\+' ' messages_init\+.* \[messages\]$' \
  'end Kernel panic - not syncing: asked for 1 \]---$'

koi_all run "$modules/ticks.ko"
expect_status 0
expect_order '\] scheduled$' 'tasklet, in_softirq 256$' '\] waited$' 'waited with interrupts off$' \
  'tasklet, in_softirq 256$' '\] done$'

koi_all run "$modules/platform_pair.ko"
expect_status 0
expect_order 'pair pair\.0: no clock yet$' 'pair pair\.1: bound, irq 6$' 'pair pair\.0: bound, irq 5$' \
  'pair\.0\.auto.* failed with error -5$' 'pair pair\.0: removed$' 'pair pair\.1: removed$'
finish
