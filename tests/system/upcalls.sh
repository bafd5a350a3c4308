#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# upcalls.sh SERIES: an oops inside every kind of upcall. koi prints the splat, kills the task that did it, and goes on: a
# second module loads and unloads; in an interrupt it panics, as the kernel does. upcalls.tsv lists the functions of the C
# core that call through a pointer, each with the case that goes through it; a new one without a case fails here.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules
release=$(cat "$KOI_MODULES/$1/release")
table=$(dirname "$0")/upcalls.tsv

# one_case MODULE KIND TASK|PANIC [COMMAND]
one_case() {
  if [ "$3" = panic ]; then
    koi_all run --kernel "$release" "$modules/$1.ko" "kind=$2"
    expect_status 3
    expect_order 'RIP: 0010:upcall_oops' 'Kernel panic - not syncing: Fatal exception in interrupt'
    return
  fi
  {
    echo "insmod $modules/$1.ko kind=$2"
    [ -z "${4:-}" ] || echo "$4"
    echo 'sleep 1'
    echo "insmod $modules/plain.ko"
    echo 'rmmod plain'
    echo 'dmesg'
  } >"$work/script"
  koi_all shell --kernel "$release" --script "$work/script"
  command_line="$1 kind=$2"
  expect_status 0
  expect_order 'BUG: kernel NULL pointer dereference' 'RIP: 0010:upcall_oops' '---\[ end trace' 'plain: init' 'plain: exit'
}

cases=0
while IFS=$'\t' read -r kind module end command; do
  one_case "$module" "$kind" "$end" "$command"
  cases=$((cases + 1))
done < <(sed -n 's/^case\t//p' "$table")
checks=$((checks + 1))
[ "$cases" -ge 50 ] || fail "only $cases cases were read"

# The functions of the compiled core that contain an indirect call or jump, without pv_ops.
core=$(ls -t "${XDG_CACHE_HOME:-$HOME/.cache}"/koi/core/"$release"-*/core.o | head -n 1)
objdump -dr --no-show-raw-insn "$core" | awk '
  /^[0-9a-f]+ <.*>:$/ { name = $2; gsub(/[<>:]/, "", name); sub(/\.(isra|constprop|part|cold).*/, "", name); held = 0; next }
  held && !/pv_ops/ { print name }
  { held = ($0 ~ /\t(call|jmp) +\*/) }' | sort -u | grep -v '^__x86_indirect_thunk' >"$work/found"
sed -n 's/^function\t\([^\t]*\).*/\1/p' "$table" | sort -u >"$work/known"
checks=$((checks + 1))
[ "$(wc -l <"$work/found")" -ge 60 ] || fail "objdump found only $(wc -l <"$work/found") functions"
while read -r name; do
  checks=$((checks + 1))
  grep -qxF -- "$name" "$work/known" || fail "$name of the C core calls through a pointer and has no row in upcalls.tsv"
done <"$work/found"
# Each case that a function names is there.
while IFS=$'\t' read -r name kinds; do
  for kind in $kinds; do
    checks=$((checks + 1))
    case $kind in
    '('*) break ;;
    esac
    grep -qP "^case\t$kind\t" "$table" || fail "$name: no case $kind"
  done
done < <(sed -n 's/^function\t//p' "$table")
finish
