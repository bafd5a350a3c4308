#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# koi modinfo against kmod's, on our modules and on the distribution's that are installed.
. "$(dirname "$0")/lib.sh"
command -v modinfo >/dev/null || PATH=$PATH:/usr/sbin:/sbin

xz -k -c "$KOI_MODULES/6.1/modules/param_types.ko" >"$work/param_types.ko.xz"
mapfile -t files < <(ls "$KOI_MODULES"/*/modules/*.ko "$KOI_MODULES"/*/hello/*.ko
  find /lib/modules -name 'crc*.ko*' -o -name 'test_*.ko*' 2>/dev/null | head -n 40)
for file in "${files[@]}" "$work/param_types.ko.xz"; do
  for option in "" "-F parm" "-F license" "-F vermagic" "-F filename" "-F nosuch" "-0"; do
    # shellcheck disable=SC2086
    expected=$(modinfo $option "$file" 2>&1 | tr '\0' '\n')
    got=$("$KOI" modinfo $option "$file" 2>&1 | tr '\0' '\n')
    command_line="koi modinfo $option $file"
    expect_equal "the same text as kmod's" "$expected" "$got"
  done
done
koi modinfo /nonexistent.ko
expect_status 2
expect_one_line_on_stderr
finish
