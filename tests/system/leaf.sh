#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# leaf.sh SERIES: what a module sees does not depend on whether its allocations cross the border or are served by a leaf
# function, with accounting or without; and the leaf functions keep to their contract. The sums per call site are checked
# against the live objects at the end of every run.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/$1/modules/allocators.ko

for options in --cpus=1 "--cpus=4 --seed=7" --memory=64M --memory=5G; do
  koi run $options "$module"
  expect_status 0
  expect_line 'allocators: step 20000 sum [0-9a-f]{16}$'
  expect_line 'allocators: done$'
  expected=$out
  for other in --no-leaves --accounting=off "--no-leaves --accounting=off"; do
    koi run $options $other "$module"
    expect_status 0
    checks=$((checks + 1))
    [ "$out" = "$expected" ] ||
      fail "another output than without $other: $(diff <(echo "$expected") <(echo "$out") | head -n 6)"
  done
done

# Objects in bulk, with mistakes that the leaf must find before it has done anything, or undo what it did.
bulk=$KOI_MODULES/$1/modules/bulk.ko
while read -r case expected; do
  for accounting in on off; do
    koi_all run --accounting=$accounting "$bulk" "what=$case"
    expect_line "$expected"
    leaf=$out
    koi_all run --accounting=$accounting --no-leaves "$bulk" "what=$case"
    checks=$((checks + 1))
    [ "$out" = "$leaf" ] || fail "bulk, $case: another output without leaves: $(diff <(echo "$leaf") <(echo "$out") | head -n 6)"
  done
done <<'CASES'
order bulk: order 0 1 2 3 4 5 6 7$
sites bulk: order 0 1 2 3 4 5 6 7$
twice the object of koi_bulk is free already
others cache_from_obj: Wrong slab cache. koi_bulk but object is from 
inside is inside an object of koi_bulk
free_beyond BUG: unable to handle page fault for address
take_beyond BUG: unable to handle page fault for address
held_lock WARNING: held lock freed!
free_lock bulk: order 0 1 2 3 4 5 6 7$
CASES

# Machine code: no calls, no vector registers, less stack than a crossing takes (host::kLeafStackBytes).
code=$(objdump -d --no-show-raw-insn --section=koi_leaf_text "$KOI")
checks=$((checks + 4))
[ "$(grep -cE '^[0-9a-f]+ <' <<<"$code")" -ge 14 ] || fail "the leaf functions are not where they should be"
grep -qE '\bcall' <<<"$code" && fail "a leaf function calls: $(grep -E -m1 '\bcall' <<<"$code")"
grep -qE '%[xyz]mm|%st' <<<"$code" && fail "a leaf function uses vector registers"
depth=$(python3 -c '
import re, sys
most = depth = 0
for line in sys.stdin:
    if re.match(r"[0-9a-f]+ <", line):
        depth = 0
    sub = re.search(r"sub +\$0x([0-9a-f]+),%rsp", line)
    depth += 8 if "\tpush" in line else int(sub.group(1), 16) if sub else 0
    most = max(most, depth)
print(most)' <<<"$code")
[ "$depth" -le 96 ] || fail "a leaf function takes $depth bytes of the module's stack"
finish
