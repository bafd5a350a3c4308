#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# false_sharing.sh SERIES: cache lines of which two CPUs write different bytes are reported with what lies in them, field by field; lines
# that are padded, per CPU, of one datum or used one after the other are not.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/instrumented-thread/false_sharing.ko

shared() {
  koi_all run --fail-on any "$module" "what=$1"
  expect_status 3
  expect_line 'Findings: .*1 falsely shared line'
  expect_no_line 'BUG:'
}

shared fields
expect_order 'koi: false sharing: virtual CPUs 0 and 1 write different bytes of one cache line: `totals.received` and `totals.sent`$' \
  'the line at 0x[0-9a-f]{16} holds$' 'variable `totals` \[false_sharing\] at 0x[0-9a-f]{16}, 32 bytes, struct traffic$' \
  'offset +size +field +accesses$' ' 0 +8 +u64 received +cpu 0: 501 writes, 500 reads$' \
  ' 8 +8 +u64 sent +cpu 0: 1 write; cpu 1: 500 writes, 500 reads$' ' 16 +16 +char \[16\] name +-$' \
  'cpu 0 writes at fields_body\+0x.* \[false_sharing\] \(.*false_sharing\.c:[0-9]+\)$' 'cpu 1 writes at fields_body' \
  '____cacheline_aligned_in_smp at `sent` .*\(struct traffic takes 128 bytes then, not 32\)'
shared heap
expect_line '`received` and `sent` of struct traffic$'
expect_line 'object at 0x[0-9a-f]{16}, 32 bytes asked for, 32 given from kmalloc-32, .* at false_sharing_init\+.*; struct traffic, by pointer `t(raffic)?`'
shared nested
expect_line '`slots\[0\]\.hits` and `slots\[1\]\.hits` of struct table$'
expect_line 'spinlock_t lock +-$'
expect_line 'elements of `slots` share lines: .*alloc_percpu'
shared elements
expect_line '`\[0\]\.misses` and `\[1\]\.misses` of struct slot \[2\]$'
expect_line 'struct slot \[2\], by pointer `slots`$'
shared numbers
expect_line '`numbers\[0\]` and `numbers\[1\]`$'
shared neighbours
expect_line 'objects this small share lines: ask for 64 bytes each'
expect_equal 'objects of the line that are used' 2 "$(grep -c 'koi:   object at .* from kmalloc-8' <<<"$out")"
# Nothing is made up where the types do not say.
shared opaque
expect_line '`bytes 4-7` and `bytes 16-19` of an object$'
expect_line 'of a type that the debug information does not tell$'
expect_line ' 16 +4 +\(bytes\) +cpu 1: 500 writes, '

for name in padded padded_elements percpu same_field turns; do
  koi_all run --fail-on any "$module" "what=${name}_ok"
  expect_status 0
  expect_no_line 'false sharing|BUG:'
done

# The same without debug information: offsets and symbols only.
cp "$module" "$work/false_sharing.ko"
strip --strip-debug "$work/false_sharing.ko"
koi_all run --fail-on any "$work/false_sharing.ko" what=fields
expect_status 3
expect_line 'variable `totals` \[false_sharing\] at 0x[0-9a-f]{16}, 32 bytes, of a type that no debug information tells$'
expect_line ' 8 +8 +\(bytes\) +cpu 0: 1 write; cpu 1: 500 writes'

finish
