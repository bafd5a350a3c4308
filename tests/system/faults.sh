#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# faults.sh SERIES: modules that misbehave. koi ends by itself, with the kernel's splat, a verdict and a code.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules

koi_all run "$modules/null_deref.ko"
expect_status 3
expect_order 'null_deref: before' 'BUG: kernel NULL pointer dereference, address: 0000000000000000' \
  '#PF: supervisor read access in kernel mode' '#PF: error_code\(0x0000\) - not-present page' \
  'Oops: 0000 \[#1\] PREEMPT SMP NOPTI' 'RIP: 0010:touch\+0x[0-9a-f]+/0x[0-9a-f]+ \[null_deref\]' 'Code: .*<[0-9a-f]{2}>' \
  'Call Trace:' 'null_deref_init\+0x' 'Modules linked in: null_deref' '---\[ end trace 0000000000000000 \]---'
expect_line 'null_deref\.c:[0-9]+'
expect_no_line 'null_deref: (got|exit)'

koi_all run "$modules/null_deref.ko" writes=1
expect_status 3
expect_line '#PF: supervisor write access in kernel mode'
expect_line 'Oops: 0002 \[#1\]'

koi_all run "$modules/null_deref.ko" where=0x270000000000
expect_status 3
expect_line 'BUG: unable to handle page fault for address: 0000270000000000'

koi_all run "$modules/loop_forever.ko" relax=1 --timeout 2
expect_status 3
expect_line 'watchdog: BUG: soft lockup - CPU#[0-9]+ stuck for [0-9]+s! \[insmod:[0-9]+\]'
expect_line 'Findings: .* oopses, [1-9][0-9]* lockups? or stalls?'
expect_line 'RIP: 0010:loop_forever_init\+0x'

started=$(date +%s)
koi_all run "$modules/loop_forever.ko" relax=0 --timeout 3
expect_status 3
expect_line 'watchdog: BUG: soft lockup'
expect_equal "--timeout 3 ends the run" yes "$([ $(($(date +%s) - started)) -le 30 ] && echo yes)"

koi_all run "$modules/stack_overflow.ko"
expect_status 3
expect_order 'stack_overflow: before' 'BUG: TASK stack guard page was hit at' 'stack guard page: 0000 \[#1\]' \
  'RIP: 0010:go_deeper\+0x' 'go_deeper\+0x[0-9a-f]+/0x[0-9a-f]+ \[stack_overflow\]'

koi_all run "$modules/missing_symbol.ko"
expect_status 2
expect_line 'missing_symbol: Unknown symbol acpi_evaluate_object \(err -2\)'
expect_line '^insmod: ERROR: could not insert module .*missing_symbol\.ko: Unknown symbol in module'
koi_all run --lazy "$modules/missing_symbol.ko"
expect_status 3
expect_order 'missing_symbol: before the call' 'acpi_evaluate_object' 'missing_symbol_init\+0x'
expect_no_line 'missing_symbol: after'

koi_all run "$modules/oops_in_exit.ko"
expect_status 3
expect_order 'oops_in_exit: init' 'oops_in_exit: exit' 'BUG: kernel NULL pointer dereference'
expect_no_line 'never printed'

koi_all run "$modules/warns.ko"
expect_status 0
expect_equal "WARN and one WARN_ON_ONCE" 2 "$(grep -c 'cut here' <<<"$out")"
expect_order 'warns: the answer is 42' 'warns: done'
koi_all run "$modules/warns.ko" --fail-on warning
expect_status 3
koi_all run "$modules/warns.ko" bug=1
expect_status 3
expect_order 'kernel BUG at .*warns\.c:[0-9]+!' 'invalid opcode: 0000 \[#1\]'

koi_all run "$modules/own_syscall.ko"
expect_line 'own_syscall: before'
expect_line 'syscall'
expect_no_line "own_syscall: after, $$\$"
finish
