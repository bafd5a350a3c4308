#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# From process start to exit of a hello module: under 10 ms (median of 20) and under 20 MB, with a warm cache. On a machine
# so busy that /bin/true itself takes more than 1.25 ms, the limit is eight times that.
. "$(dirname "$0")/lib.sh"
module=$KOI_MODULES/6.1/hello/hello.ko
koi_all run "$module"
expect_status 0
measure() { "$KOI_BUILD/tests/system/measure_process" 20 "$@"; }
read -r true_us true_kib <<<"$(measure /bin/true)"
read -r koi_us koi_kib <<<"$(measure "$KOI" run "$module")"
echo "/bin/true:              median $true_us us, peak $true_kib KiB"
echo "koi run hello.ko:       median $koi_us us, peak $koi_kib KiB"
checks=$((checks + 2))
# Sanitizers and coverage cost their own time; the figure is about the release build.
if grep -q 'CMAKE_BUILD_TYPE:STRING=Release' "$KOI_BUILD/CMakeCache.txt"; then
  limit_us=$((true_us * 8 > 10000 ? true_us * 8 : 10000))
  [ "$koi_us" -lt $limit_us ] || fail "median $koi_us us is not under $limit_us us"
  [ "$koi_kib" -lt 20480 ] || fail "peak $koi_kib KiB is not under 20 MB"
fi
finish
