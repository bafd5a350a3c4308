#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# An installed koi as an unprivileged user, in a user namespace, with 4 GiB of address space, into a closed pipe.
. "$(dirname "$0")/lib.sh"
prefix=$work/prefix
cmake --install "$KOI_BUILD" --prefix "$prefix" >/dev/null || fail "cmake --install"
KOI=$prefix/bin/koi
module=$work/hello.ko
cp "$KOI_MODULES/6.1/hello/hello.ko" "$module"
cp "$KOI_MODULES/6.1/kmalloc_steps/kmalloc_steps.ko" "$work/steps.ko"
chmod 755 "$work"
mkdir -m 777 "$work/home"
export HOME=$work/home XDG_CACHE_HOME=$work/home/.cache

ran() {
  expect_status 0
  expect_order 'hello: hello, world' 'hello: goodbye, world'
}

nobody=65534
if [ "$(id -u)" -eq 0 ]; then
  command_line="koi run as nobody"
  status=0
  out=$(setpriv --reuid=$nobody --regid=$nobody --clear-groups "$KOI" run "$module" 2>&1) || status=$?
  ran
  rm -rf "$work/home/.cache"
fi

koi_all run "$module"
ran

command_line="koi run in a user namespace"
status=0
out=$(unshare -U -r "$KOI" run "$module" 2>&1) || status=$?
case $out in
  *"unshare failed"*) echo "this machine allows no user namespaces: not tested" ;;
  *) ran ;;
esac

command_line="koi run with ulimit -v 4 GiB"
status=0
out=$(ulimit -v $((4 * 1024 * 1024)); "$KOI" run "$module" 2>&1) || status=$?
ran

command_line="koi run | nobody who reads"
"$KOI" run "$module" 2>/dev/null | true
status=${PIPESTATUS[0]}
expect_status 0
"$KOI" run "$work/steps.ko" 2>/dev/null | true
status=${PIPESTATUS[0]}
expect_status 1

command_line="koi run >&-"
status=0
"$KOI" run "$module" >&- 2>/dev/null || status=$?
expect_status 0
status=0
"$KOI" run "$module" >/dev/full 2>/dev/null || status=$?
expect_status 0
finish
