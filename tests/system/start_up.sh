#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# From process start to exit of a hello module, beside /bin/true, with a warm cache: under 10 ms (median of 20) and under
# 20 MB. On a machine that does other things too, the best of some medians counts; and where none is under the limit
# because others have the CPUs, the time without the waiting for one.
. "$(dirname "$0")/lib.sh"
limit_us=10000
limit_kib=20480
rounds=5
module=$KOI_MODULES/6.1/hello/hello.ko
koi_all run "$module"
expect_status 0
measure() { "$KOI_BUILD/tests/system/measure_process" --own 20 "$@"; }
read -r true_us true_kib _ <<<"$(measure /bin/true)"
best_us=
for ((round = 1; round <= rounds; ++round)); do
  read -r koi_us koi_kib own_us _ <<<"$(measure "$KOI" run "$module")"
  if [ -z "$best_us" ] || [ "$koi_us" -lt "$best_us" ]; then
    best_us=$koi_us best_kib=$koi_kib
  fi
  if [ "$round" -eq 1 ] || [ "$own_us" -lt "$best_own_us" ]; then
    best_own_us=$own_us
  fi
  if [ "$best_us" -lt "$limit_us" ]; then
    break
  fi
done
echo "/bin/true:              median $true_us us, peak $true_kib KiB"
echo "koi run hello.ko:       median $best_us us ($best_own_us us without waiting for a CPU), peak $best_kib KiB"
checks=$((checks + 3))
# What measures must be there: a number that is nothing would pass.
[ "${best_own_us:-0}" -gt 500 ] || fail "no time was measured: '$best_own_us'"
# Sanitizers and coverage cost their own time; the figure is about the release build.
if grep -q 'CMAKE_BUILD_TYPE:STRING=Release' "$KOI_BUILD/CMakeCache.txt"; then
  if [ "$best_us" -ge "$limit_us" ]; then
    echo "This machine is busy (load $(cut -d' ' -f1 /proc/loadavg)): the limit is applied to the time without waiting."
  fi
  [ "$best_own_us" -lt "$limit_us" ] || fail "the best of $rounds medians is $best_us us, $best_own_us us without waiting"
  [ "$best_kib" -lt "$limit_kib" ] || fail "peak $best_kib KiB is not under 20 MB"
fi

# An index of Module.symvers that is damaged, or a cache that cannot be written, changes nothing but the time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/koi
mkdir "$work/koi"
ln -s "$cache/core" "$work/koi/core"
cp -r "$cache/symvers" "$work/koi/symvers"
want=$out
export XDG_CACHE_HOME=$work
for index in "$work"/koi/symvers/*; do
  printf 'damaged' | dd of="$index" bs=1 seek=100 conv=notrunc status=none
done
koi_all run "$module"
expect_status 0
checks=$((checks + 1))
[ "$out" = "$want" ] || fail "another output with a damaged index"
rm -r "$work/koi/symvers"
: >"$work/koi/symvers"  # a file where the folder should be
koi_all run "$module"
expect_status 0
checks=$((checks + 1))
[ "$out" = "$want" ] || fail "another output without an index"
finish
