#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# address.sh SERIES: bad accesses of a module that was built with --sanitize=address, in KASAN's words; silence on the accesses that only look
# like them.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/instrumented-address/memory_bugs.ko

reported() {  # CASE HEADLINE ACCESS
  koi_all run "$module" "what=$1"
  expect_status 3
  expect_line "BUG: KASAN: $2"
  expect_line "$3"
  expect_line 'Findings: .*, 1 memory error'
}

case $1 in
  6.12) uaf=slab-use-after-free inside='allocated 123-byte region' ;;
  *) uaf=use-after-free inside='128-byte region|1[0-9][0-9]-byte region' ;;
esac

reported heap_write 'slab-out-of-bounds in (heap_write|memory_bugs_init)\+0x[0-9a-f]+/0x[0-9a-f]+ \[memory_bugs\]' \
  'Write of size 1 at addr [0-9a-f]{16} by task insmod/[0-9]+'
expect_order 'BUG: KASAN' 'Write of size 1' 'CPU: [01] ' 'Hardware name:' 'Call Trace:' 'dump_stack_lvl' 'kasan_report' '\[memory_bugs\]' \
  'do_one_initcall' 'Allocated by task [0-9]+:' '\[memory_bugs\]' 'The buggy address belongs to the object at [0-9a-f]{16}' \
  ' which belongs to the cache kmalloc-[0-9]+ of size [0-9]+' 'The buggy address is located' "$inside" \
  'Memory state around the buggy address:' '>[0-9a-f]{16}: .* 03$' ' +\^$' '={66}$' 'koi: source: .*memory_bugs\.c:'
expect_line 'Tainted: .*OE|Not tainted'
reported heap_full_slot 'slab-out-of-bounds in' 'Write of size 1 at'
reported heap_read 'slab-out-of-bounds in' 'Read of size 4 at'
reported use_after_free "$uaf in" 'Write of size 4 at'
expect_order 'Allocated by task' 'Freed by task' 'kfree' '\[memory_bugs\]' 'fb fb fb'
reported free_twice 'double-free in kfree' 'Free of addr|by task insmod'
expect_order 'Allocated by task' 'Freed by task'
reported copy 'slab-out-of-bounds in' 'Write of size 41 at'
reported global 'global-out-of-bounds in' 'Write of size 1 at'
expect_order 'The buggy address belongs to the variable:' 'global_array\+0xd/0x[0-9a-f]+ \[memory_bugs\]' '05 f9'
reported stack 'stack-out-of-bounds in fill' 'Write of size 1 at'
expect_order 'The buggy address belongs to stack of task insmod/' 'is located at offset [0-9]+ in frame:' "This frame has 1 object:" "'text'"
reported grow "$uaf in" 'Write of size 1 at'

for name in heap_write heap_full_slot heap_read use_after_free free_twice copy global stack grow; do
  koi_all run --fail-on warning "$module" "what=${name}_ok"
  expect_status 0
  expect_no_line 'BUG:|WARNING|memory error'
done
finish
