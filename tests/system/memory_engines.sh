#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# memory_engines.sh SERIES: slabs that readers under RCU may look at, and memory pools (also beside a model).
. "$(dirname "$0")/lib.sh"
series=$1
modules=$KOI_MODULES/$series/modules

koi_all run "$modules/rcu_slab.ko"
expect_status 0
expect_line 'plain_cache: page in other hands before the grace period: 1, after it: 1$'
expect_line 'rcu_cache: read under RCU after the free: intact$'
expect_line 'rcu_cache: page in other hands before the grace period: 0, after it: 1$'

koi_all run "$modules/pools.ko"
expect_status 0
expect_order 'reserve 3 of 3, live 3$' 'allocator first: reserve 3, live 4$' 'reserve used up: 0 left, fourth is NULL: 1$' \
  'waited 1[0-9][0-9] ms for the element given back$' 'all given back: reserve 3, live 3$' 'grown: 0, reserve 5$' \
  'shrunk: 0, reserve 1, live 1$' 'destroyed: live 0$'

# Allocating, freeing, resizing at random, with an allocator that fails at random, beside a model of the reserve.
for seed in 1 2 3; do
  koi_all run "$modules/mempool_model.ko" seed=$seed
  expect_status 0
  expect_line '200000 operations on memory pools, 0 differences$'
done
finish
