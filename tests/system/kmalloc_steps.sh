#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# kmalloc_steps.sh SERIES: the textbook experiment against the rows of a real kernel, and twice the same bytes.
. "$(dirname "$0")/lib.sh"
series=$1
module=$KOI_MODULES/$series/kmalloc_steps/kmalloc_steps.ko
reference=$KOI_SOURCE/tests/reference/${series%-cloud}/kmalloc_100_plus_k_200000.tsv

koi_all run "$module"
first=$out
expect_status 1

rows=$(sed -nE 's/^\[[ 0-9.]+\] kmalloc_steps: +([0-9]+) +([0-9]+) +([0-9]+) +([0-9]+) +[0-9.]+$/\1 \2 \3 \4/p' <<<"$out")
expect_equal "21 rows" 21 "$(wc -l <<<"$rows")"
asked=100
while read -r row size got waste; do
  expect_equal "row $row asks for $asked" "$asked" "$size"
  expect_equal "row $row: waste is got - asked" $((got - size)) "$waste"
  asked=$((asked + 200000))
done <<<"$rows"

compared=0
while IFS=$'\t' read -r size got _; do
  [[ $size =~ ^[0-9]+$ && $got != NULL ]] || continue
  compared=$((compared + 1))
  expect_equal "ksize(kmalloc($size)) as on a real kernel" "$got" "$(awk -v s="$size" '$2 == s {print $3}' <<<"$rows")"
done <"$reference"
expect_equal "the reference has rows to compare" yes "$([ $compared -ge 10 ] && echo yes)"

case $series in
  6.1|6.1-*) page_alloc='__alloc_pages\+0x' ;;
  *) page_alloc='__alloc_pages_noprof\+0x' ;;
esac
expect_order '------------\[ cut here \]------------' \
  "WARNING: CPU: [0-9]+ PID: [0-9]+ at mm/page_alloc\.c:[0-9]+ $page_alloc" \
  'Modules linked in: kmalloc_steps' 'RIP: 0010:__alloc_pages' 'Call Trace:' 'kmalloc_steps_init\+0x' \
  '---\[ end trace' \
  'kmalloc_steps: kmalloc\(4200100\) failed after 21 blocks: asked 42002100, got [0-9]+, wasted [0-9]+ bytes$' \
  '^insmod: ERROR: could not insert module .*kmalloc_steps\.ko: Cannot allocate memory$'
expect_equal "one WARN only" 1 "$(grep -c 'cut here' <<<"$out")"

koi_all run "$module"
expect_equal "the second run prints the same bytes" "$first" "$out"

# Other sizes: the whole table fits, nothing fails.
koi_all run "$module" start=8 step=200
expect_status 0
expect_line 'kmalloc_steps: +1 +8 +8 +0 +0\.0$'
expect_line 'kmalloc_steps: 1024 blocks: asked [0-9]+, got [0-9]+, wasted [0-9]+ bytes$'
expect_no_line 'cut here'
finish
