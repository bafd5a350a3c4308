#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# irq_lines.sh SERIES: interrupts that the command line or a session raises: handlers, threads, sharing, masks, and misuse.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/modules/irq_lines.ko
raised() {
  koi_all run --irq 5@10ms,every=100us,count=3 "$module" "what=$1"
}

raised plain
expect_status 0
expect_order '0\.010000\] irq_lines: 5 in hardirq 65536, interrupts off, cpu 0' '0\.010100\] irq_lines: 5 in hardirq' \
  '0\.010200\] irq_lines: 5 in hardirq' 'irq_lines: 3 handled'
first=$out
raised plain
checks=$((checks + 1)); [ "$out" = "$first" ] || fail 'the same seed gave another run'
raised shared
expect_order 'not mine' '5 in hardirq' 'not mine' '5 in hardirq' 'irq_lines: 3 handled'
raised threaded
expect_line 'irq_lines: thread irq/5-threaded in task 1, interrupts on'
# An edge that comes while the line is off is remembered, once.
raised disabled
expect_order '0 while it was disabled' '5 in hardirq' '1 then'
raised masked
expect_order '0 with interrupts off' '5 in hardirq' '1 then'
raised affinity
expect_line '5 in hardirq 65536, interrupts off, cpu 1'
expect_no_line 'in hardirq .* cpu 0'
raised bogus
expect_order 'irq event 5: bogus return value 2a' 'Call Trace:' 'handlers:' 'on_bogus \[irq_lines\]'
raised no_thread
expect_line 'genirq: IRQ 5 device no_thread returned IRQ_WAKE_THREAD but no thread function available\.'
raised mismatch
expect_order 'genirq: Flags mismatch irq 5\. 00[02]00080 \(other\) vs\. 00[02]00000 \(plain\)' 'mismatch gives -16'
raised unbalanced
expect_line 'Unbalanced enable for IRQ 5'
raised free_twice
expect_line 'Trying to free already-free IRQ 5'

koi_all run --irq 5@10ms,every=1us,count=100010 "$module" what=ignored
expect_order 'irq 5: nobody cared \(try booting with the "irqpoll" option\)' 'handlers:' 'on_ignored \[irq_lines\]' 'Disabling IRQ #5' \
  'irq_lines: 100000 handled'

printf 'insmod %s what=shared\nirq 5\nirq 5\ncat /proc/interrupts\nrmmod irq_lines\nirq 5\nirq 2\ndmesg\n' "$module" > "$work/script"
koi_all shell --kernel "$1" --script "$work/script"
expect_order '^ +CPU0 +CPU1 *$' '^  4: +0 +0 +IO-APIC   4-edge +ttyS0$' '^  5: +2 +0 +IO-APIC   5-edge +first, second$' \
  '^irq: 2: no such line$' 'koi: irq 5 was raised, and nobody has requested it'

for bad in 2@1ms 5 5@x 5@1ms,every=1ms 16@1ms 5@1ms,often; do
  koi_all run --irq "$bad" "$module"
  expect_status 2
  expect_line "$bad: "
done
finish
