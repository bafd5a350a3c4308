#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# hostile.sh SERIES: files that are no modules, compressed modules, and damaged modules that load and run.
# (The tens of thousands of damaged files that only pass through the loader are tests/hostile, in-process.)
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules
plain=$modules/plain.ko

# One line, exit code 2.
refused() {
  koi run "$1"
  expect_status 2
  expect_one_line_on_stderr
}
: >"$work/empty.ko"
refused "$work/empty.ko"
refused "$work"
refused /bin/true
refused /nonexistent.ko
head -c 100000 /dev/zero >"$work/zeros.ko"
refused "$work/zeros.ko"
cp "$plain" "$work/arm64.ko"
printf '\xb7\x00' | dd of="$work/arm64.ko" bs=1 seek=18 conv=notrunc status=none
refused "$work/arm64.ko"
grep -q 'arm64\|aarch64\|AArch64' "$work/stderr" || fail "the message does not name arm64"
cp "$plain" "$work/class32.ko"
# The kernel itself does not look at the class byte alone; a 32-bit module has the machine i386, too.
printf '\x01' | dd of="$work/class32.ko" bs=1 seek=4 conv=notrunc status=none
printf '\x03\x00' | dd of="$work/class32.ko" bs=1 seek=18 conv=notrunc status=none
refused "$work/class32.ko"
head -c 3000 "$plain" >"$work/short.ko"
refused "$work/short.ko"

# What distributions ship.
xz -c --check=crc32 "$plain" >"$work/plain.ko.xz"
zstd -q -c "$plain" >"$work/plain.ko.zst"
gzip -c "$plain" >"$work/plain.ko.gz"
for file in "$work"/plain.ko.*; do
  koi_all run "$file"
  expect_status 0
  expect_order 'plain: init' 'plain: exit'
done
head -c 400 "$work/plain.ko.xz" >"$work/cut.ko.xz"
refused "$work/cut.ko.xz"

# 200 damaged modules that the loader takes, run to the end: koi ends by itself, with a code of its table.
python3 "$(dirname "$0")/run_damaged.py" "$KOI" "$modules/param_types.ko" 200 "$work" || fail "run_damaged"
checks=$((checks + 1))
finish
