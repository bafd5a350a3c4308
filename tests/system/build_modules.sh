#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# build_modules.sh SERIES: the fixture. Builds the test modules and the examples for one kernel series.
here=$(dirname "$0")
. "$here/lib.sh"
series=$1
release=$(release_of "$series") || exit 1
target=$KOI_MODULES/$series
mkdir -p "$target"
echo "$release" >"$target/release"
# built FOLDER [OPTION]...: koi build leaves its modules there.
built() {
  "$KOI" build "$@" --kernel "$release" -- -s -j2 >"$work/log" 2>&1
  status=$?
  checks=$((checks + 1))
  if [ $status -ne 0 ]; then
    fail "Kbuild failed for $release"
    tail -n 30 "$work/log"
  fi
}
folders="tests/modules examples/hello examples/kmalloc_steps"
kinds=
case $series in
*-cloud) ;; # what the tests of cloud kernels run
*)
  folders="$folders tests/modules/corpus tests/modules/drivers examples/flow_table examples/abba_deadlock examples/lost_update"
  kinds="thread coverage address"
  ;;
esac
# A copy, so that two series (and two build directories) never share objects; -u keeps Kbuild's work.
for folder in $folders; do
  name=$(basename "$folder")
  mkdir -p "$target/$name"
  # Sources only: `make demo` leaves another kernel's objects beside the examples.
  find "$KOI_SOURCE/$folder" -maxdepth 1 -type f \( -name '*.[ch]' ! -name '*.mod.c' -o -name Kbuild -o -name Makefile \) \
    -exec cp -u -t "$target/$name/" {} +
  command_line="koi build $folder"
  built "$target/$name"
done
# The same sources with each kind of instrumentation.
for kind in $kinds; do
  mkdir -p "$target/instrumented-$kind"
  cp -u "$KOI_SOURCE"/tests/modules/instrumented/* "$target/instrumented-$kind/"
  command_line="koi build --sanitize=$kind"
  built "$target/instrumented-$kind" --sanitize="$kind"
done
checks=$((checks + 1))
[ -e "$target/kmalloc_steps/kmalloc_steps.ko" ] || fail "kmalloc_steps.ko is not there"
finish
