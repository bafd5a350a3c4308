#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The same seed prints the same bytes: 100 runs under ASLR, with other environment sizes, from other directories,
# beside a busy loop, in the release and in the debug build.
. "$(dirname "$0")/lib.sh"
runs=100
steps=$KOI_MODULES/6.1/kmalloc_steps/kmalloc_steps.ko
oops=$KOI_MODULES/6.1/modules/null_deref.ko
binaries=("$KOI")
for other in "$KOI_SOURCE/build/koi" "$KOI_SOURCE/build-debug/koi"; do
  [ -x "$other" ] && [ ! "$other" -ef "$KOI" ] && binaries+=("$other")
done
if [ "${#binaries[@]}" -lt 2 ]; then
  fail "there is no second build to compare with: make koi-debug"
fi

(while :; do :; done) &
busy=$!
mkdir "$work/elsewhere"
for module in "$steps" "$oops"; do
  koi_all run "$module"
  first=$out
  first_status=$status
  [ -n "$first" ] || fail "$module printed nothing"
  for binary in "${binaries[@]}"; do
    differing=0
    for ((i = 0; i < runs; i++)); do
      directory=$work
      ((i % 3 == 1)) && directory=$work/elsewhere
      ((i % 3 == 2)) && directory=/
      padding=$(printf '%*s' $((i * 37 % 4000)) '')
      code=0
      text=$(cd "$directory" && PADDING=$padding "$binary" run "$module" 2>&1 </dev/null) || code=$?
      if [ "$text" != "$first" ] || [ $code -ne $first_status ]; then
        differing=$((differing + 1))
        [ $differing -eq 1 ] && diff <(printf '%s\n' "$first") <(printf '%s\n' "$text") | head -n 10
      fi
    done
    command_line="$binary run $module"
    expect_equal "$runs runs of $(basename "$module")" 0 "$differing"
  done
done
kill $busy
koi_all run --seed 2 "$oops"
expect_status 3
finish
