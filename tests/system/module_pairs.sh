#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# module_pairs.sh SERIES: modules that use each other; and when the second one fails, the first still unloads.
. "$(dirname "$0")/lib.sh"
modules=$KOI_MODULES/$1/modules

koi_all run "$modules/provider.ko" "$modules/consumer.ko"
expect_status 0
expect_order 'provider: init' 'consumer: init 42 15' 'consumer: 2 calls so far' 'consumer: exit 2' \
  'provider: exit after 3 calls'

koi_all run "$modules/consumer.ko"
expect_status 2
expect_line 'consumer: Unknown symbol provider_double \(err -2\)'
expect_line '^insmod: ERROR: could not insert module .*consumer\.ko: Unknown symbol in module'

koi_all run "$modules/provider.ko" "$modules/proprietary.ko"
expect_status 0
expect_order "proprietary: module license 'Proprietary' taints kernel" 'proprietary: init 8' 'provider: exit after 1 calls'

for second in null_deref stack_overflow missing_symbol init_fails; do
  koi_all run "$modules/provider.ko" "$modules/$second.ko"
  expect_order 'provider: init' 'provider: exit after 0 calls'
done
koi_all run "$modules/provider.ko" "$modules/loop_forever.ko" relax=1 --timeout 2
expect_order 'provider: init' 'soft lockup' 'provider: exit after 0 calls'

koi_all run "$modules/plain.ko" "$modules/plain.ko"
expect_line '^insmod: ERROR: could not insert module .*plain\.ko: File exists$'
finish
