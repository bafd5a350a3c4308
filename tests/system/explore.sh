#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# explore.sh SERIES: seeds and schedules. The same seed gives the same bytes, another one another interleaving; koi explore finds what
# only some schedules show, and what it prints replays.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1
interleave=$modules/modules/interleave.ko
abba=$modules/abba_deadlock/abba_deadlock.ko
lost=$modules/lost_update/lost_update.ko
runs=${KOI_SAME_SEED_RUNS:-100}

# What the threads printed, in order: "a1a2b1...".
order() { sed -nE 's/^.*interleave: ([ab]) ([0-9]+)$/\1\2/p; s/^\[[ 0-9.]+\] ([ab]) ([0-9]+)$/\1\2/p' <<<"$out" | tr -d '\n'; }

# ---- seeds ----
for strategy in stock random pct; do
  options=(--strategy $strategy)
  [ $strategy = pct ] && options+=(--steps 60)
  # In the stock order a short thread is over before the next one is made.
  steps=4
  [ $strategy = stock ] && steps=16
  koi_all run --seed 7 "${options[@]}" "$interleave" steps=$steps
  expect_status 0
  first=$out
  differing=0
  for ((i = 0; i < runs; i++)); do
    koi_all run --seed 7 "${options[@]}" "$interleave" steps=$steps
    [ "$out" = "$first" ] || differing=$((differing + 1))
  done
  expect_equal "$runs runs of one seed, $strategy" 0 "$differing"
  for seed in $(seq 1 20); do
    koi run --seed "$seed" "${options[@]}" "$interleave" steps=$steps
    expect_status 0
    order
    echo
  done >"$work/orders"
  expect_equal "$strategy: every line is there" 20 "$(grep -cE "^([ab][0-9]+){$((2 * steps))}\$" "$work/orders")"
  different=$(sort -u "$work/orders" | wc -l)
  echo "$strategy: $different orders of 20 seeds"
  expect_equal "$strategy: seeds give different interleavings" yes "$([ "$different" -ge 4 ] && echo yes)"
done

# ---- a fork of the booted machine is the machine of that seed ----
for seed in 3 4; do
  koi run --seed $seed --strategy random "$interleave"
  alone=$out
  koi explore --seeds $seed..$seed --strategy random --log "$interleave"
  expect_equal "the log of seed $seed, explored and run" "$alone" "$(head -n "$(wc -l <<<"$alone")" <<<"$out")"
done

# ---- the deadlock that lock order only foresees ----
koi run "$abba"
expect_status 0
expect_line 'checking 115, savings 85'
expect_line 'possible circular locking dependency'
koi explore "$abba" --seeds 1..200 --depth 3 --report "$work/lanes.html" --write-schedule "$work/schedule"
expect_status 3
found=$out
expect_line '^ +[0-9]+ deadlock: insmod, saver, spender blocked for ever \(seed [0-9]+\)$'
expect_line '^ +200 lock: .*\(seed 1, and without any switch\)$'
expect_line 'none can be left out'
expect_line 'WAITS for .*, which saver/[0-9]+ has'
expect_line 'WAITS for .*, which spender/[0-9]+ has'
koi explore "$abba" --seeds 1..200 --depth 3 --jobs 1
expect_equal 'one process at a time finds the same' "$found" "$out"
for what in replay minimised; do
  line=$(sed -nE "s/^  $what: +koi (.*)$/\1/p" <<<"$found")
  eval "koi_all $line"
  expect_status 3
  expect_line 'INFO: task saver:[0-9]+ blocked for more than 120 seconds'
  expect_line 'init did not return: it waits for something that nothing will ever bring'
  first=$out
  eval "koi_all $line"
  expect_equal "$what: the same bytes" "$first" "$out"
done
koi_all run "$abba" --schedule "$work/schedule"
expect_status 3
expect_line 'INFO: task spender:[0-9]+ blocked'
expect_equal 'the page has a lane for each thread' 2 "$(grep -oE '<th>(saver|spender)/[0-9]+</th>' "$work/lanes.html" | wc -l)"
expect_equal 'and is closed' 1 "$(grep -c '</html>' "$work/lanes.html")"
koi explore "$abba" by_address=1 --seeds 1..200
expect_status 0
expect_line '^ +200 without a finding$'

# ---- as one document ----
koi explore "$abba" --seeds 1..200 --depth 3 --json
expect_status 3
printf '%s' "$out" >"$work/found.json"
printf '%s' "$found" >"$work/found.txt"
checks=$((checks + 1))
python3 - "$work/found.json" "$work/found.txt" <<'PYTHON' || fail 'the document says what the text says'
import json, sys
d = json.load(open(sys.argv[1]))
text = open(sys.argv[2]).read()
assert d["strategy"]["name"] == "pct" and d["strategy"]["depth"] == 3 and d["seeds"] == {"first": 1, "last": 200}
assert d["exit"] == 3 and d["clean"] == 0 and d["koi_failed"] == []
for f in d["findings"]:
    assert f"{f['schedules']:>8} {f['kind']}: {f['text']} (seed {f['first_seed']}" in text, f
    assert f["without_switches"] == (f["kind"] == "lock"), f
shown = d["shown"]
small = shown["minimised"]
assert shown["kind"] == "deadlock" and shown["lanes"].strip() in text
assert "replay:     " + shown["replay"] + "\n" in text and "minimised:  " + small["replay"] + "\n" in text
assert small["schedule"] in small["replay"] and small["switches"] == len(small["schedule"].split(",")) and small["fewest"]
PYTHON
koi explore "$work/none.ko" --json
expect_status 2
expect_line '"exit": 2'

# ---- an update lost between a read without a lock and a write ----
koi run "$lost"
expect_status 0
expect_line '8 visitors, 8 lines'
for strategy in random pct round-robin; do
  koi explore "$lost" --strategy $strategy --seeds 1..200
  expect_status 1
  expect_line 'module: .*lost_update.ko: init failed: it returned -117'
  expect_line '^  [12] of [0-9]+ switches? '
done
koi explore "$lost" locked=1 --strategy random --seeds 1..200
expect_status 0
expect_line '^ +200 without a finding$'

# ---- an interrupt that comes between a read and a write on another CPU ----
isr=$modules/modules/isr_race.ko
events=(--irq 5@100us,every=97us,count=10)
koi run "$isr" "${events[@]}"
expect_status 0
expect_line '30 events, 10 interrupts, 20 lines'
for strategy in random pct; do
  koi explore "$isr" "${events[@]}" --strategy $strategy --seeds 1..200
  expect_status 1
  expect_line 'module: .*isr_race.ko: init failed: it returned -117'
  expect_line 'none can be left out'
  for what in replay minimised; do
    line=$(sed -nE "s/^  $what: +koi (.*)$/\1/p" <<<"$out")
    (eval "koi_all $line"; grep -qE '(2[0-9]) events, 10 interrupts, 20 lines' <<<"$out") || fail "$what of $strategy loses no event: $line"
    checks=$((checks + 1))
  done
done
koi explore "$isr" locked=1 "${events[@]}" --strategy random --seeds 1..200
expect_status 0
expect_line '^ +200 without a finding$'

# ---- what is refused, in one line ----
refused() {
  koi "$@"
  expect_status 2
  checks=$((checks + 1))
  [ "$(head -n 1 "$work/stderr" | wc -c)" -gt 10 ] || fail "no message"
}
refused explore "$abba" --seeds 5..4
refused explore "$abba" --seeds x
refused explore "$abba" --strategy stock
refused explore "$abba" --strategy fair
refused explore "$abba" --strategy random --depth 3
refused explore "$abba" --depth 0
refused explore "$abba" --seed 3
refused explore "$abba" --json --log
refused explore "$work/none.ko"
refused run "$abba" --schedule 93-4
refused run "$abba" --schedule "$work/none"
refused run "$abba" --depth 3
finish
