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
cp "$plain" "$work/big_endian.ko"
printf '\x02' | dd of="$work/big_endian.ko" bs=1 seek=5 conv=notrunc status=none
refused "$work/big_endian.ko"
cp "$plain" "$work/executable.ko"
printf '\x02' | dd of="$work/executable.ko" bs=1 seek=16 conv=notrunc status=none
refused "$work/executable.ko"
grep -q 'executable' "$work/stderr" || fail "the message does not say that it is an executable"
printf 'int x;\n' >"$work/object.c"
gcc -c "$work/object.c" -o "$work/object.ko"
refused "$work/object.ko"
mkfifo "$work/fifo.ko"
refused "$work/fifo.ko"
ln -s loop.ko "$work/loop.ko"
refused "$work/loop.ko"
truncate -s 300M "$work/sparse.ko"
refused "$work/sparse.ko"
head -c 300M /dev/zero | gzip -1 >"$work/bomb.ko.gz"
refused "$work/bomb.ko.gz"
# A name cannot make two lines of one, nor talk to the terminal.
name=$work/$'two\nlines\e[31m.ko'
printf '\x7fELF' >"$name"
refused "$name"
grep -q 'two\\nlines\\x1b' "$work/stderr" || fail "the name's control characters are not shown as escapes"

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
# The system call with MODULE_INIT_COMPRESSED_FILE: 6.12 is configured to unpack xz, 6.1 unpacks nothing.
{
  for file in "$plain" "$work/plain.ko.gz" "$work/cut.ko.xz" "$work/plain.ko.xz"; do
    echo "finit_module $file 4"
  done
  echo dmesg
} >"$work/script"
koi_all shell --kernel "$(cat "$KOI_MODULES/$1/release")" --script "$work/script"
answers=$(grep -o 'ret=.*|errno=[0-9]*' <<<"$out" | tr '\n' ' ')
checks=$((checks + 1))
if [ "$1" = 6.12 ]; then
  [ "$answers" = "ret=-1|errno=22 ret=-1|errno=22 ret=-1|errno=22 ret=0|errno=0 " ] || fail "finit_module: $answers"
  expect_order 'not an xz compressed module' 'not an xz compressed module' 'plain: init'
else
  [ "$answers" = "ret=-1|errno=95 ret=-1|errno=95 ret=-1|errno=95 ret=-1|errno=95 " ] || fail "finit_module: $answers"
fi

# 200 damaged modules that the loader takes, run to the end: koi ends by itself, with a code of its table.
python3 "$(dirname "$0")/run_damaged.py" "$KOI" "$modules/param_types.ko" 200 "$work" || fail "run_damaged"
checks=$((checks + 1))
finish
