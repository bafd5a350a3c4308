#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# memory_report.sh SERIES: koi mem, record, replay and budgets; what is charged to which call; the advice carried out and
# measured again.
. "$(dirname "$0")/lib.sh"
series=$1
flow=$KOI_MODULES/$series/flow_table/flow_table.ko
sites=$KOI_MODULES/$series/modules/call_sites.ko

# report FILE EXPRESSION: what a Python expression over the report r (site(f): the one call site in function f) gives.
report() {
  python3 - "$1" "$2" <<'PYTHON'
import json, re, sys
r = json.load(open(sys.argv[1]))
def of(f):
    return [s for s in r["sites"] if re.match(rf"{f}(\.|\+| |$)", s["function"])]
def site(f):
    (one,) = of(f)
    return one
def took(f):
    return " ".join(f'{s["callee"]} {s["calls"]}x {s["requested_bytes"]} {s["actual_bytes"]}' for s in of(f))
def advice(f, word):
    (one,) = [a for a in r["advice"] if a["site"] == site(f)["site"] and word in a["advice"]]
    return one
print(eval(sys.argv[2]))
PYTHON
}
mem() {  # mem FILE ARGS...: koi mem --json into FILE
  local file=$1
  shift
  koi mem --json "$@"
  printf '%s\n' "$out" >"$file"
}

# ---- the example: three call sites, a leak, a wasteful struct ----
koi mem "$flow"
expect_status 0
expect_order 'by call site' 'flow_table\.c:[0-9]+ flow_add .* 38\.9$' 'flow_table\.c:[0-9]+ flow_alloc .* 48\.0$' \
  'flow_table\.c:[0-9]+ flow_name ' 'leaked: alive after' '10 objects of 160 in all, .* flow_name$' \
  'flow_name \[flow_table\] \(.*/flow_table\.c:[0-9]+\), inlined' 'flow_table_init\+0x' 'what would have taken less' \
  'flow_alloc: give it a kmem_cache of 1064 bytes'
first=$out
koi mem "$flow"
expect_equal "twice the same report" "$first" "$out"

mem "$work/flow.json" "$flow"
expect_equal "flow_alloc" "200 212800 409600" "$(report "$work/flow.json" '"{calls} {requested_bytes} {actual_bytes}".format(**site("flow_alloc"))')"
expect_equal "flow_add's rings" "20 400000 655360" "$(report "$work/flow.json" '"{calls} {requested_bytes} {peak_bytes}".format(**site("flow_add"))')"
expect_equal "the names that stay" "10 160" "$(report "$work/flow.json" '"{live_objects} {live_bytes}".format(**site("flow_name"))')"
expect_equal "one leak" "10" "$(report "$work/flow.json" 'r["leaks"][0]["objects"] if len(r["leaks"]) == 1 else r["leaks"]')"

koi_all run "$flow"
expect_status 0
expect_line 'Memory: 420 allocations asked for 616000 bytes, got 1068160.*1 leaking call site\. Leaked: 10 objects of 160 bytes in all, __kmalloc[a-z_]* at flow_table\.c:[0-9]+ \(flow_name in flow_add in flow_table_init\+0x'
koi_all run --fail-on leak "$flow"
expect_status 3
expect_order '^koi: leaked: 10 objects of 160 bytes in all, __kmalloc' '^ +flow_name \[flow_table\] \(.*inlined$' \
  '^ +flow_table_init\+0x[^ ]* \[flow_table\] \(.*flow_table\.c:[0-9]+\)$'
koi_all run --fail-on leak "$flow" expired=0
expect_status 0
expect_no_line 'leak'

koi_all mem --accounting=off "$flow"
expect_status 2
expect_line 'need the accounting'

# The overflow by one byte: a red zone sees it when the block is freed.
koi_all run --cmdline slub_debug=FZ "$flow"
expect_line 'Right Redzone overwritten'
expect_order 'First byte 0x0 instead of 0xcc' 'Object +[0-9a-f]+: 31 30 2e 30 2e 30 30 30 2e .* 10\.0\.000\.[0-9]+:443' \
  'Call Trace:' '(table_clear|flow_table_exit|cleanup_module)\+0x'

# ---- the advice, carried out and measured again ----
mkdir "$work/better"
cp "$KOI_SOURCE"/examples/flow_table/{flow_table.c,Kbuild,Makefile} "$work/better/"
patch -s -d "$work/better" -p1 <"$KOI_SOURCE/examples/flow_table/take_less.patch" || fail "take_less.patch does not apply"
koi_all build "$work/better" --kernel "$(cat "$KOI_MODULES/$series/release")" -- -s
expect_status 0
mem "$work/better.json" "$work/better/flow_table.ko"
expect_equal "an own cache saves what was promised" "$(report "$work/flow.json" 'advice("flow_alloc", "kmem_cache")["bytes_after"]')" \
  "$(report "$work/better.json" 'site("flow_alloc")["peak_bytes"]')"
expect_equal "exact pages save what was promised" "$(report "$work/flow.json" 'advice("flow_add", "exact")["bytes_after"]')" \
  "$(report "$work/better.json" 'site("flow_add")["peak_bytes"]')"
expect_equal "and the machine holds as many pages less" \
  "$(report "$work/flow.json" 'r["replay"]["peak_pages"] - advice("flow_alloc", "kmem_cache")["pages_saved"] - advice("flow_add", "exact")["pages_saved"]')" \
  "$(report "$work/better.json" 'r["replay"]["peak_pages"]')"

# ---- traces as files ----
koi record -o "$work/flow.trace" "$flow"
expect_status 0
expect_line 'flow_table: 190 flows'
koi replay --json "$work/flow.trace"
expect_status 0
expect_equal "a replayed file reports what the run did" "$(cat "$work/flow.json")" "$out"
head -c 300 "$work/flow.trace" >"$work/cut.trace"
koi replay "$work/cut.trace"
expect_status 2
expect_one_line_on_stderr

# ---- budgets ----
koi mem --write-budget "$work/budget" "$flow"
expect_status 0
koi mem --budget "$work/budget" "$flow"
expect_status 0
koi_all mem --budget "$work/budget" "$flow" flows=201
expect_status 3
expect_line 'over budget: flow_table/flow_alloc/[a-z_]+: holds 411648 bytes at its peak, 409600 allowed'
koi_all replay --budget /dev/null "$work/flow.trace"
expect_status 2

# ---- every allocator, charged to the right call ----
mem "$work/sites.json" "$sites" leak=1
expect_status 0
check() { expect_equal "$1" "$2" "$(report "$work/sites.json" "took('$1')" | sed -E 's/(^| )[a-z_]+ /\1/g')"; }
check site_kmalloc "3x 300 384"
check site_kmalloc_variable "1x 60 64"
check site_large "1x 20000 32768"
check site_cache "1x 72 72"
check site_pages "1x 16384 16384"
check site_exact "1x 9000 12288"
check site_vmalloc "1x 10000 12288"
check site_kstrdup "1x 8 8"
check site_of_nothing ""
check site_pointer ""
check site_later "1x $(report "$work/sites.json" 'site("site_later")["requested_bytes"]') 128"
check site_leak "2x 66 128"
expect_equal "mempool: the pool, its table and four elements" "6 True" \
  "$(report "$work/sites.json" '"{} {}".format(site("site_mempool")["calls"], site("site_mempool")["requested_bytes"] > 832)')"
expect_equal "argv_split: the copy and the vector" "2" "$(report "$work/sites.json" 'site("site_argv_split")["calls"]')"
expect_equal "per-CPU memory counts once a CPU" "16" "$(report "$work/sites.json" 'site("site_percpu")["requested_bytes"]')"
expect_equal "only the leak leaks: kfree_rcu() has had its time" "2 True" \
  "$(report "$work/sites.json" '"{} {}".format(sum(l["objects"] for l in r["leaks"]), all(l["site"] == site("site_leak")["site"] for l in r["leaks"]))')"
finish
