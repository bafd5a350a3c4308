#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# guard.sh SERIES: --guard finds what a plain kernel does not see, in an uninstrumented module, and nothing where nothing is.
. "$(dirname "$0")/lib.sh"
series=$1
module=$KOI_MODULES/$series/modules/guard_misuse.ko
run() { koi_all run --guard "$1" "$module" what="$2" "${@:3}"; }

# expect_report WHAT HEADER... : one report, exit 3, and the module went on to its end.
expect_report() {
  run all "$1"
  expect_status 3
  expect_order '^\[.*\] =+$' "${@:2}" 'guard_misuse: done'
  expect_order 'allocated by task [0-9]+ on cpu [0-9]+ at [0-9]+\.[0-9]{6}s' ' guard_misuse_init\+0x' 'CPU: [0-9]+ (UID: 0 )?PID: '
  expect_equal "$1: one report" 1 "$(grep -c 'BUG: KFENCE:' <<<"$out")"
  expect_line '1 memory error'
}

expect_report over_read 'BUG: KFENCE: out-of-bounds read in .*\[guard_misuse\]' \
  'Out-of-bounds read at 0x[0-9a-f]{16} \(40B right of kfence-#[0-9]+\):' ' guard_misuse_init\+0x' \
  'kfence-#[0-9]+: 0x[0-9a-f]{16}-0x[0-9a-f]{16}, size=40, cache=kmalloc-'
expect_report over_write 'BUG: KFENCE: out-of-bounds write in' '\(40B right of kfence-#'
expect_report over_copy 'BUG: KFENCE: out-of-bounds write in .*memset' 'memset' 'guard_misuse_init\+0x'
expect_report over_by_one 'BUG: KFENCE: memory corruption in' 'Corrupted memory at 0x[0-9a-f]{16} \[ 0x01' 'size=39'
expect_report under_write 'BUG: KFENCE: memory corruption in' 'Corrupted memory at'
expect_report after_read 'BUG: KFENCE: use-after-free read in' 'Use-after-free read at 0x[0-9a-f]{16} \(in kfence-#' \
  'allocated by task' ' after_read\+0x' 'freed by task' ' after_read\+0x'
expect_report after_write 'BUG: KFENCE: use-after-free write in' 'freed by task'
expect_report twice 'BUG: KFENCE: invalid free in' 'Invalid free of 0x' 'freed by task'
expect_report inside 'BUG: KFENCE: invalid free in' 'Invalid free of 0x'
expect_report cache 'BUG: KFENCE: out-of-bounds write in' 'size=48, cache='
run all leave_cache
expect_line 'koi: kmem_cache_destroy\(guard_left\): 1 guarded objects of it are alive'

# A place in the code that does it for each of its 200 objects is reported once.
koi_all run --guard all "$KOI_MODULES/$series/flow_table/flow_table.ko"
expect_status 3
expect_order 'BUG: KFENCE: out-of-bounds write in flow_table_init' '16B right of kfence-#' 'size=16, cache=kmalloc-16'
expect_line '1 memory error.*; 199 more errors at the same places'

# Correct look-alikes, and more objects than can be guarded.
for which in all sample off; do
  run $which fine
  expect_status 0
  expect_no_line 'KFENCE|guard_misuse: (not|moved|sg|bulk|string|[0-9])|BUG|WARN'
  expect_line 'guard_misuse: done'
done
expect_no_line 'Guarded:'
run all many
expect_status 0
expect_line 'Guarded: [0-9]+ objects; [0-9]+ could not be'
expect_line '1 of 1 module loaded, 1 unloaded'
koi_all run --memory 64M --guard all "$module" what=many
expect_status 0
# Without it the same misuse passes unseen, or is the kernel's own to find.
run off over_write
expect_status 0
expect_no_line 'KFENCE'
run sample over_by_one
expect_line 'Guarded: [0-9]+ object'

# The same bytes for the same seed.
run all after_read --seed 7
first=$out
run all after_read --seed 7
expect_equal "the second run prints the same bytes" "$first" "$out"
finish
