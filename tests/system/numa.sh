#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# numa.sh SERIES: --nodes: which node memory comes from, and what the files say. The module's lines are those of real kernels
# of both releases on such a machine (qemu, -m 1G -smp 4,sockets=2, two nodes); also init_on_free, which zeroes what is freed.
. "$(dirname "$0")/lib.sh"
series=$1
modules=$KOI_MODULES/$series/modules

# ---- two nodes ----
koi_all run --nodes 2 --cpus 4 "$modules/numa.ko"
expect_status 0
expect_line 'nodes: 2 ids, 2 online, 0-1 have memory, 0-1 have CPUs$'
expect_line 'node 0: CPUs 0-1, distance to 0 10, zones 2, starts at 0, 131072 present$'
expect_line 'node 1: CPUs 2-3, distance to 0 20, zones 2, starts at 131072, 131072 present$'
expect_order 'cpu 0: node 0, spread 2$' 'cpu 1: node 0, spread 3$' 'cpu 2: node 1, spread 0$' 'cpu 3: node 1, spread 1$'
for cpu in 0 1 2 3; do
  node=$((cpu / 2))
  expect_line "cpu $cpu: numa_node_id $node, page $node, object $node, large $node, vmalloc $node$"
done
for node in 0 1; do
  expect_line "node $node: page $node, small $node, object $node, large $node, vmalloc $node, kvmalloc $node$"
  expect_line "node $node: zone DMA32 of node $node$"
done
expect_order 'node 1: more than half: 1$' 'node 1: then from node 0$' 'numa: bye$'

# ---- more nodes than CPUs, and memory on both sides of 4 GiB ----
koi_all run --nodes 3 --cpus 2 --memory 6G "$modules/numa.ko"
expect_status 0
expect_line 'nodes: 3 ids, 3 online, 0-2 have memory, 0-1 have CPUs$'
expect_line 'node 2: CPUs , distance to 0 20, zones 3, starts at 1310720, 524288 present$'
expect_line 'node 2: page 2, small 2, object 2, large 2, vmalloc 2, kvmalloc 2$'
expect_line 'node 2: zone Normal of node 2$'
expect_line 'node 2: then from node 0$'

# ---- a node that is not there: the slab allocator takes any, the page allocator reads through NULL ----
koi_all run --nodes 2 "$modules/numa.ko" how=nonode
expect_status 3
expect_order 'object on a node that is not there: 1$' 'unable to handle page fault for address: 0000000000001e08$' \
  'RIP: 0010:__alloc_pages'

# ---- files ----
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat >"$script" <<'SCRIPT'
cat /proc/buddyinfo
cat /proc/zoneinfo
cat /proc/pagetypeinfo
cat /sys/devices/system/node/online
cat /sys/devices/system/node/node1/cpulist
cat /sys/devices/system/node/node1/cpumap
cat /sys/devices/system/node/node1/distance
cat /sys/devices/system/node/node1/meminfo
cat /sys/devices/system/node/node0/numastat
ls /sys/devices/system/node
SCRIPT
koi_all shell --kernel "$(cat "$KOI_MODULES/$series/release")" --nodes 2 --cpus 4 --script "$script"
expect_status 0
expect_line '^Node 0, zone      DMA '
expect_line '^Node 1, zone    DMA32( +[0-9]+){11} $'
expect_line '^Node 1, zone      DMA$'
expect_line '^Node    1, zone    DMA32, type    Unmovable '
expect_line '^  start_pfn:           131072$'
expect_line '^0-1$'
expect_line '^2-3$'
expect_line '^c$'
expect_line '^20 10$'
expect_line '^Node 1 MemTotal:         524288 kB$'
expect_line '^Node 1 HugePages_Total:     0$'
expect_line '^local_node [0-9]+$'
expect_line 'node1'

# ---- the report of an exhausted machine names every node ----
koi_all run --nodes 2 --memory 64M "$modules/exhaust.ko" how=4m
expect_status 0
expect_line 'mems_allowed=0-1$'
expect_order 'Node 0 active_anon' 'Node 1 active_anon' 'Node 0 DMA free' 'Node 0 DMA32 free' 'Node 1 DMA32 free' \
  'Node 0 DMA: ' 'Node 0 DMA32: ' 'Node 1 DMA32: ' 'Node 1 hugepages_total=0' 'all given back'

# ---- too many, too small ----
koi_all run --nodes 9 "$modules/numa.ko"
expect_status 2
expect_line "'9' is not a number of nodes from 1 to 8"
koi_all run --nodes 8 --memory 64M "$modules/numa.ko"
expect_status 2
expect_line 'is too little for --nodes 8: a node needs at least 16 MiB'

# ---- init_on_free ----
for how in 1 0; do
  koi_all run --cmdline "init_on_free=$how" "$modules/free_init.ko"
  expect_status 0
  [ $how = 1 ] && left=00 || left=a5
  for what in kmalloc large page cache; do expect_line "\] $what: $left after free$"; done
  # Contents that a constructor made, or that readers may still look at, stay.
  expect_line '\] ctor: a5 after free$'
  expect_line '\] rcu: a5 after free$'
  expect_line "want_init_on_free: $how, on_alloc: 1$"
done
# A has no meaning without CONFIG_FAILSLAB: nothing changes, as on Debian's kernels.
koi_all run --cmdline slub_debug=A "$modules/free_init.ko"
expect_status 0
expect_line '\] kmalloc: a5 after free$'
finish
