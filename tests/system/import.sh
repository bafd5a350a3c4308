#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# import.sh: tracepoint text of a real kernel becomes a trace that can be replayed; bad lines are named by number.
. "$(dirname "$0")/lib.sh"

cat >"$work/perf.txt" <<'TEXT'
# ========
insmod   213 [001]    12.345678: kmem:kmalloc: call_site=ring_setup+0x42/0x1a0 [driver] ptr=0xffff888003a10000 bytes_req=1100 bytes_alloc=2048 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false
insmod   213 [001]    12.345690: kmem:kmalloc: call_site=ring_setup+0x42/0x1a0 [driver] ptr=0xffff888003a11000 bytes_req=1100 bytes_alloc=2048 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false
insmod   213 [001]    12.345700: kmem:kmem_cache_alloc: call_site=open+0x1/0x2 ptr=0xffff888003a1d000 bytes_req=192 bytes_alloc=192 gfp_flags=GFP_KERNEL_ACCOUNT node=-1 accounted=true
insmod   213 [000]    12.345800: kmem:kmem_cache_free: call_site=close+0x1/0x2 ptr=0xffff888003a1d000 name=filp
insmod   213 [000]    12.345900: kmem:kfree: call_site=ring_free+0x1/0x2 [driver] ptr=0xffff888003a10000
TEXT
koi import "$work/perf.txt" -o "$work/trace"
expect_status 0
expect_line 'trace: 5 events of 6 lines; 0 bad lines, 1 others left out$'
koi replay "$work/trace"
expect_status 0
expect_order '^Memory of driver on 6\.1, 2 CPUs' '3 allocations asked for 2392, got 4288' \
  'ring_setup\+0x42/0x1a0 \[driver\] +2 +1 ' 'open\+0x1/0x2 +1 +0 ' '  filp ' \
  'saves 1888 of 4096 at ring_setup.* kmem_cache of 1100 bytes'
expect_no_line 'leaked'

{ cat "$work/perf.txt"; echo 'x 1 [000] 13.000001: kmem:kmalloc: ptr=0x1 bytes_req=9 bytes_alloc=8 gfp_flags=0'; } >"$work/bad.txt"
koi_all import "$work/bad.txt" -o "$work/trace"
expect_status 3
expect_line 'bad\.txt:7: bytes_req= is more than bytes_alloc=$'
koi_all import --kernel 5.10 "$work/perf.txt" -o "$work/trace"
expect_status 2
expect_line 'koi models 6\.1 and 6\.12 only'
koi_all import - -o "$work/trace"
expect_status 2
expect_line 'no kmem event in 0 lines'
finish
